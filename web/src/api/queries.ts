// Which question is asked of which address, and how long its answer stays good.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api, set, type Tagged, tagged } from "./client";
import type {
  Asset,
  AssetRow,
  AuditEntry,
  CheckItem,
  Conversation,
  ConversationRow,
  Evidence,
  Page,
  Program,
  Session,
  SessionRow,
  Site,
  UserRow,
} from "./types";

const minute = 60_000;
const forever = Number.POSITIVE_INFINITY;

/** A list that comes page by page. */
export function pages<T>(
  key: readonly unknown[],
  ask: (cursor: string | undefined, signal: AbortSignal) => Promise<unknown>,
) {
  return infiniteQueryOptions({
    queryKey: key,
    queryFn: async ({ pageParam, signal }) => (await ask(pageParam || undefined, signal)) as Page<T>,
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
  });
}

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => answer(api.GET("/session", { signal })) as Promise<Session>,
  staleTime: 5 * minute,
});
export const sites = queryOptions({
  queryKey: ["sites"],
  queryFn: ({ signal }) => answer(api.GET("/sites", { signal })) as Promise<Page<Site>>,
  staleTime: minute,
  refetchInterval: minute,
});

export const posture = queryOptions({
  queryKey: ["posture"],
  queryFn: ({ signal }) => answer(api.GET("/posture", { signal })),
  refetchInterval: minute,
});
export const requirements = queryOptions({
  queryKey: ["requirements"],
  queryFn: ({ signal }) => answer(api.GET("/requirements", { signal })),
});
export const requirement = (id: string) =>
  queryOptions({
    queryKey: ["requirement", id],
    queryFn: ({ signal }) => answer(api.GET("/requirements/{id}", { params: { path: { id } }, signal })),
  });
type Verdict = CheckItem["verdict"];
export const checkItems = (id: string, site: string, verdict: string | undefined) =>
  pages<CheckItem>(["items", id, site, verdict], (cursor, signal) =>
    answer(
      api.GET("/checks/{id}/items", {
        params: { path: { id }, query: set({ site, verdict: verdict as Verdict | undefined, cursor }) },
        signal,
      }),
    ),
  );
export const evidence = (check: string, site: string) =>
  pages<Evidence>(["evidence", check, site], (cursor, signal) =>
    answer(api.GET("/evidence", { params: { query: set({ check, site, cursor }) }, signal })),
  );

export type AssetFilter = {
  site?: string;
  zone?: string;
  role?: string;
  vendor?: string;
  level?: string;
  state?: string;
  conflict?: string;
  expected?: string;
  planned?: string;
  q?: string;
  sort?: string;
};
const one = (value: string | undefined) => (value ? [value] : undefined);
const listOf = ({ site, zone, role, vendor, level, state, conflict, expected, planned, q }: AssetFilter) => ({
  site: one(site),
  zone: one(zone),
  role: one(role),
  vendor: one(vendor),
  level: one(level),
  state: one(state),
  conflict: conflict === "true" ? ("true" as const) : undefined,
  expected: expected === "true" ? ("true" as const) : undefined,
  planned: one(planned),
  q,
});
export const assets = (filter: AssetFilter, limit = 200) =>
  pages<AssetRow>(["assets", filter, limit], (cursor, signal) =>
    answer(
      api.GET("/assets", { params: { query: set({ ...listOf(filter), sort: filter.sort, limit, cursor }) }, signal }),
    ),
  );
export const facets = (filter: AssetFilter) =>
  queryOptions({
    queryKey: ["facets", filter],
    queryFn: ({ signal }) => answer(api.GET("/assets/facets", { params: { query: set(listOf(filter)) }, signal })),
    placeholderData: (before) => before,
  });
export const asset = (id: string) =>
  queryOptions({
    queryKey: ["asset", id],
    queryFn: ({ signal }) =>
      tagged(api.GET("/assets/{id}", { params: { path: { id } }, signal })) as Promise<Tagged<Asset>>,
  });
export const assetConversations = (id: string) =>
  pages<ConversationRow>(["conversations", "of", id], (cursor, signal) =>
    answer(api.GET("/assets/{id}/conversations", { params: { path: { id }, query: set({ cursor }) }, signal })),
  );
export const assetPrograms = (id: string) =>
  pages<Program>(["programs", "of", id], (cursor, signal) =>
    answer(api.GET("/assets/{id}/programs", { params: { path: { id }, query: set({ cursor }) }, signal })),
  );
export const unknownTraffic = (site: string | undefined) =>
  queryOptions({
    queryKey: ["unknown-traffic", site ?? ""],
    queryFn: ({ signal }) => answer(api.GET("/unknown-traffic", { params: { query: set({ site }) }, signal })),
  });
export const assetHistory = (id: string) =>
  queryOptions({
    queryKey: ["asset-history", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/assets/{id}/history", { params: { path: { id }, query: { limit: 50 } }, signal })),
  });

export const plant = (site: string) =>
  queryOptions({
    queryKey: ["plant", site],
    queryFn: ({ signal }) => answer(api.GET("/plant", { params: { query: { site } }, signal })),
    enabled: site !== "",
  });

export type TalkFilter = {
  site?: string;
  asset?: string;
  from_zone?: string;
  to_zone?: string;
  protocol?: string;
  q?: string;
};
export const conversations = (filter: TalkFilter, limit = 100) =>
  pages<ConversationRow>(["conversations", filter, limit], (cursor, signal) =>
    answer(api.GET("/conversations", { params: { query: set({ ...filter, limit, cursor }) }, signal })),
  );
export const conversation = (id: string) =>
  queryOptions({
    queryKey: ["conversation", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/conversations/{id}", { params: { path: { id } }, signal })) as Promise<Conversation>,
  });
export const packet = (source: string, number: number, seen = "") =>
  queryOptions({
    queryKey: ["packet", source, number, seen],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/sources/{source}/packets/{number}", {
          params: { path: { source, number }, query: set({ seen }) },
          signal,
        }),
      ),
    staleTime: forever,
    retry: false,
  });

const running = (state: string) => state === "queued" || state === "reading";
export const captures = queryOptions({
  queryKey: ["captures"],
  queryFn: ({ signal }) => answer(api.GET("/captures", { params: { query: { limit: 100 } }, signal })),
  refetchInterval: (query) => (query.state.data?.items.some((c) => running(c.state)) ? 1000 : 30_000),
});

export const auditLog = (filter: { actor?: string; action?: string }) =>
  pages<AuditEntry>(["audit", filter], (cursor, signal) =>
    answer(api.GET("/audit", { params: { query: set({ ...filter, cursor }) }, signal })),
  );
export const checkpoint = queryOptions({
  queryKey: ["checkpoint"],
  queryFn: ({ signal }) => answer(api.GET("/audit/checkpoint", { signal })),
});
export const search = (q: string) =>
  queryOptions({
    queryKey: ["search", q],
    queryFn: ({ signal }) => answer(api.GET("/search", { params: { query: { q } }, signal })),
    enabled: q.length > 1,
    staleTime: minute,
  });

export const users = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => answer(api.GET("/users", { signal })) as Promise<Page<UserRow>>,
});
export const sessions = (all: boolean) =>
  queryOptions({
    queryKey: ["sessions", all],
    queryFn: ({ signal }) =>
      answer(api.GET("/sessions", { params: { query: { all } }, signal })) as Promise<Page<SessionRow>>,
  });
export const roles = queryOptions({
  queryKey: ["roles"],
  queryFn: ({ signal }) => answer(api.GET("/roles", { signal })),
});
export const secondStep = queryOptions({
  queryKey: ["second-step"],
  queryFn: ({ signal }) => answer(api.GET("/session/totp", { signal })),
});
export const tokens = (all: boolean) =>
  queryOptions({
    queryKey: ["tokens", all],
    queryFn: ({ signal }) => answer(api.GET("/tokens", { params: { query: { all } }, signal })),
  });
export const entities = queryOptions({
  queryKey: ["entities"],
  queryFn: ({ signal }) => answer(api.GET("/entities", { signal })),
});
export const zones = (id: string) =>
  queryOptions({
    queryKey: ["zones", id],
    queryFn: ({ signal }) => answer(api.GET("/sites/{id}/zones", { params: { path: { id } }, signal })),
    enabled: id !== "",
  });
export const realms = (id: string) =>
  queryOptions({
    queryKey: ["realms", id],
    queryFn: ({ signal }) => answer(api.GET("/sites/{id}/realms", { params: { path: { id } }, signal })),
    enabled: id !== "",
  });
export const subnets = (id: string) =>
  queryOptions({
    queryKey: ["subnets", id],
    queryFn: ({ signal }) => answer(api.GET("/sites/{id}/subnets", { params: { path: { id } }, signal })),
    enabled: id !== "",
  });

export const passkeys = queryOptions({
  queryKey: ["passkeys"],
  queryFn: ({ signal }) => answer(api.GET("/passkeys", { signal })),
});
export const identities = queryOptions({
  queryKey: ["identities"],
  queryFn: ({ signal }) => answer(api.GET("/identities", { signal })),
});
export const providers = queryOptions({
  queryKey: ["providers"],
  queryFn: ({ signal }) => answer(api.GET("/providers", { signal })),
});
export const breakGlass = queryOptions({
  queryKey: ["break-glass"],
  queryFn: ({ signal }) => answer(api.GET("/break-glass", { signal })),
});
export const permissions = queryOptions({
  queryKey: ["permissions"],
  queryFn: ({ signal }) => answer(api.GET("/permissions", { signal })),
  staleTime: forever,
});
export const firstHour = queryOptions({
  queryKey: ["first-hour"],
  queryFn: ({ signal }) => answer(api.GET("/first-hour", { signal })),
  refetchInterval: minute,
});
export const networks = (id: string) =>
  queryOptions({
    queryKey: ["networks", id],
    queryFn: ({ signal }) => answer(api.GET("/sites/{id}/networks", { params: { path: { id } }, signal })),
  });
/** What the mirror ports of a site show, in sentences. */
export const mirrors = (site: string) =>
  queryOptions({
    queryKey: ["mirrors", site],
    queryFn: ({ signal }) => answer(api.GET("/mirror-check", { params: { query: { site } }, signal })),
    refetchInterval: 10_000,
  });
