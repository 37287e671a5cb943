import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api, set } from "./client";
import type { components } from "./schema";

export type LogSource = components["schemas"]["LogsSource"];
export type LogLine = components["schemas"]["LogsLine"];
export type LogWant = components["schemas"]["LogsWant"];
export type Stranger = components["schemas"]["LogsStranger"];

export const logKey = ["logs"] as const;

/** Who is expected to send lines at a site, and how each does. */
export const logRegister = (site: string) =>
  queryOptions({
    queryKey: [...logKey, "register", site],
    enabled: site !== "",
    queryFn: ({ signal }) => answer(api.GET("/sites/{id}/log-sources", { params: { path: { id: site } }, signal })),
  });

/** Where a site's zones meet those of others. */
export const boundaries = (site: string) =>
  queryOptions({
    queryKey: ["boundaries", site],
    enabled: site !== "",
    queryFn: ({ signal }) => answer(api.GET("/sites/{id}/boundaries", { params: { path: { id: site } }, signal })),
  });

export type LineFilter = {
  site: string;
  source: string;
  asset: string;
  q: string;
  from: string;
  to: string;
  severity: number;
};

/** Lines, the newest first. A page may be empty and still say how to go on. */
export const logLines = (filter: LineFilter) =>
  infiniteQueryOptions({
    queryKey: [...logKey, "lines", filter],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/log-lines", {
          params: { query: { ...set({ ...filter, cursor: pageParam }), severity: filter.severity, limit: 100 } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
  });
