import { queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api, prefix, set } from "../../api/client";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { bytes, count } from "../../ui/format";
import { Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { Ago, When } from "../../ui/when";

const cuts = (site: string | undefined, may: boolean) =>
  queryOptions({
    queryKey: ["cuts", site],
    queryFn: ({ signal }) => answer(api.GET("/cuts", { params: { query: set({ site, limit: 20 }) }, signal })),
    enabled: may,
    // What a sensor at another site was asked for comes when it has answered.
    refetchInterval: (query) => (query.state.data?.items.some((one) => one.state === "waiting") ? 3_000 : 30_000),
  });

/** Packets that were cut out of the rings, here and at other sites: who, why, and the file while it is kept. */
export function Cuts({ site }: { site: string | undefined }) {
  const may = useMay("packet:read");
  const list = useQuery(cuts(site, may));
  if (!may || !list.data || list.data.items.length === 0) return null;
  return (
    <Panel title={t("cut.list")}>
      <Table label={t("cut.list")} heads={[t("cut.what"), t("cut.of_time"), t("cut.by"), t("cut.state")]}>
        {list.data.items.map((one) => (
          <tr key={one.id}>
            <td>{one.what}</td>
            <td className="nowrap">
              <When at={one.from} /> – <When at={one.to} />
            </td>
            <td>
              {one.by} <Ago at={one.at} />
              <div className="quiet small">{one.reason}</div>
            </td>
            <td>
              {one.state === "ready" ? (
                <>
                  <a className="btn small" href={`${prefix}/cuts/${one.id}/file`} download>
                    {t("cut.download")}
                    <span className="hidden"> {one.what}</span>
                  </a>{" "}
                  <span className="num quiet">
                    {t("cut.ready_short", {
                      count: one.packets,
                      shown: count(one.packets),
                      bytes: bytes(one.bytes),
                    })}
                  </span>
                </>
              ) : (
                t(`cut.state_${one.state}`)
              )}
              {one.asked.length > 0 && <div className="quiet small">{one.asked.join(", ")}</div>}
              {one.detail && one.state !== "gone" && <div className="quiet small">{one.detail}</div>}
            </td>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}
