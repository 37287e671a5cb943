import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import type { components } from "./schema";

export type Alert = components["schemas"]["DetectAlert"];
export type Decision = components["schemas"]["DetectDecision"];
export type Detection = components["schemas"]["DetectDetection"];
export type Technique = components["schemas"]["DetectTechnique"];
export type OwnFile = components["schemas"]["DetectOwnFile"];
export type Would = components["schemas"]["DetectWould"];
export type Load = components["schemas"]["DetectLoad"];
export type State = "open" | "all" | "new" | "acknowledged" | "returned" | "shelved" | "closed";

type Narrow = { site?: string; state?: State; rule?: string; asset?: string; q?: string };

export const alerts = (narrow: Narrow) =>
  queryOptions({
    queryKey: ["alerts", "list", narrow],
    queryFn: () =>
      answer(
        api.GET("/alerts", {
          params: {
            query: {
              site: narrow.site || undefined,
              state: narrow.state,
              rule: narrow.rule || undefined,
              asset: narrow.asset || undefined,
              q: narrow.q || undefined,
              limit: 200,
            },
          },
        }),
      ),
    refetchInterval: 5_000,
  });

export const alert = (id: string) =>
  queryOptions({
    queryKey: ["alerts", "one", id],
    queryFn: () => answer(api.GET("/alerts/{id}", { params: { path: { id } } })),
  });

export const alertLoad = queryOptions({
  queryKey: ["alerts", "load"],
  queryFn: () => answer(api.GET("/alerts/load")),
  refetchInterval: 30_000,
});

export const detections = queryOptions({
  queryKey: ["detections"],
  queryFn: () => answer(api.GET("/detections")),
});

export const detectionFiles = queryOptions({
  queryKey: ["detections", "files"],
  queryFn: () => answer(api.GET("/detection-files")),
});

export const indicatorSources = queryOptions({
  queryKey: ["indicators", "sources"],
  queryFn: () => answer(api.GET("/indicator-sources")),
});

export const indicators = queryOptions({
  queryKey: ["indicators", "list"],
  queryFn: () => answer(api.GET("/indicators", { params: { query: { limit: 100 } } })),
});
