import { useQuery } from "@tanstack/react-query";
import { session } from "../../api/queries";
import { type RecordType, recordTypes } from "../../api/records";

/** The type of a record, once it is known. */
export function useType(id: string | undefined): RecordType | undefined {
  return useQuery(recordTypes).data?.items.find((one) => one.id === id);
}

/** Whether the person may do what a type asks its own permission for. */
export function useAllowed(permission: string | undefined): boolean {
  const who = useQuery(session);
  return (permission && (who.data?.user?.permissions as string[] | undefined)?.includes(permission)) || false;
}
