// Short names for the server's own types, which are generated from its OpenAPI description.
import type { components } from "./schema";

type S = components["schemas"];

/** Times that may never have been: the server answers null there, while its description says a string. */
type Never<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };
/** Objects that may be missing, likewise. */
type Maybe<T, K extends keyof T> = Never<T, K>;

export type Page<T> = { items: T[]; next?: string; total?: number | null };

export type Session = Maybe<S["AdminState"], "user">;
export type Site = Never<S["AdminSite"], "heard_at">;

export type Cell = S["ComplyCell"];
export type CellState = Cell["state"];
export type Severity = "critical" | "high" | "medium" | "low" | "info";
export type Need = Never<S["ComplyNeed"], "at">;
export type Posture = S["ComplyPosture"];
export type RequirementRow = S["ComplyRequirementItem"];
export type Requirement = S["ComplyRequirementDetail"];
export type Check = S["ComplyCheckItem"];
export type CheckSite = Never<S["ComplyAnswerItem"], "collected_at">;
export type Declaration = S["ComplyDeclarationItem"];
export type CheckItem = S["ComplyItem"];
/** The description leaves out what is embedded; these are its fields that the pages use. */
export type Evidence = S["ComplyEvidence"] & { at: string; status: string; value: number | null; reason: string };

type AssetNever = "first_at" | "last_at" | "last_live_at" | "end_of_sale" | "end_of_support";
export type AssetRow = Maybe<Never<S["AssetAsset"], AssetNever>, "zone">;
export type Asset = Maybe<Never<Omit<S["AssetAssetDetail"], "bindings">, AssetNever>, "zone"> & { bindings: Binding[] };
export type Binding = Never<S["AssetBindingDetail"], "to">;
export type Fact = S["AssetFactDetail"];
export type Facet = S["AssetFacet"];
export type Facets = Record<string, Facet[] | null>;
export type AssetHistory = S["AssetAssetChange"];

export type Plant = S["ViewPlant"];
export type PlantZone = S["ViewZone"];
export type Conduit = S["ViewConduit"];
export type ConduitFlag = Conduit["flag"];
export type Endpoint = S["ViewEndpoint"];
export type ConversationRow = S["ViewTalk"];
export type Conversation = Maybe<S["ViewTalkDetail"], "proof">;
export type Tuple = S["ViewTuple"];
export type PlantEvent = S["ViewEvent"];
/** A packet's place: of a fact, an event or a conversation. */
export type PacketRef = S["AssetFactRef"];

export type Capture = S["NetworkCapture"];
export type AuditEntry = S["AuditItem"];
export type SearchItem = S["ViewFound"];

export type Entity = S["OrgEntity"];
export type Zone = S["OrgZone"];
export type Realm = S["OrgRealm"];
export type Subnet = S["OrgPrefix"];
export type UserRow = Never<S["AuthUser"], "signed_in_at">;
export type SessionRow = S["AdminOpenSession"];
