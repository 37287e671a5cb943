// One place knows which question is asked of which address, and how long its answer stays good.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { get, getTagged, type Query } from "./client";
import type {
  Asset,
  AssetHistory,
  AssetRow,
  AuditEntry,
  Capture,
  CheckItem,
  Checkpoint,
  Conversation,
  ConversationRow,
  Evidence,
  Facets,
  Packet,
  Page,
  Plant,
  PlantEvent,
  Posture,
  Realm,
  Requirement,
  RequirementRow,
  SearchItem,
  Session,
  SessionRow,
  Site,
  Subnet,
  UserRow,
  Zone,
} from "./types";

const minute = 60_000;

function pages<T>(key: string, path: string, query: Query = {}) {
  return infiniteQueryOptions({
    queryKey: [key, path, query],
    queryFn: ({ pageParam, signal }) => get<Page<T>>(path, { ...query, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
  });
}

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => get<Session>("/session", {}, signal),
  staleTime: 5 * minute,
});
export const sites = queryOptions({
  queryKey: ["sites"],
  queryFn: ({ signal }) => get<Page<Site>>("/sites", {}, signal),
  staleTime: minute,
});
export const posture = queryOptions({
  queryKey: ["posture"],
  queryFn: ({ signal }) => get<Posture>("/posture", {}, signal),
  refetchInterval: minute,
});
export const requirements = (query: Query = {}) =>
  queryOptions({
    queryKey: ["requirements", query],
    queryFn: ({ signal }) => get<Page<RequirementRow>>("/requirements", query, signal),
  });
export const requirement = (id: string) =>
  queryOptions({
    queryKey: ["requirement", id],
    queryFn: ({ signal }) => get<Requirement>(`/requirements/${encodeURIComponent(id)}`, {}, signal),
  });
export const checkItems = (check: string, query: Query) =>
  pages<CheckItem>("items", `/checks/${encodeURIComponent(check)}/items`, query);
export const evidence = (query: Query) => pages<Evidence>("evidence", "/evidence", query);

export const assets = (query: Query) => pages<AssetRow>("assets", "/assets", { limit: 200, ...query });
export const facets = (query: Query) =>
  queryOptions({
    queryKey: ["facets", query],
    queryFn: ({ signal }) => get<Facets>("/assets/facets", query, signal),
    staleTime: minute,
  });
export const asset = (id: string) =>
  queryOptions({
    queryKey: ["asset", id],
    queryFn: ({ signal }) => getTagged<Asset>(`/assets/${encodeURIComponent(id)}`, signal),
  });
export const assetConversations = (id: string) =>
  pages<ConversationRow>("asset-conversations", `/assets/${encodeURIComponent(id)}/conversations`);
export const assetHistory = (id: string) =>
  pages<AssetHistory>("asset-history", `/assets/${encodeURIComponent(id)}/history`);

export const plant = (site: string) =>
  queryOptions({
    queryKey: ["plant", site],
    queryFn: ({ signal }) => get<Plant>("/plant", { site }, signal),
    enabled: site !== "",
  });
export const conversations = (query: Query) => pages<ConversationRow>("conversations", "/conversations", query);
export const conversation = (id: string) =>
  queryOptions({
    queryKey: ["conversation", id],
    queryFn: ({ signal }) => get<Conversation>(`/conversations/${encodeURIComponent(id)}`, {}, signal),
  });
export const events = (query: Query) => pages<PlantEvent>("events", "/events", query);
export const packet = (source: string, number: number) =>
  queryOptions({
    queryKey: ["packet", source, number],
    queryFn: ({ signal }) => get<Packet>(`/sources/${encodeURIComponent(source)}/packets/${number}`, {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

const running = (state: string) => state === "queued" || state === "reading";
export const captures = queryOptions({
  queryKey: ["captures"],
  queryFn: ({ signal }) => get<Page<Capture>>("/captures", {}, signal),
  refetchInterval: (query) => (query.state.data?.items.some((c) => running(c.state)) ? 1000 : 30_000),
});

export const auditLog = (query: Query) => pages<AuditEntry>("audit", "/audit", query);
export const checkpoint = queryOptions({
  queryKey: ["checkpoint"],
  queryFn: ({ signal }) => get<Checkpoint>("/audit/checkpoint", {}, signal),
});
export const search = (q: string) =>
  queryOptions({
    queryKey: ["search", q],
    queryFn: ({ signal }) => get<{ items: SearchItem[] }>("/search", { q }, signal),
    enabled: q.length > 1,
    staleTime: minute,
  });
export const users = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => get<Page<UserRow>>("/users", {}, signal),
});
export const sessions = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => get<Page<SessionRow>>("/sessions", {}, signal),
});
export const zones = (site: string) =>
  queryOptions({
    queryKey: ["zones", site],
    queryFn: ({ signal }) => get<Page<Zone>>(`/sites/${encodeURIComponent(site)}/zones`, {}, signal),
    enabled: site !== "",
  });
export const realms = (site: string) =>
  queryOptions({
    queryKey: ["realms", site],
    queryFn: ({ signal }) => get<Page<Realm>>(`/sites/${encodeURIComponent(site)}/realms`, {}, signal),
    enabled: site !== "",
  });
export const subnets = (site: string) =>
  queryOptions({
    queryKey: ["subnets", site],
    queryFn: ({ signal }) => get<Page<Subnet>>(`/sites/${encodeURIComponent(site)}/subnets`, {}, signal),
    enabled: site !== "",
  });
