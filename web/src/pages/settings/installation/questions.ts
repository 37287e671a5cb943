import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "../../../api/client";

export const system = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => answer(api.GET("/system", { signal })),
  refetchInterval: 15_000,
});

export const snapshots = queryOptions({
  queryKey: ["system", "snapshots"],
  queryFn: ({ signal }) => answer(api.GET("/system/snapshots", { signal })),
  // While one is being made its step changes every few seconds.
  refetchInterval: (query) => (query.state.data?.doing || query.state.data?.wanted ? 2000 : 30_000),
});

export const retention = queryOptions({
  queryKey: ["system", "retention"],
  queryFn: ({ signal }) => answer(api.GET("/system/retention", { signal })),
});

export const preview = (kind: string, days: number) =>
  queryOptions({
    queryKey: ["system", "retention", kind, days],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/system/retention/{class}/preview", { params: { path: { class: kind }, query: { days } }, signal }),
      ),
    retry: false,
  });
