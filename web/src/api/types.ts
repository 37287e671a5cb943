// The shapes the server speaks, named as its JSON names them. Unknown numbers are null, never 0.

export type Page<T> = { items: T[]; next?: string; total?: number | null };

export type User = { id: string; name: string; email: string; role: string; permissions: string[] };
export type Session = { user: User | null; setup_needed: boolean; demo: boolean; version: string };

export type Site = {
  id: string;
  no: number;
  name: string;
  entity: string;
  country: string;
  tz: string;
  critical: boolean;
  assets: number;
  zones: number;
  heard_at: string | null;
  live: boolean;
};

export type CellState = "unknown" | "below" | "key_below" | "contradicted" | "at";
export type Cell = { level: number | null; state: CellState; target: number; why: string; lift: string };
export type Severity = "critical" | "high" | "medium" | "low" | "info";

export type Need = {
  kind: string;
  severity: Severity;
  title: string;
  detail: string;
  site_id: string;
  at: string;
  link: { page: string; id: string; site?: string };
};
export type Posture = {
  as_of: string;
  profile: { name: string; target: number; key_target: number };
  headline: { at_target: number; total: number; key_below: number; contradicted: number; unknown: number };
  sites: { id: string; name: string; critical: boolean }[];
  areas: { id: string; name: string; entity: Cell; sites: Record<string, Cell>; measured: number }[];
  trend: { date: string; at_target: number; total: number }[];
  needs: Need[];
};

export type RequirementRow = {
  id: string;
  area: string;
  title: string;
  key: boolean;
  mode: string;
  scope: string;
  alias_of: string;
  sites: Record<string, Cell>;
  entity: Cell;
};
export type CheckSite = {
  status: string;
  value: number | null;
  population: number | null;
  judged: number | null;
  passed: number | null;
  failed: number | null;
  unknown: number | null;
  excepted: number | null;
  observed_share: number | null;
  collected_at: string | null;
  reason: string;
};
export type Check = {
  id: string;
  title: string;
  measure: string;
  target: string;
  window: string;
  unit: string;
  wants: string;
  implemented: boolean;
  sites: Record<string, CheckSite>;
};
export type Declaration = {
  id: string;
  record: string;
  site_id: string | null;
  statement: string;
  attested_by: string;
  valid_until: string;
  at: string;
  withdrawn_at?: string | null;
};
export type Finding = {
  id: string;
  title: string;
  detail: string;
  severity: Severity;
  site_id: string;
  at: string;
  closed_at?: string | null;
};
export type Requirement = {
  id: string;
  area: string;
  title: string;
  text: string;
  key: boolean;
  mode: string;
  scope: string;
  alias_of: string;
  refs: Record<string, string[]>;
  user: string;
  declared: { record: string; attested_by: string; valid_for: string }[];
  sites: {
    site: string;
    cell: Cell;
    c: number | null;
    e: number | null;
    f: number | null;
    d: number | null;
    level: number | null;
    why: string[];
    lift: string[];
    caps: string[];
  }[];
  checks: Check[];
  declarations: Declaration[];
  findings: Finding[];
};
export type CheckItem = {
  site_id: string;
  ref: { kind: string; id: string };
  label: string;
  verdict: "pass" | "fail" | "unknown";
  value: number | null;
  reason: string;
};
export type Evidence = {
  at: string;
  status: string;
  value: number | null;
  population: number | null;
  passed: number | null;
  failed: number | null;
  unknown: number | null;
};

export type AssetState = "new" | "accepted" | "rejected" | "retired";
export type AssetRow = {
  id: string;
  site_id: string;
  name: string;
  vendor: string;
  model: string;
  order_code: string;
  firmware: string;
  serial: string;
  role: string;
  level: string;
  criticality: number;
  owner: string;
  zone: { id: string; name: string } | null;
  state: AssetState;
  ips: string[];
  macs: string[];
  first_at: string;
  last_at: string;
  live: boolean;
  conflicts: number;
};
export type Fact = {
  id: string;
  attr: string;
  value: string;
  protocol: string;
  ref: { source: string; number: number; seen: string; offset: number };
  proof: string;
  source_name: string;
};
export type AssetField = {
  value: string;
  source: "measured" | "person";
  reason: string;
  facts: string[];
  conflict: string[];
};
export type Binding = { kind: string; address: string; realm: string; from: string; to: string | null };
export type Asset = AssetRow & {
  fields: Record<string, AssetField>;
  bindings: Binding[];
  facts: Fact[];
  modules: { slot: string; name: string; order_code: string; firmware: string; serial: string }[];
  end_of_sale: string | null;
  end_of_support: string | null;
  spare: string | null;
};
export type Facets = Record<
  "role" | "vendor" | "zone" | "level" | "state",
  { value: string; label?: string; count: number }[]
>;
export type AssetHistory = { at: string; actor: string; field: string; from: string; to: string; reason: string };

export type PlantZone = {
  id: string;
  name: string;
  level: string;
  ot: boolean;
  external: boolean;
  sl_t: number;
  assets: number;
  groups: { label: string; role: string; count: number; new: number }[];
  heard_at: string | null;
};
export type ConduitFlag = "" | "remote" | "it_ot" | "internet" | "new";
export type Conduit = {
  from: string;
  to: string;
  protocols: { name: string; count: number }[];
  packets: number;
  bytes: number;
  conversations: number;
  first_at: string;
  last_at: string;
  flag: ConduitFlag;
};
export type Plant = { site: string; zones: PlantZone[]; conduits: Conduit[] };

export type Endpoint = { ip: string; mac: string; asset_id: string; name: string; zone: string };
export type ConversationRow = {
  id: string;
  client: Endpoint;
  server: Endpoint;
  client_by: string;
  transport: string;
  port: number;
  protocol: string;
  first_at: string;
  last_at: string;
  packets: number;
  bytes: number;
  live: boolean;
};
export type PacketRef = { source: string; number: number; seen: string; offset: number };
export type Tuple = {
  protocol: string;
  kind: string;
  dir: string;
  code: string;
  name: string;
  class: string;
  count: number;
  refused: number;
  first_at: string;
  last_at: string;
  ref?: PacketRef;
};
export type PlantEvent = {
  id: string;
  at: string;
  protocol: string;
  name: string;
  class: string;
  object: string;
  rules: string[];
  conversation: string;
  client: string;
  server: string;
  ref: PacketRef;
  proof: string;
};
export type Conversation = ConversationRow & {
  tuples: Tuple[];
  events: PlantEvent[];
  proof: { ref: PacketRef; hex: string } | null;
};
export type Packet = { hex: string; link_type: string; at: string; offset: number };

export type CaptureState = "queued" | "reading" | "done" | "cancelled" | "failed";
export type Capture = {
  id: string;
  name: string;
  site_id: string;
  state: CaptureState;
  bytes: number;
  read: number;
  packets: number;
  error: string;
  first_at: string | null;
  last_at: string | null;
  added: { assets: number; facts: number; conversations: number } | null;
  by: string;
  at: string;
  sha256: string;
};

export type AuditEntry = {
  index: number | null;
  at: string;
  actor: string;
  action: string;
  site_id: string;
  target: string;
  detail: Record<string, string>;
  hash: string;
};
export type Checkpoint = { size: number; root: string; at: string };
export type SearchItem = { kind: string; id: string; label: string; detail: string; site_id: string };

export type Zone = {
  id: string;
  name: string;
  level: string;
  ot: boolean;
  sl_t: number;
  critical: boolean;
  external: boolean;
  gateway: boolean;
};
export type Realm = { id: string; name: string; default: boolean };
export type Subnet = { realm_id: string; prefix: string; zone_id: string };
export type UserRow = {
  id: string;
  name: string;
  email: string;
  role: string;
  disabled: boolean;
  sees_all: boolean;
  sites: string[] | null;
  has_password: boolean;
  signed_in_at: string | null;
};
export type SessionRow = {
  id: string;
  user_id: string;
  user_name: string;
  created_at: string;
  seen_at: string;
  address: string;
  agent: string;
  current?: boolean;
};
