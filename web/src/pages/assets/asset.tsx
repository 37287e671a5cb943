import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { asset, assetConversations, assetHistory, sites } from "../../api/queries";
import type { Asset, AssetHistory } from "../../api/types";
import { t, word } from "../../texts";
import { ConversationTable } from "../../ui/conversation-table";
import { CutPackets } from "../../ui/cut-packets";
import { date } from "../../ui/format";
import { LinkedRecords } from "../../ui/linked-records";
import { Mark } from "../../ui/mark";
import { More } from "../../ui/more";
import { PacketDrawer, type Proof } from "../../ui/packet";
import { Ask, ErrorNote, Page, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";
import { EditAsset } from "./edit";
import { Identity } from "./identity";
import { Merge } from "./merge";
import { Plans } from "./plans";
import { Programs } from "./programs";
import { Sight } from "./sight";
import { Split } from "./split";
import { Standing } from "./standing";
import { Trace } from "./trace";
import { Vulnerable } from "./vulnerable";
import { WireChanges } from "./wire-changes";
import "./asset.css";

/** One device: what it is and how we know, what it does, what a person decided about it. */
export default function AssetPage() {
  const { id } = useParams({ from: "/assets/$id" });
  const search = useSearch({ from: "/assets/$id" });
  const navigate = useNavigate({ from: "/assets/$id" });
  const answer = useQuery(asset(id));
  return (
    <Ask of={answer}>
      {({ value, etag }) => (
        <>
          <Body asset={value} etag={etag} />
          {search.packet && (
            <PacketDrawer
              id={search.packet}
              proofs={proofsOf(value)}
              onClose={() =>
                navigate({ search: (old) => ({ ...old, packet: undefined }), replace: true, resetScroll: false })
              }
            />
          )}
        </>
      )}
    </Ask>
  );
}

function proofsOf(value: Asset): Proof[] {
  return value.facts.map((fact) => ({
    title: `${word("attr", fact.attr)}: ${fact.value}`,
    ref: fact.ref,
    hex: fact.proof,
    from: fact.source_name,
  }));
}

function Body({ asset: value, etag }: { asset: Asset; etag: string }) {
  const siteList = useQuery(sites);
  const may = useMay("asset:write");
  const [editing, setEditing] = useState(false);
  const [merging, setMerging] = useState(false);
  const site = siteList.data?.items.find((s) => s.id === value.site_id);
  const name = value.name || value.ips[0] || value.macs[0] || t("assets.unnamed");
  return (
    <Page
      title={name}
      crumbs={
        <>
          <Link to="/assets">{t("assets.title")}</Link> ›{" "}
          <Link to="/assets" search={{ site: value.site_id }}>
            {site?.name ?? t("facet.site")}
          </Link>
          {value.zone && (
            <>
              {" "}
              ›{" "}
              <Link to="/plant" search={{ site: value.site_id, zone: value.zone.id }}>
                {value.zone.name}
              </Link>
            </>
          )}
        </>
      }
      sub={
        <>
          {word("asset_role", value.role)}
          {value.level && ` · ${t("assets.level_short", { level: value.level })}`} · {t("asset.heard")}{" "}
          <Ago at={value.last_at} full />
          {!value.live && ` · ${t("assets.from_capture")}`}
        </>
      }
      actions={
        <>
          <CutPackets of={{ asset: value.id }} what={name} />
          {may && (
            <>
              <button type="button" className="btn" onClick={() => setMerging(true)}>
                {t("merge.open")}
              </button>
              <button type="button" className="btn" onClick={() => setEditing(true)}>
                {t("asset.edit")}
              </button>
            </>
          )}
        </>
      }
    >
      {value.clashes.map((clash) => (
        <div key={`${clash.ip} ${clash.with}`} className="error clash">
          <Mark priority={2} />
          {t("asset.clash", { ip: clash.ip, mac: clash.with })}
        </div>
      ))}
      {value.state === "new" && may && <Decide asset={value} etag={etag} />}
      <div className="split">
        <div className="stack">
          <Standing id={value.id} />
          <Plans asset={value} />
          <Panel title={t("asset.how_we_know")}>
            <Identity asset={value} />
          </Panel>
          {value.modules.length > 0 && <Modules asset={value} />}
          <Vulnerable id={value.id} />
          <WireChanges id={value.id} />
          <Programs id={value.id} />
          <Conversations id={value.id} site={value.site_id} />
          <Trace id={value.id} />
          <History id={value.id} />
        </div>
        <div className="stack">
          <Sight id={value.id} />
          <Reasons asset={value} onOverrule={may ? () => setEditing(true) : undefined} />
          <Decided asset={value} />
          <LinkedRecords kind="asset" id={value.id} site={value.site_id} begin={["change", "finding", "exception"]} />
          <Bindings asset={value} name={name} may={may} />
        </div>
      </div>
      {merging && <Merge asset={value} name={name} onClose={() => setMerging(false)} />}
      {editing && <EditAsset asset={value} etag={etag} onClose={() => setEditing(false)} />}
    </Page>
  );
}

/** A new device asks for one decision. */
function Decide({ asset: value, etag }: { asset: Asset; etag: string }) {
  const client = useQueryClient();
  const decide = useMutation({
    mutationFn: (state: "accepted" | "rejected") =>
      api.PATCH("/assets/{id}", {
        params: { path: { id: value.id }, header: { "If-Match": etag } },
        body: { state },
      }),
    onSuccess: async (_, state) => {
      notify(t(state === "accepted" ? "asset.accepted" : "asset.rejected"));
      for (const key of ["asset", "assets", "facets", "posture"]) await client.invalidateQueries({ queryKey: [key] });
    },
  });
  return (
    <div className="panel decide">
      <Mark priority={3} />
      <p>
        {t("asset.is_new")} <Ago at={value.first_at} full />.
      </p>
      <span className="line">
        <button
          type="button"
          className="btn primary"
          disabled={decide.isPending}
          onClick={() => decide.mutate("accepted")}
        >
          {t("asset.accept")}
        </button>
        <button type="button" className="btn" disabled={decide.isPending} onClick={() => decide.mutate("rejected")}>
          {t("asset.reject")}
        </button>
      </span>
      {decide.error && <ErrorNote error={decide.error} />}
    </div>
  );
}

function Reasons({ asset: value, onOverrule }: { asset: Asset; onOverrule: (() => void) | undefined }) {
  return (
    <Panel
      title={t("asset.why")}
      side={
        onOverrule && (
          <button type="button" className="btn small" onClick={onOverrule}>
            {t("asset.overrule")}
          </button>
        )
      }
    >
      {(["role", "level"] as const).map((name) => {
        const field = value.fields[name];
        return (
          <div key={name} className="reason">
            <b>
              {name === "role" ? word("asset_role", value.role) : word("purdue", value.level) || t("common.unknown")}
            </b>
            <p className="quiet small">
              {field?.source === "person" && <span className="tag">{t("asset.person")}</span>}{" "}
              {field?.reason || t(name === "role" ? "asset.no_role_reason" : "asset.no_level_reason")}
            </p>
          </div>
        );
      })}
    </Panel>
  );
}

function Decided({ asset: value }: { asset: Asset }) {
  const rows: [string, string][] = [
    [t("asset.state"), word("asset_state", value.state)],
    [t("asset.criticality"), value.criticality ? word("criticality", String(value.criticality)) : ""],
    [t("asset.owner"), value.owner],
    [t("asset.end_of_sale"), value.end_of_sale ? date(value.end_of_sale) : ""],
    [t("asset.end_of_support"), value.end_of_support ? date(value.end_of_support) : ""],
    [t("asset.spare"), value.spare ? word("spare", value.spare) : ""],
  ];
  return (
    <Panel title={t("asset.decided")}>
      <dl className="facts">
        {rows.map(([label, text]) => (
          <div key={label} className="pair">
            <dt>{label}</dt>
            <dd>{text || <span className="tag unknown">{t("asset.not_set")}</span>}</dd>
          </div>
        ))}
      </dl>
      {!value.criticality && value.criticality_hint && (
        <p className="quiet small suggests">
          {t("asset.suggests", { level: word("criticality", String(value.criticality_hint)) })}{" "}
          {value.criticality_reason}
        </p>
      )}
    </Panel>
  );
}

function Bindings({ asset: value, name, may }: { asset: Asset; name: string; may: boolean }) {
  const [splitting, setSplitting] = useState<string>();
  // What is heard now, and is not all of its kind, can be another device's.
  const heard = value.bindings.filter((b) => !b.to && !b.person);
  const several = (kind: string) => heard.filter((b) => b.kind === kind).length > 1;
  return (
    <Panel title={t("asset.addresses")}>
      <ul className="addresses">
        {value.bindings.map((b) => (
          <li key={`${b.kind} ${b.address} ${b.from}`}>
            <span className="line">
              <span className={b.to ? "num quiet" : "num strong"}>{b.address}</span>
              {may && heard.includes(b) && several(b.kind) && (
                <button
                  type="button"
                  className="btn small"
                  aria-label={t("split.open_of", { address: b.address })}
                  onClick={() => setSplitting(b.address)}
                >
                  {t("split.open")}
                </button>
              )}
            </span>
            <span className="quiet small">
              {b.to
                ? t("asset.until", { from: date(b.from), to: date(b.to) })
                : b.from
                  ? t("asset.since", { from: date(b.from) })
                  : t("assets.from_list")}
              {b.realm && b.realm !== "default" && ` · ${b.realm}`}
            </span>
          </li>
        ))}
      </ul>
      {splitting && <Split asset={value} name={name} address={splitting} onClose={() => setSplitting(undefined)} />}
    </Panel>
  );
}

function Modules({ asset: value }: { asset: Asset }) {
  return (
    <Panel title={t("asset.modules")}>
      <Table
        label={t("asset.modules")}
        heads={[t("asset.slot"), t("asset.module"), t("field.order_code"), t("field.firmware"), t("field.serial")]}
      >
        {value.modules.map((m) => (
          <tr key={m.module}>
            <td className="num">{m.module}</td>
            <td>{m.name || m.model}</td>
            <td className="num">{m.order_code}</td>
            <td className="num">{m.firmware}</td>
            <td className="num">{m.serial}</td>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}

function Conversations({ id, site }: { id: string; site: string }) {
  const list = useInfiniteQuery(assetConversations(id));
  return (
    <Panel
      title={t("asset.does")}
      side={
        <span className="line small">
          <Link to="/logs" search={{ site, asset: id }} hash="lines">
            {t("asset.logs")}
          </Link>
          <Link to="/conversations" search={{ site, asset: id }}>
            {t("asset.all_conversations")}
          </Link>
        </span>
      }
    >
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          return rows.length === 0 ? (
            <p className="quiet">{t("asset.silent")}</p>
          ) : (
            <>
              <ConversationTable rows={rows} about={id} />
              <More of={list} />
            </>
          );
        }}
      </Ask>
    </Panel>
  );
}

function History({ id }: { id: string }) {
  const list = useQuery(assetHistory(id));
  return (
    <Panel title={t("asset.history")} id="history">
      <Ask of={list}>
        {(data) => {
          const rows = data.items;
          if (rows.length === 0) return <p className="quiet">{t("asset.no_history")}</p>;
          return (
            <ul className="history">
              {rows.map((h) => (
                <Change key={h.id} entry={h} />
              ))}
            </ul>
          );
        }}
      </Ask>
    </Panel>
  );
}

/** Codes of the server as the words that the rest of the page uses. */
const groups: Record<string, string> = {
  role: "asset_role",
  level: "purdue",
  state: "asset_state",
  criticality: "criticality",
  spare: "spare",
};

function Change({ entry: h }: { entry: AssetHistory }) {
  const say = (value: string) => {
    if (h.field === "criticality" && value === "0") return t("asset.not_set");
    return word(groups[h.field] ?? "", value) || value;
  };
  // "state · State" says the same twice.
  const what =
    h.field && h.kind !== "state" ? `${word("change", h.kind)} · ${word("field", h.field)}` : word("change", h.kind);
  return (
    <li>
      <span className="quiet">
        <When at={h.at} />
      </span>
      <span>
        {what}
        {(h.before || h.after) && ": "}
        {h.kind === "split" || h.kind === "merged" ? (
          <>
            {h.before} →{" "}
            {h.other ? (
              <Link to="/assets/$id" params={{ id: h.other }}>
                {h.after}
              </Link>
            ) : (
              h.after
            )}
          </>
        ) : (
          <>
            {h.before && <s className="quiet">{say(h.before)}</s>} {say(h.after)}
          </>
        )}
        {h.reason && <span className="quiet"> · {h.reason}</span>}
      </span>
      <span className="quiet small">{h.by}</span>
    </li>
  );
}
