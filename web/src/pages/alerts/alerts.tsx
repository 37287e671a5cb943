import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { type Alert, alertLoad, alerts, type State } from "../../api/alerts";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { Mark, priorityOf } from "../../ui/mark";
import { Ask, Empty, Page } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { Ago } from "../../ui/when";
import { Decide, type What } from "./decide";
import { sideName } from "./words";
import "./alerts.css";

const states: readonly State[] = ["open", "shelved", "closed", "all"];

/** What the watch found: nobody has seen it first, one row a cause, and a key for each decision. */
export default function AlertsPage() {
  const search = useSearch({ from: "/alerts" });
  const navigate = useNavigate({ from: "/alerts" });
  const state = states.includes(search.state as State) ? (search.state as State) : "open";
  const list = useQuery(alerts({ site: search.site, state, rule: search.rule, asset: search.asset, q: search.q }));
  const pick = (name: string, value: string | undefined) =>
    navigate({ search: (old) => ({ ...old, [name]: value || undefined }), replace: true });
  return (
    <Page
      title={t("alerts.title")}
      sub={list.data ? t("alerts.lead", { count: list.data.total ?? list.data.items.length }) : undefined}
      actions={
        <Link className="btn" to="/detections">
          {t("detections.title")}
        </Link>
      }
    >
      <Bearing site={search.site ?? ""} />
      <div className="line tools">
        <SitePicker value={search.site ?? ""} all onPick={(id) => pick("site", id)} />
        <label className="line">
          <span className="quiet small">{t("alerts.state")}</span>
          <select className="input picker" value={state} onChange={(event) => pick("state", event.target.value)}>
            {states.map((s) => (
              <option key={s} value={s}>
                {t(`alerts.show_${s as "open" | "shelved" | "closed" | "all"}`)}
              </option>
            ))}
          </select>
        </label>
        {(search.rule || search.asset) && (
          <Link className="btn small" to="/alerts" search={{ site: search.site }}>
            {t("alerts.all_again")}
          </Link>
        )}
        <span className="quiet small">{t("alerts.keys")}</span>
      </div>
      <Ask of={list}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty title={t("alerts.none_title")}>
              <p>{t("alerts.none")}</p>
            </Empty>
          ) : (
            <Rows items={page.items} />
          )
        }
      </Ask>
    </Page>
  );
}

/** What people get to bear of the site, or of the one that gets most. */
function Bearing({ site }: { site: string }) {
  const all = useQuery(alertLoad);
  const one = site
    ? all.data?.items.find((x) => x.site_id === site)
    : [...(all.data?.items ?? [])].sort((a, b) => b.today - a.today || b.open - a.open)[0];
  if (!one) return null;
  return (
    <dl className="load">
      <div>
        <dt>{t("alerts.load_today", { site: one.site })}</dt>
        <dd className="num">
          {one.today > one.budget && <Mark priority={2} quiet />} {one.today} / {one.budget}
        </dd>
      </div>
      <div>
        <dt>{t("alerts.load_average")}</dt>
        <dd className="num">{one.average.toFixed(1)}</dd>
      </div>
      <div>
        <dt>{t("alerts.load_peak")}</dt>
        <dd className="num">{one.peak}</dd>
      </div>
      <div>
        <dt>{t("alerts.load_standing")}</dt>
        <dd className="num">{one.standing}</dd>
      </div>
      <div>
        <dt>{t("alerts.load_shelved")}</dt>
        <dd className="num">{one.shelved}</dd>
      </div>
    </dl>
  );
}

/** The rows in their order, those of one cause below the first of them. */
function grouped(items: readonly Alert[]): { a: Alert; inside: boolean }[] {
  const of = new Map<string, Alert[]>();
  for (const a of items) of.set(a.group_id, [...(of.get(a.group_id) ?? []), a]);
  return [...of.values()].flatMap((list) => list.map((a, i) => ({ a, inside: i > 0 })));
}

function Rows({ items }: { items: readonly Alert[] }) {
  const rows = useMemo(() => grouped(items), [items]);
  const [at, setAt] = useState(0);
  const [what, setWhat] = useState<What>();
  const may = useMay("record:write");
  const navigate = useNavigate();
  const here = rows[Math.min(at, rows.length - 1)]?.a;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const on = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || what) return;
      if (/^(input|textarea|select)$/i.test(on.tagName) || document.querySelector("dialog[open]")) return;
      if (event.key === "j") setAt((n) => Math.min(n + 1, rows.length - 1));
      else if (event.key === "k") setAt((n) => Math.max(n - 1, 0));
      else if (event.key === "o" && here) navigate({ to: "/alerts/$id", params: { id: here.id } });
      else if (may && here && event.key === "a") setWhat("acknowledge");
      else if (may && here && event.key === "s") setWhat("shelve");
      else if (may && here && event.key === "e") setWhat("explain");
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [rows, here, may, what, navigate]);
  useEffect(() => {
    if (here) document.getElementById(`alert-${here.id}`)?.scrollIntoView({ block: "nearest" });
  }, [here]);
  return (
    <>
      <ul className="alert-rows">
        {rows.map(({ a, inside }, i) => (
          <li
            key={a.id}
            id={`alert-${a.id}`}
            className={`alert-row${inside ? " inside" : ""}${a.id === here?.id ? " at" : ""}${a.state === "new" ? "" : " seen"}`}
          >
            <Mark priority={priorityOf(a.severity)} />
            <div>
              <h2>
                <Link to="/alerts/$id" params={{ id: a.id }} onFocus={() => setAt(i)}>
                  {a.title}
                </Link>
              </h2>
              <p className="quiet">
                {sideName(a.client)}
                {(a.server.ip || a.server.mac) && sideName(a.server) !== sideName(a.client) && (
                  <> → {sideName(a.server)}</>
                )}
                {a.protocol && <> · {a.protocol}</>}
                {a.facts[0] && (
                  <>
                    {" "}
                    · {word("alert_fact", a.facts[0].name)}: {a.facts[0].value}
                  </>
                )}
              </p>
            </div>
            <div className="alert-side small">
              <div>{t(`alerts.state_${a.state}`)}</div>
              <div className="quiet">
                <Ago at={a.last_at} full /> {a.count > 1 && <span className="num">× {a.count}</span>}
              </div>
              <div className="quiet">{a.site}</div>
            </div>
          </li>
        ))}
      </ul>
      {what && here && <Decide alert={here} what={what} onClose={() => setWhat(undefined)} />}
    </>
  );
}
