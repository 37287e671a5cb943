import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/may";
import { findings, questions, vulnPlan, vulnSources, vulnSummary } from "../../api/vulnerabilities";
import { t, word } from "../../texts";
import { date } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Ask, Empty, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Ago } from "../../ui/when";
import { Drawer } from "./finding";
import { ImportButton } from "./import";
import { FindingTable } from "./table";
import "./vulnerabilities.css";

const tabs = ["now", "next", "never", "unknown", "plan", "decided", "sources"] as const;
type Tab = (typeof tabs)[number];

/** What really affects this plant, by what is to be done about it. */
export default function VulnerabilitiesPage() {
  const search = useSearch({ from: "/vulnerabilities" });
  const navigate = useNavigate({ from: "/vulnerabilities" });
  const site = search.site ?? "";
  const tab = (tabs as readonly string[]).includes(search.tab ?? "") ? (search.tab as Tab) : "now";
  const sum = useQuery(vulnSummary(site));
  const [open, setOpen] = useState<string>();
  const to = (next: Tab) => navigate({ search: (old) => ({ ...old, tab: next }), replace: true });
  const counts: Partial<Record<Tab, number>> = sum.data
    ? {
        now: sum.data.now,
        next: sum.data.next,
        never: sum.data.never,
        unknown: sum.data.unknown,
        ...(sum.data.planned > 0 && { plan: sum.data.planned }), // a zero would look like no work
        decided: sum.data.fixed + sum.data.deferred + sum.data.dismissed + sum.data.reported,
      }
    : {};
  return (
    <Page
      title={t("vuln.title")}
      sub={
        sum.data && sum.data.advisories > 0
          ? t("vuln.lead", { assets: sum.data.matched, advisories: sum.data.advisories })
          : undefined
      }
      actions={
        <>
          <Exports site={site} />
          {useMay("org:write") && <ImportButton />}
        </>
      }
    >
      <div className="line tools">
        <SitePicker
          value={site}
          all
          onPick={(id) => navigate({ search: (old) => ({ ...old, site: id || undefined }), replace: true })}
        />
      </div>
      <Ask of={sum}>
        {(s) =>
          s.advisories === 0 ? (
            <Panel title={t("vuln.none_title")}>
              <p>{t("vuln.none")}</p>
            </Panel>
          ) : (
            <>
              <div className="vuln-tabs" role="tablist" aria-label={t("vuln.title")}>
                {tabs.map((x) => (
                  <button
                    key={x}
                    type="button"
                    role="tab"
                    id={`tab-${x}`}
                    aria-controls="vuln-panel"
                    aria-selected={x === tab}
                    className={x === tab ? "vuln-tab on" : "vuln-tab"}
                    onClick={() => to(x)}
                  >
                    <span className="vuln-count num">
                      {x === "now" && s.now > 0 && <Mark priority={1} quiet />}
                      {counts[x] ?? ""}
                    </span>
                    <span>{t(`vuln.tab_${x}`)}</span>
                  </button>
                ))}
              </div>
              <div id="vuln-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
                <p className="quiet vuln-about">{t(`vuln.about_${tab}`)}</p>
                {tab === "unknown" ? (
                  <Questions site={site} anonymous={s.anonymous} />
                ) : tab === "plan" ? (
                  <Plan site={site} />
                ) : tab === "sources" ? (
                  <Sources />
                ) : (
                  <>
                    <List tab={tab} site={site} onOpen={setOpen} />
                    {tab === "now" && <Ages ages={s.ages} />}
                  </>
                )}
              </div>
            </>
          )
        }
      </Ask>
      {open && <Drawer id={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function Exports({ site }: { site: string }) {
  const q = site ? `?site=${encodeURIComponent(site)}` : "";
  return (
    <>
      {(["openvex", "csaf-vex", "poam"] as const).map((kind) => (
        <a key={kind} className="btn" href={`/api/v1/vulnerabilities/export/${kind}${q}`} download>
          {t(`vuln.export_${kind === "csaf-vex" ? "csaf" : kind}`)}
        </a>
      ))}
    </>
  );
}

function List({
  tab,
  site,
  onOpen,
}: {
  tab: "now" | "next" | "never" | "decided";
  site: string;
  onOpen: (id: string) => void;
}) {
  const all = useQuery(
    findings(tab === "decided" ? { site } : { site, decision: tab, state: "active", verdict: "affected" }),
  );
  return (
    <Ask of={all}>
      {(page) => {
        const rows = tab === "decided" ? page.items.filter((f) => !["open", "planned"].includes(f.state)) : page.items;
        return rows.length === 0 ? (
          <Empty title={t("vuln.empty")} />
        ) : (
          <div className="panel">
            <FindingTable rows={rows} onOpen={onOpen} />
          </div>
        );
      }}
    </Ask>
  );
}

function Questions({ site, anonymous }: { site: string; anonymous: number }) {
  const all = useQuery(questions(site));
  return (
    <Ask of={all}>
      {(list) => (
        <>
          {anonymous > 0 && <p className="vuln-about">{t("vuln.anonymous", { count: anonymous })}</p>}
          {list.items.length === 0 ? (
            <Empty title={t("vuln.no_questions")} />
          ) : (
            <div className="panel">
              <Scroll label={t("vuln.tab_unknown")}>
                <table className="table">
                  <thead>
                    <tr>
                      <th>{t("vuln.asset")}</th>
                      <th>{t("vuln.missing")}</th>
                      <th className="num">{t("vuln.decides")}</th>
                      <th>{t("vuln.examples")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {list.items.map((q) => (
                      <tr key={q.asset_id + q.missing}>
                        <td>
                          <Link to="/assets/$id" params={{ id: q.asset_id }}>
                            {q.asset}
                          </Link>{" "}
                          <span className="quiet small">{q.product}</span>
                        </td>
                        <td className="unknown-fact">{q.missing}</td>
                        <td className="num">
                          {q.decides}
                          {q.urgent > 0 && (
                            <span className="quiet small"> {t("vuln.urgent", { count: q.urgent })}</span>
                          )}
                        </td>
                        <td>
                          {q.examples.map((id) => (
                            <Link key={id} to="/vulnerabilities/advisories/$id" params={{ id }} className="vuln-ref">
                              {id}
                            </Link>
                          ))}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            </div>
          )}
        </>
      )}
    </Ask>
  );
}

function Plan({ site }: { site: string }) {
  const plan = useQuery(vulnPlan(site));
  return (
    <Ask of={plan}>
      {(p) => (
        <div className="stack">
          <p className="vuln-about">
            {t("vuln.balance", { backlog: Math.round(p.backlog * 10) / 10, free: Math.round(p.free * 10) / 10 })}
          </p>
          {p.windows.length === 0 && <p className="quiet vuln-about">{t("vuln.no_windows")}</p>}
          {p.windows.map((w) => (
            <Panel
              key={w.id}
              title={`${w.ref} ${w.title}`}
              side={
                <span className={w.over ? "p2-ink strong" : "quiet"}>
                  {w.over && <Mark priority={2} quiet />}{" "}
                  {t("vuln.hours", { hours: w.hours, capacity: Math.round(w.capacity * 10) / 10 })}
                </span>
              }
            >
              <p className="quiet small">
                {w.from ? date(w.from) : ""} · {w.state}
              </p>
              <Updates rows={w.updates} />
            </Panel>
          ))}
          <Panel title={t("vuln.waiting")}>
            <Updates rows={p.waiting} />
          </Panel>
        </div>
      )}
    </Ask>
  );
}

type Rows = {
  asset_id: string;
  asset: string;
  from: string;
  to: string;
  closes: number;
  urgent: number;
  hours: number;
  assignee: string;
}[];

function Updates({ rows }: { rows: Rows }) {
  if (rows.length === 0) return <p className="quiet">{t("vuln.no_updates")}</p>;
  return (
    <Scroll label={t("vuln.tab_plan")}>
      <table className="table">
        <thead>
          <tr>
            <th>{t("vuln.asset")}</th>
            <th>{t("vuln.update")}</th>
            <th className="num">{t("vuln.closes")}</th>
            <th className="num">{t("vuln.work")}</th>
            <th>{t("vuln.assignee")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((u) => (
            <tr key={u.asset_id + u.asset}>
              <td>
                <Link to="/assets/$id" params={{ id: u.asset_id }}>
                  {u.asset}
                </Link>
              </td>
              <td>{u.to ? t("vuln.from_to", { from: u.from || t("common.unknown"), to: u.to }) : t("vuln.no_fix")}</td>
              <td className="num">
                {u.closes}
                {u.urgent > 0 && <span className="quiet small"> {t("vuln.urgent", { count: u.urgent })}</span>}
              </td>
              <td className="num">{u.hours > 0 ? `${u.hours} h` : "–"}</td>
              <td>{u.assignee || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Sources() {
  const list = useQuery(vulnSources);
  return (
    <Ask of={list}>
      {(s) => (
        <div className="panel">
          <Scroll label={t("vuln.tab_sources")}>
            <table className="table">
              <thead>
                <tr>
                  <th>{t("vuln.source")}</th>
                  <th>{t("vuln.fetched")}</th>
                  <th>{t("vuln.as_of")}</th>
                  <th>{t("vuln.verified")}</th>
                  <th className="num">{t("vuln.documents")}</th>
                </tr>
              </thead>
              <tbody>
                {s.items.map((x) => (
                  <tr key={x.id}>
                    <td>
                      {x.name}
                      {x.problem && <p className="p2-ink small">{x.problem}</p>}
                    </td>
                    <td>
                      <Ago at={x.fetched_at} full />
                    </td>
                    <td>{x.as_of ? <Ago at={x.as_of} full /> : "–"}</td>
                    <td>{word("vuln_verified", x.verified || "not")}</td>
                    <td className="num">
                      {x.documents}
                      {x.refused > 0 && <span className="quiet small"> {t("vuln.refused", { count: x.refused })}</span>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </div>
      )}
    </Ask>
  );
}

function Ages({ ages }: { ages: { days: number; now: number; rest: number }[] }) {
  const most = Math.max(1, ...ages.map((a) => a.now + a.rest));
  if (ages.every((a) => a.now + a.rest === 0)) return null;
  return (
    <Panel title={t("vuln.ages")}>
      <table className="vuln-ages">
        <tbody>
          {ages.map((a) => (
            <tr key={a.days}>
              <th scope="row">{a.days > 0 ? t("vuln.age", { days: a.days }) : t("vuln.age_more")}</th>
              <td>
                <span className="vuln-bar" style={{ inlineSize: `${(100 * (a.now + a.rest)) / most}%` }} />
              </td>
              <td className="num">{a.now + a.rest}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
