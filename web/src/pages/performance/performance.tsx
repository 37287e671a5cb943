import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { sites } from "../../api/queries";
import type { components } from "../../api/schema";
import { performance } from "../../api/zones";
import { t, word } from "../../texts";
import { Go } from "../../ui/go";
import { Ask, Empty, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Spark } from "../../ui/spark";

type Timing = components["schemas"]["PerformanceTiming"];

/** How fast the plant answers: the last day beside the week before. */
export default function PerformancePage() {
  const search = useSearch({ from: "/performance" });
  const navigate = useNavigate({ from: "/performance" });
  const siteList = useQuery(sites);
  const site = search.site ?? siteList.data?.items[0]?.id ?? "";
  const report = useQuery(performance(site));
  return (
    <Page
      title={t("performance.title")}
      sub={t("performance.sub")}
      actions={<SitePicker value={site} onPick={(s) => navigate({ search: { site: s } })} />}
    >
      <Ask of={report}>
        {(r) => (
          <div className="stack">
            <Panel title={t("performance.functions")}>
              <p className="quiet small">{t("performance.functions_why")}</p>
              {r.functions.length === 0 ? (
                <Empty title={t("performance.none")}>
                  <p>{t("performance.none_why")}</p>
                </Empty>
              ) : (
                <Scroll label={t("performance.functions")}>
                  <table className="table performance-list">
                    <thead>
                      <tr>
                        <th scope="col">{t("performance.device")}</th>
                        <th scope="col">{t("baseline.function")}</th>
                        <th scope="col" className="right">
                          {t("performance.answer")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.jitter")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.usual")}
                        </th>
                        <th scope="col">{t("performance.day")}</th>
                        <th scope="col" className="right">
                          {t("performance.cycle")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.drift")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.refused")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.again")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.resets")}
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      {r.functions.map((f) => (
                        <tr key={`${f.address} ${f.protocol} ${f.function}`}>
                          <td>{f.asset_id ? <Go href={`/assets/${f.asset_id}`}>{f.name}</Go> : f.name}</td>
                          <td>
                            {f.function} <span className="quiet small">{word("protocol", f.protocol)}</span>
                          </td>
                          <td className="right num">{ms(f.answer.mean)}</td>
                          <td className="right num">{ms(f.answer.jitter)}</td>
                          <td className="right num">{usual(f.answer)}</td>
                          <td>
                            <Spark
                              values={f.trend.filter((x) => x !== null)}
                              label={t("performance.trend", { name: f.name })}
                            />
                          </td>
                          <td className="right num">{ms(f.cycle.mean)}</td>
                          <td className="right num">{percent(f.cycle.drift)}</td>
                          <td className="right num">{percent(f.refused)}</td>
                          <td className="right num">{percent(f.again)}</td>
                          <td className="right num">{f.resets}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </Scroll>
              )}
            </Panel>
            {r.wires.length > 0 && (
              <Panel title={t("performance.wires")}>
                <Scroll label={t("performance.wires")}>
                  <table className="table">
                    <thead>
                      <tr>
                        <th scope="col">{t("performance.sensor")}</th>
                        <th scope="col" className="right">
                          {t("performance.broadcast")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.usual")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.peak")}
                        </th>
                        <th scope="col" className="right">
                          {t("performance.skew")}
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      {r.wires.map((w) => (
                        <tr key={w.source}>
                          <td>{w.name}</td>
                          <td className="right num">{percent(w.broadcast)}</td>
                          <td className="right num">{w.usual === null ? t("common.unknown") : percent(w.usual)}</td>
                          <td className="right num">{w.peak_mbit.toFixed(2)} Mbit/s</td>
                          <td className="right num">{(w.skew_ms / 1000).toFixed(1)} s</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </Scroll>
              </Panel>
            )}
          </div>
        )}
      </Ask>
    </Page>
  );
}

const ms = (x: number | null) => (x === null ? "" : `${x >= 100 ? Math.round(x) : x.toFixed(1)} ms`);
const percent = (x: number | null) => (x === null ? "" : `${(x * 100).toFixed(1)} %`);
const usual = (x: Timing) => (x.usual === null ? t("common.unknown") : ms(x.usual));
