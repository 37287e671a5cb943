import { type QueryClient, useQueryClient } from "@tanstack/react-query";

/** A record changed: whatever shows it, counts it or stands on it is old. */
export function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return () => refresh(client);
}

export async function refresh(client: QueryClient): Promise<void> {
  const keys = ["record", "record-history", "record-facets", "record-counts", "record-calendar", "inbox", "posture"];
  // A list that was scrolled far down is read again from its top, not page by page to where it was.
  const lists = client.getQueryCache().findAll({ queryKey: ["records"] });
  const long = (data: unknown) => ((data as { pages?: unknown[] } | undefined)?.pages?.length ?? 0) > 5;
  await Promise.all([
    ...keys.map((key) => client.invalidateQueries({ queryKey: [key] })),
    ...lists.map((query) =>
      long(query.state.data)
        ? client.resetQueries({ queryKey: query.queryKey, exact: true })
        : client.invalidateQueries({ queryKey: query.queryKey, exact: true }),
    ),
  ]);
}
