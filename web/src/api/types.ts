// Short names for the server's own types, which are generated from its OpenAPI description.
import type { components } from "./schema";

type S = components["schemas"];

/** Objects that may be missing: the server answers null there, which its description cannot say of a reference. */
type Maybe<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };

export type Page<T> = { items: T[]; next?: string; total?: number | null };

export type Session = Maybe<S["AdminState"], "user">;
export type Site = S["AdminSite"];

export type Cell = S["ComplyCell"];
export type CellState = Cell["state"];
export type Severity = "critical" | "high" | "medium" | "low" | "info";
export type Need = S["ComplyNeed"];
export type Posture = S["ComplyPosture"];
export type RequirementRow = S["ComplyRequirementItem"];
export type Requirement = S["ComplyRequirementDetail"];
export type Check = S["ComplyCheckItem"];
export type CheckSite = S["ComplyAnswerItem"];
export type Declaration = S["ComplyDeclarationItem"];
export type CheckItem = S["ComplyItem"];
export type Evidence = S["ComplyEvidence"];

export type AssetRow = Maybe<S["AssetAsset"], "zone">;
export type Asset = Maybe<S["AssetAssetDetail"], "zone">;
export type Binding = S["AssetBindingDetail"];
export type Fact = S["AssetFactDetail"];
export type Facet = S["AssetFacet"];
export type Facets = Record<string, Facet[] | null>;
export type AssetHistory = S["AssetAssetChange"];
export type ListReport = S["AssetListReport"];
export type ListLine = S["AssetListLine"];

export type FirstHour = S["ViewFirstHour"];
export type SiteStart = S["ViewSiteStart"];
export type Network = S["ViewNetwork"];
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
export type Zone = S["AdminZoneOut"];
export type Realm = S["OrgRealm"];
export type Subnet = S["OrgPrefix"];
export type UserRow = S["AuthUser"];
export type SessionRow = S["AdminOpenSession"];
export type Program = S["ViewProgram"];
export type Stranger = S["ViewStranger"];
