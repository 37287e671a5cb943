import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { type Alert, alert } from "../../api/alerts";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { Mark, priorityOf } from "../../ui/mark";
import { PacketDrawer, PacketLink } from "../../ui/packet";
import { Ask, ErrorNote, Page, Panel } from "../../ui/page";
import { When } from "../../ui/when";
import { Decide, type What } from "./decide";
import { sideName } from "./words";
import "./alerts.css";

/** One alert: what happened in plain words, what to do first, what proves it. */
export default function AlertPage() {
  const { id } = useParams({ from: "/alerts/$id" });
  const search = useSearch({ from: "/alerts/$id" });
  const navigate = useNavigate({ from: "/alerts/$id" });
  const one = useQuery(alert(id));
  return (
    <Page
      title={one.data?.title ?? t("alerts.one")}
      sub={one.data ? <Standing a={one.data} /> : undefined}
      crumbs={<Link to="/alerts">{t("alerts.title")}</Link>}
      actions={one.data && <Actions a={one.data} />}
    >
      <Ask of={one}>{(a) => <Story a={a} />}</Ask>
      {search.packet && one.data?.story && (
        <PacketDrawer
          id={search.packet}
          proofs={one.data.story.packets.map((ref, i) => ({
            title: one.data.title,
            ref,
            hex: i === 0 ? (one.data.story?.proof ?? "") : "",
            from: ref.source_name || ref.source.slice(0, 12),
          }))}
          onClose={() => navigate({ search: (old) => ({ ...old, packet: undefined }), replace: true })}
        />
      )}
    </Page>
  );
}

function Standing({ a }: { a: Alert }) {
  return (
    <span className="line">
      <Mark priority={priorityOf(a.severity)} />
      {word("alert_severity", a.severity)} · {t(`alerts.state_${a.state}`)} · {a.site}
    </span>
  );
}

const closedActions: readonly What[] = ["reopen", "comment"];
const openActions: readonly What[] = ["acknowledge", "explain", "shelve", "close", "assign", "comment"];

function Actions({ a }: { a: Alert }) {
  const may = useMay("record:write");
  const [what, setWhat] = useState<What>();
  if (!may) return null;
  const list = (a.state === "closed" ? closedActions : openActions).filter(
    (x) => !(x === "acknowledge" && a.state === "acknowledged"),
  );
  return (
    <>
      {list.map((x) => (
        <button
          key={x}
          type="button"
          className={x === "acknowledge" ? "btn primary" : "btn"}
          onClick={() => setWhat(x)}
        >
          {t(`alerts.do_${x}`)}
        </button>
      ))}
      {what && <Decide alert={a} what={what} onClose={() => setWhat(undefined)} />}
    </>
  );
}

function Side({ side }: { side: Alert["client"] }) {
  const name = sideName(side);
  return (
    <>
      {side.asset_id ? (
        <Link to="/assets/$id" params={{ id: side.asset_id }}>
          {name}
        </Link>
      ) : (
        name
      )}
      {(side.role || side.zone) && (
        <span className="quiet"> {[word("role", side.role), side.zone].filter(Boolean).join(", ")}</span>
      )}
    </>
  );
}

function Story({ a }: { a: Alert }) {
  const s = a.story;
  if (!s) return null;
  return (
    <div className="split">
      <div className="stack">
        <Panel title={t("alerts.story")}>
          <div className="stack alert-story">
            <p>
              <Side side={a.client} />
              {(a.server.ip || a.server.mac) && (
                <>
                  {" → "}
                  <Side side={a.server} />
                </>
              )}
              {a.protocol && <> · {a.protocol}</>}
            </p>
            <p>
              {t("alerts.when", { count: a.count })} <When at={a.first_at} />
              {a.first_at !== a.last_at && (
                <>
                  {" – "}
                  <When at={a.last_at} />
                </>
              )}
              {!a.live && <> · {t("alerts.from_capture")}</>}
            </p>
            <dl className="alert-facts">
              {a.facts.map((f) => (
                <div key={f.name + f.value} style={{ display: "contents" }}>
                  <dt>{word("alert_fact", f.name)}</dt>
                  <dd>{f.value}</dd>
                </div>
              ))}
            </dl>
            <p>{s.why}</p>
            <div className="alert-do">
              <h3>{t("alerts.first")}</h3>
              <p>{s.first}</p>
            </div>
            <div>
              <h3>{t("alerts.false_alarm")}</h3>
              <p>{s.false_alarm}</p>
            </div>
          </div>
        </Panel>
        <Panel title={t("alerts.timeline")}>
          <ol className="alert-steps">
            {s.steps.map((x) => (
              <li key={x.at + x.kind}>
                <When at={x.at} /> <span>{word("alert_step", x.kind)}</span>
                <span className="quiet">{[x.by, x.text].filter(Boolean).join(": ")}</span>
              </li>
            ))}
          </ol>
        </Panel>
        {s.together.length > 0 && (
          <Panel title={t("alerts.together")}>
            <ul className="alert-steps">
              {s.together.map((x) => (
                <li key={x.id}>
                  <When at={x.first_at} />
                  <Link to="/alerts/$id" params={{ id: x.id }}>
                    {x.title}
                  </Link>
                  <span className="quiet">{t(`alerts.state_${x.state}`)}</span>
                </li>
              ))}
            </ul>
          </Panel>
        )}
      </div>
      <div className="stack">
        <Panel title={t("alerts.packets")}>
          <ul className="alert-packets">
            {s.packets.map((p) => (
              <li key={`${p.source}:${p.number}`}>
                <PacketLink reference={p} /> <When at={p.seen} />
              </li>
            ))}
          </ul>
          {s.packets.length === 0 && <p className="quiet">{t("alerts.no_packets")}</p>}
        </Panel>
        <Panel title={t("alerts.links")}>
          <ul className="stack">
            {a.conversation && (
              <li>
                <Link to="/conversations/$id" params={{ id: a.conversation }}>
                  {t("alerts.conversation")}
                </Link>
              </li>
            )}
            <li>
              <Link to="/detections" search={{ rule: a.rule }}>
                {t("alerts.rule")} {a.rule}
              </Link>
            </li>
            <li>
              <Link to="/records/new" search={{ type: "exception", site: a.site_id, "f.check": `rule:${a.rule}` }}>
                {t("alerts.exception")}
              </Link>
            </li>
            <li>
              <Link to="/records/new" search={{ type: "change", site: a.site_id }}>
                {t("alerts.change")}
              </Link>
            </li>
            {a.technique && (
              <li>
                ATT&CK{" "}
                <a href={`https://attack.mitre.org/techniques/${a.technique}/`} rel="noreferrer" target="_blank">
                  {a.technique}
                </a>
              </li>
            )}
          </ul>
        </Panel>
        <Panel title={t("alerts.people")}>
          <dl className="alert-facts">
            <dt>{t("alerts.owner")}</dt>
            <dd>{a.owner || t("records.nobody")}</dd>
            <dt>{t("alerts.deputy")}</dt>
            <dd>{a.deputy || t("records.nobody")}</dd>
          </dl>
        </Panel>
        {a.client.asset_id && <Programming id={a.client.asset_id} on={s.programming} />}
      </div>
    </div>
  );
}

function Programming({ id, on }: { id: string; on: boolean }) {
  const may = useMay("asset:write");
  const client = useQueryClient();
  const mark = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/assets/{id}/programming", {
          params: { path: { id } },
          body: { programming: !on, reason: t(on ? "alerts.programming_off_why" : "alerts.programming_on_why") },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ["alerts"] }),
  });
  return (
    <Panel title={t("alerts.programming")}>
      <p>{t(on ? "alerts.programming_on" : "alerts.programming_off")}</p>
      {mark.error && <ErrorNote error={mark.error} />}
      {may && (
        <button type="button" className="btn small" disabled={mark.isPending} onClick={() => mark.mutate()}>
          {t(on ? "alerts.programming_unmark" : "alerts.programming_mark")}
        </button>
      )}
    </Panel>
  );
}
