import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Ask, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago } from "../../ui/when";

const trace = (host: string, hours: number) =>
  queryOptions({
    queryKey: ["asset", host, "trace", hours],
    queryFn: ({ signal }) => answer(api.GET("/trace", { params: { query: { host, hours } }, signal })),
  });

const spans = [24, 72, 168, 720] as const;
const shown = 12;

/** What is said below IP has no port: the number is the EtherType then, which says no more than its name. */
const isMAC = (host: string) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(host);

/** Where this device has been: what it touched for the first time, and where its names and keys appear elsewhere. */
export function Trace({ id }: { id: string }) {
  const [hours, setHours] = useState<number>(72);
  const [all, setAll] = useState(false);
  const list = useQuery(trace(id, hours));
  return (
    <Panel
      title={t("trace.title")}
      side={
        <label className="line small">
          {t("trace.since")}
          <select className="input" value={hours} onChange={(e) => setHours(Number(e.target.value))}>
            {spans.map((h) => (
              <option key={h} value={h}>
                {h < 72 ? t("trace.hours", { count: h }) : t("trace.days", { count: h / 24 })}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <Ask of={list}>
        {(data) => (
          <>
            {!data.heard && <p className="quiet">{t("trace.unheard")}</p>}
            {data.heard && data.touched.length === 0 && <p className="quiet">{t("trace.nothing")}</p>}
            {data.touched.length > 0 && (
              <Scroll label={t("trace.title")}>
                <table className="table">
                  <thead>
                    <tr>
                      <th scope="col">{t("trace.whom")}</th>
                      <th scope="col">{t("trace.how")}</th>
                      <th scope="col">{t("trace.did")}</th>
                      <th scope="col" className="right">
                        {t("trace.packets")}
                      </th>
                      <th scope="col">{t("trace.last")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.touched.slice(0, all ? undefined : shown).map((x) => (
                      <tr key={x.id + x.did}>
                        <td>
                          {t(x.did === "served" ? "trace.by" : "trace.to")}{" "}
                          {x.asset_id ? (
                            <Link to="/assets/$id" params={{ id: x.asset_id }}>
                              {x.peer_name || x.peer}
                            </Link>
                          ) : (
                            x.peer
                          )}
                          {x.new && (
                            <>
                              {" "}
                              <span className="tag">{t("trace.first")}</span>
                            </>
                          )}
                        </td>
                        <td>
                          {x.protocol ? word("protocol", x.protocol) : t("common.unknown")}{" "}
                          {x.port > 0 && !isMAC(x.peer) && <span className="quiet num">{x.port}</span>}
                        </td>
                        <td>
                          {x.classes
                            .slice(0, 3)
                            .map((c) => word("class", c))
                            .join(", ")}
                        </td>
                        <td className="right num">{count(x.packets)}</td>
                        <td>
                          <Ago at={x.last} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )}
            {data.touched.length > shown && !all && (
              <button type="button" className="btn small" onClick={() => setAll(true)}>
                {t("trace.all", { count: data.touched.length })}
              </button>
            )}
            {data.same.length > 0 && (
              <>
                <h3 className="small">{t("trace.same")}</h3>
                <ul className="small">
                  {data.same.slice(0, 20).map((x) => (
                    <li key={x.attr + x.value + x.asset_id}>
                      {word("attr", x.attr)} <span className="num">{x.value}</span>:{" "}
                      <Link to="/assets/$id" params={{ id: x.asset_id }}>
                        {x.name || x.host}
                      </Link>{" "}
                      <span className="quiet">{x.site}</span>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </>
        )}
      </Ask>
    </Panel>
  );
}
