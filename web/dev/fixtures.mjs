// A stand-in server for work on the pages when no Skanse server is at hand: `npm run fixtures`.
// It speaks the same JSON with invented data and is never part of the build.
import { createServer } from "node:http";

const port = Number(process.env.PORT ?? 8099);
const many = Number(process.env.ASSETS ?? 131);
const now = Date.now();
const iso = (/** @type {number} */ ms) => new Date(now - ms).toISOString();
const min = 60_000;
const day = 86_400_000;

const sites = [
  ["Aarhus", "DK", true],
  ["Esbjerg", "DK", true],
  ["Gdańsk", "PL", false],
  ["Malmö", "SE", false],
].map(([name, country, critical], i) => ({
  id: `site-${i + 1}`,
  no: i + 1,
  name,
  entity: "Nordvand A/S",
  country,
  tz: "Europe/Copenhagen",
  critical,
  assets: i === 2 ? 0 : Math.round(many / 3),
  zones: i === 2 ? 0 : 8,
  heard_at: i === 2 ? null : iso(14_000),
  live: i !== 2,
}));
const areaNames = [
  "Governance",
  "Risk management",
  "Supply chain",
  "Incident response and crisis management",
  "Access control",
  "Asset management",
  "Monitoring and testing",
  "Vulnerability management",
  "Security by design",
  "Training and awareness",
  "Physical security",
];
const grid = [
  "3 4 3 3 4",
  "3 3 3 2w 4",
  "2w 3 2w 2d 3",
  "3 4 3 3 4",
  "1b 4 0b u 4",
  "3 5 4 u 4",
  "1w 4 3 u 4",
  "3 3 3 u 3",
  "3 4 3 3 3",
  "4 4 4 4 4",
  "3 3 3 u 3",
];
/** @param {string} text */
function cell(text) {
  const state = { b: "contradicted", w: "key_below", d: "below", u: "unknown" }[text.at(-1) ?? ""] ?? "at";
  return {
    level: text === "u" ? null : Number(text[0]),
    state,
    target: 3,
    why:
      state === "unknown"
        ? "No sensor listens at this site, so nothing was measured."
        : "3 remote desktop conversations reached OT without passing the gateway.",
    lift: "End the direct conversations or register them as an exception.",
  };
}
const areas = grid.map((line, i) => {
  const [entity, ...rest] = line.split(" ");
  return {
    id: String(i + 1),
    name: areaNames[i],
    entity: cell(entity ?? "u"),
    sites: Object.fromEntries(rest.map((text, j) => [`site-${j + 1}`, cell(text)])),
    measured: [0.3, 0.55, 0.35, 0.6, 0.95, 1, 0.9, 0.92, 0.75, 0.8, 0.4][i],
  };
});
const posture = {
  as_of: iso(2 * min),
  profile: { name: "essential", target: 3, key_target: 4 },
  headline: { at_target: 38, total: 71, key_below: 5, contradicted: 2, unknown: 9 },
  sites: sites.map(({ id, name, critical }) => ({ id, name, critical })),
  areas,
  trend: Array.from({ length: 30 }, (_, i) => ({
    date: iso((30 - i) * day).slice(0, 10),
    at_target: 30 + Math.round(i / 4 + Math.sin(i) * 1.2),
    total: 71,
  })),
  needs: [
    {
      kind: "contradiction",
      severity: "critical",
      title: "Remote desktop into zone “Filling” from 10.4.0.23, past the gateway",
      detail: "contradicts 5.3 Only one remote access solution",
      site_id: "site-2",
      at: iso(14 * min),
      link: { page: "requirement", id: "5.3", site: "site-2" },
    },
    {
      kind: "event",
      severity: "critical",
      title: "PLC program download outside a maintenance window",
      detail: "Filler PLC (6ES7 315-2EH14)",
      site_id: "site-2",
      at: iso(31 * min),
      link: { page: "conversation", id: "2.3", site: "site-2" },
    },
    {
      kind: "new_assets",
      severity: "high",
      title: "Two devices nobody has accepted",
      detail: "Utilities",
      site_id: "site-1",
      at: iso(2 * day),
      link: { page: "assets", id: "new", site: "site-1" },
    },
    {
      kind: "unknown",
      severity: "medium",
      title: "No sensor listens here: 18 requirements are unknown",
      detail: "",
      site_id: "site-3",
      at: iso(5 * day),
      link: { page: "captures", id: "", site: "site-3" },
    },
  ],
};
const reqs = [
  ["5.1", "5", "Identities and rights in OT are named and reviewed", true, "mixed"],
  ["5.3", "5", "Only one remote access solution", true, "measured"],
  ["5.5", "5", "IT and OT access are separated", true, "measured"],
  ["6.1", "6", "Live inventory of all assets", true, "measured"],
  ["6.2a", "6", "Each asset is identified", false, "measured"],
  ["7.1", "7", "All OT zones are watched", true, "measured"],
  ["1.1a", "1", "OT cyber governance framework in force", false, "mixed"],
].map(([id, area, title, key, mode], i) => ({
  id,
  area,
  title,
  key,
  mode,
  scope: "site",
  alias_of: "",
  entity: cell(["2w", "1b", "2w", "4", "3", "1w", "3"][i] ?? "u"),
  sites: Object.fromEntries(
    sites.map((s, j) => [s.id, cell(j === 2 ? "u" : (["3", "0b", "2d", "4", "3", "4", "3"][(i + j) % 7] ?? "3"))]),
  ),
}));
/** @param {string} id */
const requirement = (id) => {
  const row = reqs.find((r) => r.id === id) ?? reqs[1];
  return {
    ...row,
    text: "All remote access to OT passes one approved solution, with named persons, approval and recording.",
    refs: { nis2: ["21(2)(i)", "21(2)(j)"], iec_2_1: ["NET 3.1"], iec_3_3: ["SR 1.13"], csf2: ["PR.AA-05"] },
    user: "List of ingress points; each bypass with its packets.",
    declared: [{ record: "Remote access standard", attested_by: "OT security officer", valid_for: "12 months" }],
    sites: sites.map((s) => ({
      site: s.id,
      cell: row?.sites[s.id],
      c: s.no === 3 ? null : 0.86,
      e: s.no === 3 ? null : 0.5,
      f: s.no === 3 ? null : 1,
      d: s.no === 2 ? 1 : 0,
      level: row?.sites[s.id]?.level ?? null,
      why:
        s.no === 3
          ? ["No sensor listens here."]
          : ["3 remote desktop conversations from 10.4.0.23 to the Filling HMI did not pass the gateway in 30 days."],
      lift: ["End the direct conversations, or register them as an exception with an end date."],
      caps:
        s.no === 2
          ? ["Capped at 2: the declaration “one remote access solution” is contradicted by remote.bypass."]
          : [],
    })),
    checks: [
      {
        id: "remote.bypass",
        title: "Remote access that does not come from the gateway",
        measure: "distinct remote access conversations from outside OT into OT, not from the gateway",
        target: "= 0",
        window: "30 d",
        unit: "",
        wants: "a sensor at every crossing into OT",
        implemented: true,
        sites: Object.fromEntries(
          sites.map((s) => [
            s.id,
            s.no === 3
              ? {
                  status: "unknown",
                  value: null,
                  population: null,
                  judged: null,
                  passed: null,
                  failed: null,
                  unknown: null,
                  excepted: null,
                  observed_share: null,
                  collected_at: null,
                  reason: "No sensor listens at this site.",
                }
              : {
                  status: s.no === 2 ? "fail" : "pass",
                  value: s.no === 2 ? 3 : 0,
                  population: 14,
                  judged: 12,
                  passed: s.no === 2 ? 9 : 12,
                  failed: s.no === 2 ? 3 : 0,
                  unknown: 2,
                  excepted: 0,
                  observed_share: 0.957,
                  collected_at: iso(3 * min),
                  reason: "",
                },
          ]),
        ),
      },
      {
        id: "remote.approved",
        title: "Sessions approved before they began",
        measure: "sessions with approval / sessions",
        target: "100 %",
        window: "30 d",
        unit: "%",
        wants: "the remote access gateway",
        implemented: false,
        sites: {},
      },
    ],
    declarations: [
      {
        id: "d1",
        record: "Remote access standard",
        site_id: "site-2",
        statement: "All remote access passes the Skanse gateway.",
        attested_by: "A. Holm",
        valid_until: "2027-06-01",
        at: iso(140 * day),
        withdrawn_at: null,
      },
    ],
    findings: [
      {
        id: "f1",
        title: "Declared: one remote access solution. Measured: 3 conversations past it.",
        detail: "10.4.0.23 → 10.20.4.12:3389",
        severity: "critical",
        site_id: "site-2",
        at: iso(14 * min),
        closed_at: null,
      },
    ],
  };
};
const kinds = [
  ["PLC", "plc", "1", "Siemens AG", "SIMATIC S7-315-2 PN/DP", "6ES7 315-2EH14-0AB0", "V3.2.6"],
  ["HMI", "hmi", "2", "Siemens AG", "TP1200 Comfort", "6AV2 124-0MC01-0AX0", "V16.0"],
  ["SCADA", "scada", "3", "Dell Inc.", "", "", ""],
  ["Drive", "drive", "1", "Rockwell Automation", "PowerFlex 525", "25B-D4P0N104", "7.001"],
  ["IO", "io", "0", "Phoenix Contact", "IL ETH BK", "2703981", "1.4"],
  ["Switch", "switch", "2", "Hirschmann", "RS20", "943434-023", "09.1.05"],
  ["", "unknown", "", "", "", "", ""],
];
const zoneNames = [
  "Filling · Line 1",
  "Filling · Line 2",
  "Utilities",
  "Filling SCADA",
  "Site operations",
  "Plant DMZ",
  "Business IT",
  "Backup",
];
const assets = Array.from({ length: many }, (_, i) => {
  const [label, role, level, vendor, model, order_code, firmware] = kinds[(i * 5 + (i >> 3)) % kinds.length] ?? [];
  const s = [1, 2, 4][i % 3] ?? 1;
  const z = (i * 7) % zoneNames.length;
  return {
    id: `asset-${i}`,
    site_id: `site-${s}`,
    name: label ? `${label} ${zoneNames[z]} ${i}` : "",
    vendor,
    model,
    order_code,
    firmware,
    serial: label ? `S C-X${4e8 + i * 7}` : "",
    role,
    level,
    criticality: i % 5,
    owner: "",
    zone: i % 11 === 3 ? null : { id: `zone-${s}-${z}`, name: zoneNames[z] },
    state: i % 23 === 5 ? "new" : "accepted",
    ips: i % 13 ? [`10.${s}.${(i >> 8) % 250}.${i % 250}`] : [`10.${s}.9.${i % 250}`, `192.168.0.${i % 200}`],
    macs: [`00:1b:1b:${(i >> 8).toString(16).padStart(2, "0")}:91:${(i % 256).toString(16).padStart(2, "0")}`],
    first_at: iso(28 * day),
    last_at: iso((i % 50) * 40_000),
    live: i % 9 !== 0,
    conflicts: i % 17 === 4 ? 1 : 0,
  };
});
const proof = "0300002102f080320700000100000800080001120411440100ff09000400110000";
const frame = `001b1b2a91040050c25a11ee08004500004d1a2b40008006000000000a14040c0a140417${"0066c01a0000000100000001501820000000"}0000${proof}`;
/** @param {string} id */
const asset = (id) => {
  const row = assets.find((a) => a.id === id) ?? assets[0];
  const fact = (
    /** @type {string} */ attr,
    /** @type {string} */ value,
    /** @type {string} */ protocol,
    n = 48211,
  ) => ({
    id: `${attr}-${value}-${protocol}`,
    attr,
    value,
    protocol,
    ref: { source: "src-1", number: n, seen: iso(3 * day), offset: 54 },
    proof,
    source_name: "sensor ESB-1",
  });
  const facts = [
    fact("order_code", row?.order_code ?? "", "s7comm"),
    fact("firmware", row?.firmware ?? "", "s7comm"),
    fact("vendor", row?.vendor ?? "", "arp", 12),
    fact("model", row?.model ?? "", "s7comm"),
    fact("name", row?.name ?? "", "lldp", 1204),
    fact("firmware", "V3.2.5", "snmp", 90122),
  ];
  const field = (/** @type {string} */ name, /** @type {string} */ value, conflict = []) => [
    name,
    {
      value,
      source: "measured",
      reason:
        name === "role"
          ? "It answers S7comm block functions on port 102 and never asks: a controller."
          : name === "level"
            ? "A controller stands at level 1."
            : "",
      facts: facts.filter((f) => f.attr === name && f.value === value).map((f) => f.id),
      conflict,
    },
  ];
  return {
    ...row,
    fields: Object.fromEntries([
      field("name", row?.name ?? ""),
      field("vendor", row?.vendor ?? ""),
      field("model", row?.model ?? ""),
      field("order_code", row?.order_code ?? ""),
      field("firmware", row?.firmware ?? "", /** @type {never[]} */ (["V3.2.5"])),
      field("serial", row?.serial ?? ""),
      field("role", row?.role ?? ""),
      field("level", row?.level ?? ""),
    ]),
    bindings: [
      { kind: "ip", address: row?.ips[0], realm: "default", from: iso(28 * day), to: null },
      { kind: "mac", address: row?.macs[0], realm: "default", from: iso(28 * day), to: null },
      { kind: "ip", address: "10.2.0.99", realm: "default", from: iso(90 * day), to: iso(28 * day) },
    ],
    facts,
    modules: [
      {
        slot: "2",
        name: "CPU 315-2 PN/DP",
        order_code: "6ES7 315-2EH14-0AB0",
        firmware: "V3.2.6",
        serial: "S C-X4U421302009",
      },
      { slot: "4", name: "DI32", order_code: "6ES7 321-1BL00-0AA0", firmware: "", serial: "" },
    ],
    end_of_sale: "2023-10-01",
    end_of_support: null,
    spare: null,
  };
};
const levels = ["1", "1", "1", "2", "3", "3.5", "4", "3"];
const plant = (/** @type {string} */ site) => ({
  site,
  zones:
    site === "site-3"
      ? []
      : zoneNames.map((name, i) => ({
          id: `zone-${site.slice(-1)}-${i}`,
          name,
          level: levels[i],
          ot: i < 5,
          external: i === 6,
          sl_t: [0, 0, 0, 2, 2, 3, 0, 3][i],
          assets: [14, 9, 11, 8, 5, 3, 37, 1][i],
          groups: [
            [
              ["S7-1500 CPU 1512C", "plc", 3, 0],
              ["ET 200SP", "io", 8, 0],
              ["Drive G120", "drive", 3, 0],
            ],
            [
              ["S7-300 CPU 315-2", "plc", 2, 1],
              ["Modbus gateway", "gateway", 1, 0],
              ["Weigher", "sensor", 6, 0],
            ],
            [
              ["ControlLogix 1756-L83E", "plc", 2, 0],
              ["PowerFlex 525", "drive", 6, 0],
              ["Unknown device", "unknown", 1, 1],
            ],
            [
              ["SCADA server", "scada", 2, 0],
              ["Operator HMI", "hmi", 6, 0],
            ],
            [
              ["Engineering station", "engineering", 2, 0],
              ["Historian", "historian", 1, 0],
              ["Domain controller", "server", 2, 0],
            ],
            [
              ["Gateway", "remote-gateway", 1, 0],
              ["Historian mirror", "historian", 1, 0],
              ["Patch server", "server", 1, 0],
            ],
            [
              ["Office LAN", "it", 34, 0],
              ["ERP", "server", 1, 0],
            ],
            [["Backup vault", "server", 1, 0]],
          ][i]?.map(([label, role, count, fresh]) => ({ label, role, count, new: fresh })),
          heard_at: iso(14_000),
        })),
  conduits:
    site === "site-3"
      ? []
      : [
          [6, 5, "HTTPS", 34, 4e8, ""],
          [5, 4, "SSH", 12, 9e7, ""],
          [4, 3, "OPC UA", 6, 3e7, ""],
          [4, 7, "SMB", 2, 2e7, ""],
          [3, 0, "S7comm", 44, 8e8, ""],
          [3, 1, "Modbus", 9, 1e8, ""],
          [3, 2, "EtherNet/IP", 8, 2e8, ""],
          [6, 1, "RDP", 3, 5e6, "remote"],
          [7, 2, "SMB", 1, 2e5, "new"],
          [0, 1, "Modbus", 2, 1e6, ""],
        ].map(([a, b, name, conversations, bytes, flag]) => ({
          from: `zone-${site.slice(-1)}-${a}`,
          to: `zone-${site.slice(-1)}-${b}`,
          protocols: [{ name, count: conversations }],
          packets: Number(bytes) / 200,
          bytes,
          conversations,
          first_at: iso(28 * day),
          last_at: iso(min),
          flag,
        })),
});
const conv = (/** @type {number} */ i) => ({
  id: `2.${i}`,
  client: {
    ip: "10.2.0.5",
    mac: "00:50:c2:5a:11:ee",
    asset_id: `asset-${i}`,
    name: assets[i]?.name || "10.2.0.5",
    zone: "Filling SCADA",
  },
  server: {
    ip: "10.20.4.12",
    mac: "00:1b:1b:2a:91:04",
    asset_id: "asset-1",
    name: assets[1]?.name,
    zone: "Filling · Line 2",
  },
  client_by: "syn",
  transport: "tcp",
  port: 102,
  protocol: "s7comm",
  first_at: iso(28 * day),
  last_at: iso(i * 20_000),
  packets: 1_412_000 + i,
  bytes: 98_100_200,
  live: true,
});
const tuple = (/** @type {string} */ name, /** @type {string} */ klass, /** @type {number} */ n) => ({
  protocol: "s7comm",
  kind: "function",
  dir: "request",
  code: "0x04",
  name,
  class: klass,
  count: n,
  refused: 0,
  first_at: iso(28 * day),
  last_at: iso(min),
  ref: { source: "src-1", number: 48211, seen: iso(3 * day), offset: 54 },
});
const captures = [
  {
    id: "c1",
    name: "line2-mirror.pcapng",
    site_id: "site-2",
    state: "done",
    bytes: 48_211_000,
    read: 48_211_000,
    packets: 391_002,
    error: "",
    first_at: iso(3 * day),
    last_at: iso(2.9 * day),
    added: { assets: 9, facts: 214, conversations: 61 },
    by: "A. Holm",
    at: iso(2 * day),
    sha256: "9f2c".repeat(16),
  },
  {
    id: "c2",
    name: "broken.pcap",
    site_id: "site-1",
    state: "failed",
    bytes: 1200,
    read: 24,
    packets: 0,
    error: "This is not a capture: it begins with “PK”, which is a zip archive. Unpack it first.",
    first_at: null,
    last_at: null,
    added: null,
    by: "A. Holm",
    at: iso(3 * day),
    sha256: "",
  },
];
let signed = process.env.SIGNED !== "0";

/** @type {[RegExp, (m: RegExpMatchArray, q: URLSearchParams, method: string) => unknown][]} */
const routes = [
  [
    /^\/session$/,
    (_m, _q, method) => {
      if (method === "POST") signed = true;
      if (method === "DELETE") signed = false;
      return {
        user: signed
          ? { id: "u1", name: "Anna Holm", email: "anna@example.org", role: "administrator", permissions: [] }
          : null,
        setup_needed: process.env.SETUP === "1",
        demo: true,
        version: "0.1.0",
      };
    },
  ],
  [/^\/sites$/, () => ({ items: sites })],
  [/^\/posture$/, () => posture],
  [/^\/requirements$/, (_m, q) => ({ items: reqs.filter((r) => !q.get("area") || r.area === q.get("area")) })],
  [/^\/requirements\/(.+)$/, (m) => requirement(m[1] ?? "")],
  [
    /^\/checks\/(.+)\/items$/,
    () => ({
      items: [
        {
          site_id: "site-2",
          ref: { kind: "conversation", id: "2.3" },
          label: "10.4.0.23 → 10.20.4.12 RDP",
          verdict: "fail",
          value: 3,
          reason: "from Business IT, not from the gateway",
        },
        {
          site_id: "site-2",
          ref: { kind: "asset", id: "asset-1" },
          label: "HMI 1",
          verdict: "pass",
          value: 0,
          reason: "",
        },
      ],
    }),
  ],
  [
    /^\/evidence$/,
    () => ({
      items: Array.from({ length: 12 }, (_, i) => ({
        at: iso(i * day),
        status: "fail",
        value: 3 - Math.floor(i / 5),
        population: 14,
        passed: 9,
        failed: 3,
        unknown: 2,
      })),
    }),
  ],
  [
    /^\/assets$/,
    (_m, q) => {
      const need = (/** @type {string} */ k, /** @type {unknown} */ v) => !q.get(k) || q.get(k) === v;
      const all = assets.filter(
        (a) =>
          need("site", a.site_id) &&
          need("role", a.role) &&
          need("vendor", a.vendor) &&
          need("state", a.state) &&
          need("level", a.level) &&
          need("zone", a.zone?.id) &&
          JSON.stringify(a)
            .toLowerCase()
            .includes((q.get("q") ?? "").toLowerCase()),
      );
      const at = Number(q.get("cursor") ?? 0);
      const n = Number(q.get("limit") ?? 50);
      return { items: all.slice(at, at + n), next: at + n < all.length ? String(at + n) : "", total: all.length };
    },
  ],
  [
    /^\/assets\/facets$/,
    () =>
      Object.fromEntries(
        ["role", "vendor", "level", "state"]
          .map((k) => [
            k,
            [...new Set(assets.map((a) => a[k]))].map((value) => ({
              value,
              count: assets.filter((a) => a[k] === value).length,
            })),
          ])
          .concat([["zone", zoneNames.map((label, i) => ({ value: `zone-1-${i}`, label, count: 5 }))]]),
      ),
  ],
  [/^\/assets\/([^/]+)$/, (m) => asset(m[1] ?? "")],
  [/^\/assets\/([^/]+)\/conversations$/, () => ({ items: [0, 2, 3].map(conv) })],
  [
    /^\/assets\/([^/]+)\/history$/,
    () => ({
      items: [
        { at: iso(day), actor: "Anna Holm", field: "state", from: "new", to: "accepted", reason: "" },
        { at: iso(2 * day), actor: "sensor ESB-1", field: "firmware", from: "V3.2.5", to: "V3.2.6", reason: "" },
      ],
    }),
  ],
  [/^\/plant$/, (_m, q) => plant(q.get("site") ?? "")],
  [/^\/conversations$/, () => ({ items: Array.from({ length: 40 }, (_, i) => conv(i)) })],
  [
    /^\/conversations\/(.+)$/,
    () => ({
      ...conv(3),
      tuples: [
        tuple("Read Var", "read", 1_204_881),
        tuple("Write Var", "write", 18),
        tuple("Download block", "program_download", 12),
      ],
      events: [
        {
          id: "2.e1",
          at: iso(31 * min),
          protocol: "s7comm",
          name: "Download block",
          class: "program_download",
          object: "OB1, FC12",
          rules: ["program download outside a window"],
          conversation: "2.3",
          client: "10.2.0.5",
          server: "10.20.4.12",
          ref: { source: "src-1", number: 48212, seen: iso(31 * min), offset: 54 },
          proof,
        },
      ],
      proof: { ref: { source: "src-1", number: 48211, seen: iso(3 * day), offset: 54 }, hex: proof },
    }),
  ],
  [/^\/sources\/(.+)\/packets\/(\d+)$/, () => ({ hex: frame, link_type: "Ethernet", at: iso(3 * day), offset: 54 })],
  [/^\/captures$/, () => ({ items: captures })],
  [
    /^\/audit$/,
    () => ({
      items: Array.from({ length: 30 }, (_, i) => ({
        index: i ? 1204 - i : null,
        at: iso(i * 17 * min),
        actor: i % 3 ? "anna@example.org" : "system",
        action: ["asset.accept", "capture.add", "evidence.run"][i % 3],
        site_id: "site-2",
        target: "asset:asset-1",
        detail: { name: "Filler PLC" },
        hash: "a3f1".repeat(16),
      })),
    }),
  ],
  [/^\/audit\/checkpoint$/, () => ({ size: 1204, root: "Zm9vYmFy".repeat(5), at: iso(1000) })],
  [
    /^\/search$/,
    (_m, q) => ({
      items: assets
        .filter((a) => a.name.toLowerCase().includes((q.get("q") ?? "").toLowerCase()))
        .slice(0, 8)
        .map((a) => ({ kind: "asset", id: a.id, label: a.name, detail: a.ips[0], site_id: a.site_id })),
    }),
  ],
  [
    /^\/users$/,
    () => ({
      items: [
        {
          id: "u1",
          name: "Anna Holm",
          email: "anna@example.org",
          role: "administrator",
          signed_in_at: iso(min),
          has_password: true,
          disabled: false,
          sees_all: true,
          sites: [],
        },
      ],
    }),
  ],
  [
    /^\/sessions$/,
    () => ({
      items: [
        {
          id: "s1",
          user_id: "u1",
          user_name: "Anna Holm",
          created_at: iso(day),
          seen_at: iso(min),
          address: "10.0.0.5",
          agent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140",
          current: true,
        },
      ],
    }),
  ],
  [
    /^\/sites\/(.+)\/zones$/,
    (m) => ({
      items: zoneNames.map((name, i) => ({
        id: `zone-${m[1]?.slice(-1)}-${i}`,
        name,
        level: levels[i],
        ot: i < 5,
        sl_t: 0,
        critical: false,
        external: i === 6,
        gateway: i === 5,
      })),
    }),
  ],
  [/^\/sites\/(.+)\/realms$/, () => ({ items: [{ id: "r1", name: "default", default: true }] })],
  [
    /^\/sites\/(.+)\/subnets$/,
    (m) => ({ items: [{ realm_id: "r1", prefix: "10.20.4.0/24", zone_id: `zone-${m[1]?.slice(-1)}-1` }] }),
  ],
];

createServer((req, res) => {
  const url = new URL(req.url ?? "/", "http://localhost");
  const path = url.pathname.replace("/api/v1", "");
  req.resume();
  for (const [pattern, answer] of routes) {
    const match = path.match(pattern);
    if (!match) continue;
    res.writeHead(200, { "Content-Type": "application/json", ETag: '"1"' });
    res.end(JSON.stringify(answer(match, url.searchParams, req.method ?? "GET")));
    return;
  }
  res.writeHead(404, { "Content-Type": "application/problem+json" });
  res.end(JSON.stringify({ title: "Not found", status: 404, detail: `No such address: ${path}` }));
}).listen(port, () => console.log(`fixtures on http://localhost:${port}`));
