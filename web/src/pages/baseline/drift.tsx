import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { components } from "../../api/schema";
import { baselineDrift, baselines } from "../../api/zones";
import { t, word } from "../../texts";
import { Go } from "../../ui/go";
import { Ask, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { When } from "../../ui/when";

type Talk = components["schemas"]["BaselineTalk"];
const day = (ago: number) => new Date(Date.now() - ago * 864e5).toISOString().slice(0, 10);

/** What became different between two dates. */
export function Drift({ site }: { site: string }) {
  const [from, setFrom] = useState(day(7));
  const [to, setTo] = useState("");
  const [zone, setZone] = useState("");
  const [state, setState] = useState("");
  const drift = useQuery(baselineDrift(site, from, to, zone, state));
  const all = useQuery(baselines(site)).data?.items ?? [];
  const zones = new Map(all.map((b) => [b.zone_id, b.zone || t("baseline.no_zone")]));
  const states = [...new Set(all.map((b) => b.state))];
  return (
    <div className="stack">
      <div className="line tools">
        <label className="line">
          {t("baseline.drift_from")}
          <input
            className="input"
            type="date"
            value={from}
            required
            onChange={(e) => e.target.value && setFrom(e.target.value)}
          />
        </label>
        <label className="line">
          {t("baseline.drift_to")}
          <input className="input" type="date" value={to} onChange={(e) => setTo(e.target.value)} />
        </label>
        <label className="line">
          {t("baseline.zone")}
          <select className="input" value={zone} onChange={(e) => setZone(e.target.value)}>
            <option value="">{t("baseline.all_zones")}</option>
            {[...zones].map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="line">
          {t("baseline.state")}
          <select className="input" value={state} onChange={(e) => setState(e.target.value)}>
            <option value="">{t("baseline.all_states")}</option>
            {states.map((x) => (
              <option key={x} value={x}>
                {t(`baseline.state_${x}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Ask of={drift}>
        {(d) => (
          <>
            <p>
              {t("baseline.drift_sum", {
                before: d.before,
                after: d.after,
                added: d.added.length,
                gone: d.gone.length,
              })}
              {d.more && ` ${t("baseline.drift_more")}`}
            </p>
            <Talks title={t("baseline.added")} why={t("baseline.added_why")} talks={d.added} />
            <Talks title={t("baseline.gone")} why={t("baseline.gone_why")} talks={d.gone} />
            <Panel title={t("baseline.changed")}>
              {d.changed.length === 0 ? (
                <p className="quiet">{t("baseline.nothing")}</p>
              ) : (
                <Scroll label={t("baseline.changed")}>
                  <table className="table">
                    <tbody>
                      {d.changed.map((s, i) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: a log has no keys, and it does not move
                        <tr key={i}>
                          <td className="nowrap">
                            <When at={s.at} />
                          </td>
                          <td>{t(`baseline.step_${s.what.replaceAll("-", "_")}` as "baseline.step_silence")}</td>
                          <td>
                            {s.client} → {s.server} <span className="quiet small">{word("protocol", s.protocol)}</span>
                          </td>
                          <td>{s.was && s.now ? `${s.was} → ${s.now}` : s.now || s.was}</td>
                          <td className="quiet">{s.by}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </Scroll>
              )}
            </Panel>
          </>
        )}
      </Ask>
    </div>
  );
}

function Talks({ title, why, talks }: { title: string; why: string; talks: Talk[] }) {
  return (
    <Panel title={`${title} (${talks.length})`}>
      <p className="quiet small">{why}</p>
      {talks.length > 0 && (
        <Scroll label={title}>
          <table className="table">
            <tbody>
              {talks.map((x) => (
                <tr key={x.id}>
                  <td>
                    {x.client_asset ? <Go href={`/assets/${x.client_asset}`}>{x.client_name}</Go> : x.client_name} →{" "}
                    {x.server_asset ? <Go href={`/assets/${x.server_asset}`}>{x.server_name}</Go> : x.server_name}
                  </td>
                  <td>{word("protocol", x.protocol) || `${x.transport} ${x.port}`}</td>
                  <td>{x.classes.map((c) => word("class", c)).join(", ")}</td>
                  <td>{t(`baseline.verdict_${x.verdict}`)}</td>
                  <td className="nowrap">
                    <When at={x.first_at} /> – <When at={x.last_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
