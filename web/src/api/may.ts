import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { session } from "./queries";

/**
 * Whether the person may do this; the server decides in the end, the page only does not offer what would be
 * refused. Nothing is changed while a page shows a day in the past.
 */
export function useMay(permission: string): boolean {
  const { data } = useQuery(session);
  const { as_of } = useSearch({ strict: false }) as { as_of?: string };
  if (as_of && !permission.endsWith(":read")) return false;
  return data?.user?.permissions.includes(permission) ?? false;
}
