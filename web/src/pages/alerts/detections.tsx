import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { type Detection, detections, type Technique } from "../../api/alerts";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Mark, priorityOf } from "../../ui/mark";
import { Ask, ErrorNote, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Indicators } from "./indicators";
import { Own } from "./own";
import { Would } from "./would";
import "./alerts.css";

/** The rules: which techniques they show, how noisy each is, and how it is meant here. */
export default function DetectionsPage() {
  const search = useSearch({ from: "/detections" });
  const navigate = useNavigate({ from: "/detections" });
  const all = useQuery(detections);
  const pick = (name: string, value: string | undefined) =>
    navigate({ search: (old) => ({ ...old, [name]: value }), replace: true });
  const open = all.data?.items.find((d) => d.id === search.rule);
  return (
    <Page
      title={t("detections.title")}
      sub={all.data ? t("detections.lead", { count: all.data.items.length }) : undefined}
      crumbs={<Link to="/alerts">{t("alerts.title")}</Link>}
    >
      <Ask of={all}>
        {(x) => (
          <div className="stack">
            <Panel title={t("detections.attack")}>
              <p className="quiet">{t("detections.attack_why")}</p>
              <Matrix
                list={x.techniques}
                rules={x.items}
                at={search.technique ?? ""}
                onPick={(id) => pick("technique", id === search.technique ? undefined : id)}
              />
            </Panel>
            <Own open={search.file} onOpen={(name) => pick("file", name)} />
            <Indicators />
            <Panel title={t("detections.rules")}>
              <Rules
                rules={x.items.filter((d) => !search.technique || d.technique === search.technique)}
                onOpen={(id) => pick("rule", id)}
              />
            </Panel>
          </div>
        )}
      </Ask>
      {open && <Drawer d={open} onClose={() => pick("rule", undefined)} />}
    </Page>
  );
}

function Matrix({
  list,
  rules,
  at,
  onPick,
}: {
  list: readonly Technique[];
  rules: readonly Detection[];
  at: string;
  onPick: (id: string) => void;
}) {
  const tactics = [...new Set(list.map((x) => x.tactic))];
  const of = (id: string) => rules.filter((d) => d.technique === id);
  return (
    <div className="attack">
      {tactics.map((tactic) => (
        <div key={tactic}>
          <h3>{word("tactic", tactic)}</h3>
          <ul>
            {list
              .filter((x) => x.tactic === tactic)
              .map((x) => {
                const mine = of(x.id);
                const calls = mine.reduce((sum, d) => sum + d.calls, 0);
                return (
                  <li key={x.id}>
                    <button
                      type="button"
                      className={`technique small${mine.length ? "" : " none"}${calls ? " called" : ""}${at === x.id ? " on" : ""}`}
                      aria-pressed={at === x.id}
                      title={x.silent}
                      onClick={() => onPick(x.id)}
                    >
                      <b>{x.id}</b> {x.name}
                      <br />
                      <span className="quiet">
                        {mine.length ? t("detections.count", { count: mine.length }) : x.silent}
                        {calls > 0 && <> · {t("detections.called", { count: calls })}</>}
                      </span>
                    </button>
                  </li>
                );
              })}
          </ul>
        </div>
      ))}
    </div>
  );
}

function Rules({ rules, onOpen }: { rules: readonly Detection[]; onOpen: (id: string) => void }) {
  const rows = [...rules].sort((a, b) => b.calls - a.calls || b.hits - a.hits || a.id.localeCompare(b.id));
  return (
    <Scroll label={t("detections.rules")}>
      <table className="table">
        <thead>
          <tr>
            <th>{t("detections.rule")}</th>
            <th>{t("detections.severity")}</th>
            <th>{t("detections.technique")}</th>
            <th className="num">{t("detections.calls")}</th>
            <th className="num">{t("detections.hits")}</th>
            <th className="num">{t("detections.silent")}</th>
            <th className="num">{t("detections.wrong")}</th>
            <th>{t("detections.set")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((d) => (
            <tr key={d.id}>
              <td>
                <button type="button" className="linkish" onClick={() => onOpen(d.id)}>
                  {d.title}
                </button>{" "}
                <span className="quiet small">{d.id}</span>{" "}
                {d.own && <span className="quiet small">· {t("own.mark")}</span>}
              </td>
              <td className="nowrap">
                <Mark priority={priorityOf(d.severity)} quiet /> {word("alert_severity", d.severity)}
              </td>
              <td>{d.technique}</td>
              <td className="num">{d.calls}</td>
              <td className="num">{d.hits}</td>
              <td className="num">{d.silent}</td>
              <td className="num">{d.false_alarms}</td>
              <td>
                {d.settings.map((s) => `${s.site}${s.setting.off ? ` (${t("detections.off")})` : ""}`).join(", ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Drawer({ d, onClose }: { d: Detection; onClose: () => void }) {
  const may = useMay("org:write");
  return (
    <Dialog title={d.title} onClose={onClose}>
      <div className="stack">
        <p>{d.why}</p>
        <div className="alert-do">
          <h3>{t("alerts.first")}</h3>
          <p>{d.first}</p>
        </div>
        <div>
          <h3>{t("alerts.false_alarm")}</h3>
          <p>{d.false_alarm}</p>
        </div>
        {(d.when || d.having) && <pre className="small">{[d.when, d.having].filter(Boolean).join("\n")}</pre>}
        <p className="line">
          <Link className="btn small" to="/alerts" search={{ rule: d.id, state: "all" }}>
            {t("detections.its_alerts")}
          </Link>
        </p>
        {may && <Setting d={d} />}
      </div>
    </Dialog>
  );
}

type Chosen = Detection["settings"][number]["setting"];

/** How the rule is meant at one site: off, another severity, only from so many, not for these. */
function Setting({ d }: { d: Detection }) {
  const client = useQueryClient();
  const [site, setSite] = useState(d.settings[0]?.site_id ?? "");
  const now = d.settings.find((s) => s.site_id === site)?.setting;
  const done = () => client.invalidateQueries({ queryKey: ["detections"] });
  const form = useRef<HTMLFormElement>(null);
  const said = (data: FormData): Chosen => ({
    off: data.get("off") === "on",
    severity: String(data.get("severity") ?? "") as Chosen["severity"],
    threshold: Number(data.get("threshold") ?? 0),
    zones: now?.zones ?? [],
    hosts: String(data.get("hosts") ?? "")
      .split(/[\s,]+/)
      .filter(Boolean),
    reason: String(data.get("reason") ?? ""),
  });
  const params = { path: { site, rule: d.id } };
  const save = useMutation({
    mutationFn: (data: FormData) => answer(api.PUT("/sites/{site}/detections/{rule}", { params, body: said(data) })),
    onSettled: done,
  });
  const attempt = useMutation({
    mutationFn: (data: FormData) =>
      answer(
        api.POST("/sites/{site}/detections/{rule}/try", {
          params,
          body: { ...said(data), reason: said(data).reason || "-" },
        }),
      ),
  });
  const unset = useMutation({
    mutationFn: () => answer(api.DELETE("/sites/{site}/detections/{rule}", { params: { path: { site, rule: d.id } } })),
    onSettled: done,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  return (
    <Panel title={t("detections.setting")}>
      <SitePicker value={site} all onPick={setSite} />
      {site && (
        <form
          ref={form}
          className="form"
          key={site + (now?.at ?? "")}
          onSubmit={submit}
          onChange={() => attempt.reset()}
        >
          <label className="check">
            <input type="checkbox" name="off" defaultChecked={now?.off} /> <span>{t("detections.off_long")}</span>
          </label>
          <label className="field">
            <span>{t("detections.other_severity")}</span>
            <select className="input" name="severity" defaultValue={now?.severity ?? ""}>
              <option value="">{t("detections.as_rule")}</option>
              {["critical", "high", "medium", "low", "info"].map((s) => (
                <option key={s} value={s}>
                  {word("alert_severity", s)}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("detections.threshold")}</span>
            <input className="input" name="threshold" type="number" min={0} defaultValue={now?.threshold ?? 0} />
          </label>
          <label className="field">
            <span>{t("detections.hosts")}</span>
            <textarea className="input" name="hosts" rows={2} defaultValue={now?.hosts.join("\n")} />
          </label>
          <label className="field">
            <span>{t("alerts.reason")}</span>
            <input className="input" name="reason" required maxLength={500} defaultValue={now?.reason} />
          </label>
          {(save.error || attempt.error) && <ErrorNote error={save.error ?? attempt.error} />}
          {attempt.data && (
            <div role="status">
              <Would of={attempt.data} />
            </div>
          )}
          <div className="line">
            <button
              type="button"
              className="btn"
              disabled={attempt.isPending}
              onClick={() => form.current && attempt.mutate(new FormData(form.current))}
            >
              {t("would.try")}
            </button>
            <button type="submit" className="btn primary" disabled={save.isPending}>
              {t("common.save")}
            </button>
            {now && (
              <button type="button" className="btn" disabled={unset.isPending} onClick={() => unset.mutate()}>
                {t("detections.unset")}
              </button>
            )}
          </div>
        </form>
      )}
    </Panel>
  );
}
