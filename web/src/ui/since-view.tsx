import { type ReactNode, useState } from "react";
import type { Since, WireChange } from "../api/desk";
import { useMay } from "../api/may";
import { said, t, word } from "../texts";
import { LevelCell } from "./cell";
import { Dialog } from "./dialog";
import { ExplainForm } from "./explain";
import { date, dateTime } from "./format";
import { Go } from "./go";
import { Mark } from "./mark";
import { hrefOf } from "./target";
import "./since-view.css";

/** The parts of "since": each line leads to its thing. A part without lines is one quiet line. */
export function SinceView({ of, paper = false }: { of: Since; paper?: boolean }) {
  const several = of.sites.length > 1;
  const at = (site: string) => (several && site ? `${site} · ` : "");
  return (
    <div className="since">
      <Part title={t("since.changes")} part={of.changes} hidden={of.hidden.includes("changes")}>
        {(c) => <Change key={c.id} change={c} site={at(c.site)} paper={paper} />}
      </Part>
      <Part title={t("since.levels")} part={of.levels} hidden={false}>
        {(m) => (
          <li key={`${m.site_id} ${m.requirement}`}>
            <span className="move">
              <LevelCell cell={m.before} label={t("since.before")} /> <span aria-hidden="true">→</span>
              <LevelCell cell={m.after} label={t("since.became")} />
            </span>
            <span>
              <Go href={hrefOf("requirement", m.requirement, m.site_id)}>
                {m.requirement} {said(["requirement", m.requirement, "title"], m.title)}
              </Go>
              <Quiet>
                {at(m.site)}
                {m.after.why}
              </Quiet>
            </span>
          </li>
        )}
      </Part>
      <Part title={t("since.devices")} part={of.devices} hidden={of.hidden.includes("devices")}>
        {(d) => (
          <li key={d.id}>
            <time className="num">{dateTime(d.first_at)}</time>
            <span>
              {d.state === "new" && <Mark priority={2} quiet />} <Go href={hrefOf("asset", d.id)}>{d.name}</Go>
              <Quiet>
                {at(d.site)}
                {[d.vendor, d.zone, word("asset_state", d.state)].filter(Boolean).join(" · ")}
              </Quiet>
            </span>
          </li>
        )}
      </Part>
      <Part title={t("since.connections")} part={of.connections} hidden={of.hidden.includes("connections")}>
        {(c) => (
          <li key={c.conversation}>
            <time className="num">{dateTime(c.first_at)}</time>
            <span>
              <Go href={hrefOf("conversation", c.conversation)}>
                {c.from_zone || t("since.no_zone")} → {c.to_zone || t("since.no_zone")}
              </Go>
              <Quiet>
                {at(c.site)}
                {word("protocol", c.protocol)}, {t("since.conversations", { count: c.count })}
              </Quiet>
            </span>
          </li>
        )}
      </Part>
      <Part title={t("since.outages")} part={of.outages} hidden={of.hidden.includes("outages")}>
        {(o) => (
          <li key={`${o.source} ${o.from_at}`}>
            <time className="num">{dateTime(o.from_at)}</time>
            <span>
              {!o.to_at && <Mark priority={2} quiet />} <Go href={hrefOf("source", o.source)}>{o.name}</Go>
              <Quiet>
                {at(o.site)}
                {o.to_at ? t("since.until", { time: dateTime(o.to_at) }) : t("since.still")}
              </Quiet>
            </span>
          </li>
        )}
      </Part>
      <Part title={t("since.expiring")} part={of.expiring} hidden={of.hidden.includes("expiring")}>
        {(x) => (
          <li key={`${x.kind} ${x.ref.id} ${x.title} ${x.site_id}`}>
            <time className="num">{date(x.at)}</time>
            <span>
              <Go href={x.ref.kind === "record" ? `/records/${x.ref.id}` : hrefIn(x.ref.kind, x.ref.id, x.site_id)}>
                {x.kind === "declaration" ? `${x.ref.id} ${x.title}` : x.title || x.ref.id}
              </Go>
              <Quiet>
                {at(x.site)}
                {word("since_kind", x.kind)}
              </Quiet>
            </span>
          </li>
        )}
      </Part>
      {!paper && (
        <Part title={t("since.sign_ins")} part={of.sign_ins} hidden={of.hidden.includes("sign_ins")}>
          {(s) => (
            <li key={`${s.at} ${s.action} ${s.target.id}`}>
              <time className="num">{dateTime(s.at)}</time>
              <span>
                <Go href={`/audit?action=${encodeURIComponent(s.action)}`}>{word("action", s.action)}</Go>
                <Quiet>{[s.about, s.name || word("actor", s.actor)].filter(Boolean).join(" · ")}</Quiet>
              </span>
            </li>
          )}
        </Part>
      )}
      <Part title={t("since.decisions")} part={of.decisions} hidden={of.hidden.includes("decisions")}>
        {(d) => (
          <li key={`${d.at} ${d.kind} ${d.ref.id} ${d.what}`}>
            <time className="num">{dateTime(d.at)}</time>
            <span>
              {d.by || t("common.unknown")}:{" "}
              <Go href={d.ref.kind === "record" ? `/records/${d.ref.id}` : hrefIn(d.ref.kind, d.ref.id, d.site_id)}>
                {decided(d)}
              </Go>
              <Quiet>
                {at(d.site)}
                {d.reason}
              </Quiet>
            </span>
          </li>
        )}
      </Part>
    </div>
  );
}

const hrefIn = (kind: string, id: string, site: string) =>
  kind === "user" || kind === "token"
    ? "/settings"
    : kind === "inbox"
      ? `/inbox?item=${encodeURIComponent(id)}&state=done&whose=all`
      : hrefOf(kind, id, site);

function decided(d: Since["decisions"]["items"][number]): string {
  switch (d.kind) {
    case "device":
      return d.count > 1
        ? t("since.devices_are", { count: d.count, state: word("asset_state", d.what) })
        : `${d.title || t("assets.unnamed")} ${word("asset_state", d.what)}`;
    case "explained":
      return t("since.explained_by", { who: d.what });
    case "record":
      return t(d.what === "approved" ? "since.record_approved" : "since.record_rejected", { title: d.title });
    case "answered":
      return `${d.title}${d.what ? `: ${d.what}` : ""}`;
    default:
      return t("since.declared", { count: d.count, requirement: d.what });
  }
}

function Quiet({ children }: { children: ReactNode }) {
  return <span className="quiet small block">{children}</span>;
}

type PartProps<T> = {
  title: string;
  part: { items: T[]; total: number };
  hidden: boolean;
  children: (row: T) => ReactNode;
};

function Part<T>({ title, part, hidden, children }: PartProps<T>) {
  if (hidden) return null;
  return (
    <section className="panel part" aria-label={title}>
      <h2>
        {title} <span className="quiet num">{part.total}</span>
      </h2>
      {part.total === 0 ? <p className="quiet small">{t("since.none")}</p> : <ul>{part.items.map(children)}</ul>}
      {part.total > part.items.length && (
        <p className="quiet small">{t("since.more", { count: part.total - part.items.length })}</p>
      )}
    </section>
  );
}

export function Change({ change: c, site, paper }: { change: WireChange; site: string; paper: boolean }) {
  const may = useMay("record:write");
  const [open, setOpen] = useState(false);
  return (
    <li>
      <time className="num">{dateTime(c.at)}</time>
      <span>
        {!c.matched && <Mark priority={1} quiet />}{" "}
        <Go href={hrefOf("conversation", c.conversation)}>
          {word("class", c.class)}: {c.client.name} → {c.server.name}
        </Go>
        <Quiet>
          {site}
          {[word("protocol", c.protocol), c.what].filter(Boolean).join(" ")}
          {" · "}
          {c.matched ? (
            <>
              {c.record_ref ? (
                <Go href={`/records/${c.record_id}`}>{c.record_ref}</Go>
              ) : (
                t("since.explained_by", { who: c.who })
              )}
              {c.why && `: ${c.why}`}
            </>
          ) : (
            <b className="p1-ink">{t("since.unmatched")}</b>
          )}
        </Quiet>
        {!c.matched && may && !paper && (
          <button type="button" className="btn small noprint" onClick={() => setOpen(true)}>
            {t("explain.open")}
          </button>
        )}
        {open && (
          <Dialog title={t("explain.title")} kind="box" onClose={() => setOpen(false)}>
            <ExplainForm events={[c.id]} site={c.site_id} onDone={() => setOpen(false)} />
          </Dialog>
        )}
      </span>
    </li>
  );
}
