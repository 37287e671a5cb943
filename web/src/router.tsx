import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { Shell } from "./shell/shell";
import { NotFound } from "./ui/not-found";
import { RouteError } from "./ui/route-error";
import { only, parseSearch, stringifySearch, withFields } from "./ui/search";

// Every page is a chunk of its own: the first load is the shell and the page that was asked for.
const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  // The day that all pages show goes along from page to page.
  validateSearch: only("as_of"),
  search: { middlewares: [retainSearchParams(["as_of"])] },
});
const at = <P extends string>(path: P) => ({ getParentRoute: () => root, path }) as const;

const home = createRoute({
  ...at("/"),
  beforeLoad: () => {
    throw redirect({ to: "/posture", replace: true });
  },
});
const posture = createRoute({
  ...at("/posture"),
  component: lazyRouteComponent(() => import("./pages/posture/posture")),
});
const begin = createRoute({
  ...at("/begin"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/begin/begin")),
});
const inbox = createRoute({
  ...at("/inbox"),
  validateSearch: only("whose", "site", "kind", "severity", "due", "state", "item"),
  component: lazyRouteComponent(() => import("./pages/inbox/inbox")),
});
const onCall = createRoute({
  ...at("/on-call"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/inbox/on-call")),
});
const since = createRoute({
  ...at("/since"),
  validateSearch: only("since", "site"),
  component: lazyRouteComponent(() => import("./pages/since/since")),
});
const handover = createRoute({
  ...at("/handover"),
  validateSearch: only("site", "hours", "id"),
  component: lazyRouteComponent(() => import("./pages/handover/handover")),
});
const requirements = createRoute({
  ...at("/requirements"),
  validateSearch: only("area", "site", "state", "q"),
  component: lazyRouteComponent(() => import("./pages/requirements/list")),
});
const requirement = createRoute({
  ...at("/requirements/$id"),
  validateSearch: only("site", "check", "verdict"),
  component: lazyRouteComponent(() => import("./pages/requirements/requirement")),
});
const plant = createRoute({
  ...at("/plant"),
  validateSearch: only("site", "zone", "from", "to"),
  component: lazyRouteComponent(() => import("./pages/plant/plant")),
});
const assets = createRoute({
  ...at("/assets"),
  validateSearch: only(
    "site",
    "zone",
    "role",
    "vendor",
    "level",
    "state",
    "conflict",
    "expected",
    "planned",
    "q",
    "sort",
  ),
  component: lazyRouteComponent(() => import("./pages/assets/list")),
});
const labels = createRoute({
  ...at("/assets/labels"),
  validateSearch: only("site", "zone", "role", "vendor", "level", "state", "conflict", "expected", "planned", "q"),
  component: lazyRouteComponent(() => import("./pages/assets/labels")),
});
const asset = createRoute({
  ...at("/assets/$id"),
  validateSearch: only("tab", "packet"),
  component: lazyRouteComponent(() => import("./pages/assets/asset")),
});
const vulnerabilities = createRoute({
  ...at("/vulnerabilities"),
  validateSearch: only("site", "tab"),
  component: lazyRouteComponent(() => import("./pages/vulnerabilities/vulnerabilities")),
});
const advisory = createRoute({
  ...at("/vulnerabilities/advisories/$id"),
  component: lazyRouteComponent(() => import("./pages/vulnerabilities/advisory")),
});
const baseline = createRoute({
  ...at("/baseline"),
  validateSearch: only("site", "tab"),
  component: lazyRouteComponent(() => import("./pages/baseline/baseline")),
});
const performance = createRoute({
  ...at("/performance"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/performance/performance")),
});
const logs = createRoute({
  ...at("/logs"),
  validateSearch: only("site", "source", "asset", "q", "from", "to", "severity"),
  component: lazyRouteComponent(() => import("./pages/logs/logs")),
});
const boundaries = createRoute({
  ...at("/boundaries"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/boundaries/boundaries")),
});
const conduits = createRoute({
  ...at("/conduits"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/conduits/conduits")),
});
const alerts = createRoute({
  ...at("/alerts"),
  validateSearch: only("site", "state", "rule", "asset", "q"),
  component: lazyRouteComponent(() => import("./pages/alerts/alerts")),
});
const alert = createRoute({
  ...at("/alerts/$id"),
  validateSearch: only("packet"),
  component: lazyRouteComponent(() => import("./pages/alerts/alert")),
});
const detections = createRoute({
  ...at("/detections"),
  validateSearch: only("rule", "technique", "file"),
  component: lazyRouteComponent(() => import("./pages/alerts/detections")),
});
const conversations = createRoute({
  ...at("/conversations"),
  validateSearch: only("site", "asset", "from_zone", "to_zone", "protocol", "q"),
  component: lazyRouteComponent(() => import("./pages/conversations/list")),
});
const unknownTraffic = createRoute({
  ...at("/conversations/unknown"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/conversations/unknown")),
});
const conversation = createRoute({
  ...at("/conversations/$id"),
  validateSearch: only("packet"),
  component: lazyRouteComponent(() => import("./pages/conversations/conversation")),
});
const recordKeys = ["type", "state", "site", "owner", "due", "approval", "q", "link", "sort", "group"];
const records = createRoute({
  ...at("/records"),
  validateSearch: withFields("f.", ...recordKeys),
  component: lazyRouteComponent(() => import("./pages/records/records")),
});
const recordBoard = createRoute({
  ...at("/records/board"),
  validateSearch: withFields("f.", ...recordKeys),
  component: lazyRouteComponent(() => import("./pages/records/board")),
});
const recordCalendar = createRoute({
  ...at("/records/calendar"),
  validateSearch: only("type", "site", "month", "as"),
  component: lazyRouteComponent(() => import("./pages/records/calendar")),
});
const newRecord = createRoute({
  ...at("/records/new"),
  validateSearch: withFields("f.", "type", "site", "zone", "asset", "link", "owner", "title"),
  component: lazyRouteComponent(() => import("./pages/records/new")),
});
const record = createRoute({
  ...at("/records/$id"),
  component: lazyRouteComponent(() => import("./pages/records/record")),
});
const captures = createRoute({
  ...at("/captures"),
  validateSearch: only("site"),
  component: lazyRouteComponent(() => import("./pages/captures/captures")),
});
const sensors = createRoute({
  ...at("/sensors"),
  validateSearch: only("site", "edge"),
  component: lazyRouteComponent(() => import("./pages/sensors/sensors")),
});
const audit = createRoute({
  ...at("/audit"),
  validateSearch: only("actor", "action"),
  component: lazyRouteComponent(() => import("./pages/audit/audit")),
});
const settings = createRoute({
  ...at("/settings"),
  validateSearch: only("tab", "site"),
  component: lazyRouteComponent(() => import("./pages/settings/settings")),
});
const told = createRoute({
  ...at("/told"),
  validateSearch: only("token"),
  component: lazyRouteComponent(() => import("./pages/told/told")),
});
// A one-time link lands on one of these: it signs a person in, or starts the first set-up. The shell shows the way in.
const entrance = <P extends string>(path: P) =>
  createRoute({ ...at(path), validateSearch: only("token"), component: () => null });
const returned = createRoute({
  ...at("/sso"),
  validateSearch: only("state", "code", "error", "error_description"),
  component: () => null,
});
const entrances = [entrance("/setup"), entrance("/link"), entrance("/start"), returned] as const;

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    posture,
    inbox,
    onCall,
    since,
    handover,
    begin,
    requirements,
    requirement,
    plant,
    assets,
    labels,
    asset,
    vulnerabilities,
    advisory,
    performance,
    logs,
    boundaries,
    baseline,
    conduits,
    alerts,
    alert,
    detections,
    conversations,
    unknownTraffic,
    conversation,
    records,
    recordBoard,
    recordCalendar,
    newRecord,
    record,
    captures,
    sensors,
    audit,
    settings,
    told,
    ...entrances,
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultErrorComponent: RouteError,
});

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The ticked assets, on the way to their labels. */
    ids?: string[];
  }
  interface Register {
    router: typeof router;
  }
}
