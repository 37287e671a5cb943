import { useQuery } from "@tanstack/react-query";
import { session } from "./queries";

/** Whether the person may do this; the server decides in the end, the page only does not offer what would be refused. */
export function useMay(permission: string): boolean {
  const { data } = useQuery(session);
  return data?.user?.permissions.includes(permission) ?? false;
}
