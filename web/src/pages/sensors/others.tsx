import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { components } from "../../api/schema";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago } from "../../ui/when";

type Source = components["schemas"]["NetworkSource"];

const others = (site: string | undefined) => ({
  queryKey: ["sources", site ?? ""],
  queryFn: async () => {
    const { data } = await api.GET("/sources", { params: { query: { site, limit: 200 } } });
    return (data?.items ?? []).filter((s) => s.kind !== "sensor" && s.kind !== "capture");
  },
});

/** Zeek, Suricata and devices that send flow records: what they tell counts, what they do not say is not known. */
export function Others({ site }: { site: string | undefined }) {
  const list = useQuery(others(site));
  if (!list.data || list.data.length === 0) return null;
  return (
    <Panel title={t("others.title")}>
      <p className="quiet small">{t("others.lead")}</p>
      <Scroll label={t("others.title")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("others.name")}</th>
              <th scope="col">{t("others.kind")}</th>
              <th scope="col">{t("sensors.heard")}</th>
              <th scope="col" className="right">
                {t("others.told")}
              </th>
              <th scope="col">{t("others.how")}</th>
            </tr>
          </thead>
          <tbody>
            {list.data.map((source) => (
              <tr key={source.id}>
                <td>{source.name || source.id}</td>
                <td>{source.told?.exporter?.version || word("source_kind", source.kind)}</td>
                <td>
                  <Ago at={source.received_at} full />
                </td>
                <td className="right num">{count(source.told?.records ?? 0)}</td>
                <td className="small">{how(source).join(" ") || <span className="quiet">{t("others.well")}</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

/** What a person should know of it: what is missing, doubled, sampled or off. */
function how(source: Source): string[] {
  const out: string[] = [];
  const told = source.told;
  const x = told?.exporter;
  if (x) {
    if (x.sampling > 1) out.push(t("others.sampling", { count: x.sampling, shown: count(x.sampling) }));
    else if (x.sampling === 0) out.push(t("others.sampling_unknown"));
    if (x.lost > 0) out.push(t(x.unit === "records" ? "others.lost_records" : "others.lost", { shown: count(x.lost) }));
    if (x.repeated > 0) out.push(t("others.repeated", { shown: count(x.repeated) }));
    if (x.untold > 0) out.push(t("others.untold", { shown: count(x.untold) }));
    if (x.damaged > 0) out.push(t("others.damaged", { shown: count(x.damaged) }));
    if (x.restarts > 0) out.push(t("others.restarts", { shown: count(x.restarts) }));
    if (Math.abs(x.skew_seconds) > 2) out.push(t("others.skew", { shown: count(Math.round(x.skew_seconds)) }));
  }
  if (told && told.skipped > 0) out.push(t("others.skipped", { shown: count(told.skipped), why: told.why }));
  if (source.cut) out.push(source.cut);
  return out;
}
