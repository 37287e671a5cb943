// What the page of sensors asks the server.
import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { answer, api, set } from "../../api/client";
import type { components } from "../../api/schema";

type S = components["schemas"];
export type Edge = S["CentreEdge"];
export type EdgeDetail = S["CentreDetail"];
export type Interface = S["EdgeInterface"];
export type Token = S["CentreToken"];
export type Made = S["CentreMade"];

const soon = 10_000;

export const edges = (site: string | undefined) =>
  queryOptions({
    queryKey: ["edges", site],
    queryFn: ({ signal }) => answer(api.GET("/edges", { params: { query: set({ site, limit: 200 }) }, signal })),
    refetchInterval: soon,
  });
export const edge = (id: string) =>
  queryOptions({
    queryKey: ["edge", id],
    queryFn: async ({ signal }) => {
      const got = await api.GET("/edges/{id}", { params: { path: { id } }, signal });
      return { edge: got.data as EdgeDetail, etag: got.response.headers.get("ETag") ?? "" };
    },
    refetchInterval: soon,
  });
export const edgeTokens = queryOptions({
  queryKey: ["edge-tokens"],
  queryFn: ({ signal }) => answer(api.GET("/edge-tokens", { signal })),
  refetchInterval: soon,
});
export const edgeFiles = queryOptions({
  queryKey: ["edge-files"],
  queryFn: ({ signal }) => answer(api.GET("/edge-files", { signal })),
  refetchInterval: 30_000,
});
export const listener = queryOptions({
  queryKey: ["edge-listener"],
  queryFn: ({ signal }) => answer(api.GET("/edge-listener", { signal })),
});

export function useRefresh() {
  const client = useQueryClient();
  return async () => {
    for (const key of ["edges", "edge", "edge-tokens", "edge-files", "inbox"])
      await client.invalidateQueries({ queryKey: [key] });
  };
}
