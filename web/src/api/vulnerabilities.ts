import { queryOptions } from "@tanstack/react-query";
import { answer, api, prefix } from "./client";
import { Problem, problemOf } from "./problem";
import type { components } from "./schema";

export type Finding = components["schemas"]["VulnFinding"];
export type Decision = components["schemas"]["VulnDecision"];

/** What an import brought. */
export type Taken = {
  documents: number;
  new: number;
  changed: number;
  silent: number;
  same: number;
  facts: number;
  refused: string[];
  refusals: number;
};

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
export async function takeAdvisories(file: File): Promise<Taken> {
  const response = await fetch(`${prefix}/advisories/import?name=${encodeURIComponent(file.name)}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { Accept: "application/json", "Content-Type": "application/octet-stream" },
    body: file,
  }).catch(() => {
    throw new Problem(0, "", "", "unreachable");
  });
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return JSON.parse(text) as Taken;
}
