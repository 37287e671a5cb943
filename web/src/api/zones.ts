import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";

export const baselineKey = ["baseline"] as const;
export const conduitKey = ["conduits"] as const;

export const baselines = (site: string) =>
  queryOptions({
    queryKey: [...baselineKey, "zones", site],
    enabled: site !== "",
    queryFn: () => answer(api.GET("/sites/{id}/baselines", { params: { path: { id: site } } })),
  });

type Verdict = "undecided" | "learned" | "new" | "approved" | "denied" | "expired";
export type GroupNarrow = { site: string; zone?: string; state?: string; verdict?: Verdict };

export const baselineGroups = (narrow: GroupNarrow) =>
  queryOptions({
    queryKey: [...baselineKey, "groups", narrow],
    enabled: narrow.site !== "",
    queryFn: () => answer(api.GET("/baseline/groups", { params: { query: { ...narrow, limit: 200 } } })),
  });

export const baselineTalks = (id: string, verdict: Exclude<Verdict, "undecided">) =>
  queryOptions({
    queryKey: [...baselineKey, "talks", id, verdict],
    queryFn: () =>
      answer(api.GET("/baseline/groups/{id}/talks", { params: { path: { id }, query: { verdict, limit: 200 } } })),
  });

export const baselineTalk = (id: string) =>
  queryOptions({
    queryKey: [...baselineKey, "talk", id],
    queryFn: () => answer(api.GET("/baseline/talks/{id}", { params: { path: { id } } })),
  });

export const baselineDrift = (site: string, from: string, to: string, zone: string, state: string) =>
  queryOptions({
    queryKey: [...baselineKey, "drift", site, from, to, zone, state],
    enabled: site !== "",
    queryFn: () =>
      answer(
        api.GET("/sites/{id}/baseline-drift", {
          params: {
            path: { id: site },
            query: { from, to: to || undefined, zone: zone || undefined, state: state || undefined },
          },
        }),
      ),
  });

export const conduits = (site: string) =>
  queryOptions({
    queryKey: [...conduitKey, site],
    enabled: site !== "",
    queryFn: () => answer(api.GET("/sites/{id}/conduits", { params: { path: { id: site } } })),
  });

export const performance = (site: string) =>
  queryOptions({
    queryKey: ["performance", site],
    enabled: site !== "",
    queryFn: () => answer(api.GET("/sites/{id}/performance", { params: { path: { id: site } } })),
  });
