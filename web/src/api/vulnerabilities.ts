import { queryOptions } from "@tanstack/react-query";
import { answer, api, asIs } from "./client";
import type { components } from "./schema";

export type Finding = components["schemas"]["VulnFinding"];
export type Decision = components["schemas"]["VulnDecision"];

/** What an import brought. */
export type Taken = components["schemas"]["VulnTaken"];

const site = (id: string) => ({ site: id || undefined });
const key = (...parts: unknown[]) => ["vulnerabilities", ...parts];

export const vulnSummary = (id: string) =>
  queryOptions({
    queryKey: key("summary", id),
    queryFn: () => answer(api.GET("/vulnerabilities/summary", { params: { query: site(id) } })),
  });

type Narrow = {
  site?: string;
  asset?: string;
  advisory?: string;
  decision?: "now" | "next" | "never";
  state?: "active";
  verdict?: "affected" | "unknown";
};

export const findings = (narrow: Narrow) =>
  queryOptions({
    queryKey: key("list", narrow),
    queryFn: () =>
      answer(
        api.GET("/vulnerabilities", { params: { query: { ...narrow, site: narrow.site || undefined, limit: 200 } } }),
      ),
  });

export const finding = (id: string) =>
  queryOptions({
    queryKey: key("one", id),
    queryFn: () => answer(api.GET("/vulnerabilities/{id}", { params: { path: { id } } })),
  });

export const questions = (id: string) =>
  queryOptions({
    queryKey: key("questions", id),
    queryFn: () => answer(api.GET("/vulnerabilities/questions", { params: { query: site(id) } })),
  });

export const vulnPlan = (id: string) =>
  queryOptions({
    queryKey: key("plan", id),
    queryFn: () => answer(api.GET("/vulnerabilities/plan", { params: { query: site(id) } })),
  });

export const vulnSources = queryOptions({
  queryKey: key("sources"),
  queryFn: () => answer(api.GET("/advisory-sources")),
});

export const advisory = (id: string) =>
  queryOptions({
    queryKey: key("advisory", id),
    queryFn: () => answer(api.GET("/advisories/{id}", { params: { path: { id } } })),
  });

/** Takes a file in as it is: the server tells by its content what it holds. */
export const takeAdvisories = (file: File) =>
  answer(api.POST("/advisories/import", { params: { query: { name: file.name } }, ...asIs(file) }));
