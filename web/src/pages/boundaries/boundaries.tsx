import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { boundaries } from "../../api/logs";
import { useMay } from "../../api/may";
import { sites } from "../../api/queries";
import type { components } from "../../api/schema";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { Ask, Empty, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Ago, When } from "../../ui/when";

type Boundary = components["schemas"]["ViewBoundary"];

/** Where a site meets others: what filters there, what holds back a flood, and when it was last cut off to try. */
export default function BoundariesPage() {
  const search = useSearch({ from: "/boundaries" });
  const navigate = useNavigate({ from: "/boundaries" });
  const siteList = useQuery(sites);
  const site = search.site ?? siteList.data?.items[0]?.id ?? "";
  const list = useQuery(boundaries(site));
  const may = useMay("record:write");
  return (
    <Page
      title={t("boundaries.title")}
      sub={t("boundaries.sub")}
      crumbs={<Go href={`/conduits?site=${site}`}>{t("conduits.title")}</Go>}
      actions={<SitePicker value={site} onPick={(s) => navigate({ search: { site: s } })} />}
    >
      <Ask of={list}>
        {(r) =>
          r.items.length === 0 ? (
            <Empty title={t("boundaries.none")}>
              <p>{t("boundaries.none_why")}</p>
            </Empty>
          ) : (
            <Panel
              title={t("boundaries.title")}
              side={
                may && (
                  <Go className="btn" href={`/records/new?type=boundary&site=${site}`}>
                    {t("boundaries.add")}
                  </Go>
                )
              }
            >
              <Scroll label={t("boundaries.title")}>
                <table className="table boundary-list">
                  <thead>
                    <tr>
                      {(["between", "device", "log", "rate", "storm", "island", "due"] as const).map((c) => (
                        <th key={c} scope="col">
                          {t(`boundaries.${c}`)}
                        </th>
                      ))}
                      <th scope="col" className="right">
                        {t("boundaries.crossings")}
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {r.items.map((b) => (
                      <Row key={b.record_id || b.far_id} b={b} site={site} may={may} />
                    ))}
                  </tbody>
                </table>
              </Scroll>
            </Panel>
          )
        }
      </Ask>
    </Page>
  );
}

function Row({ b, site, may }: { b: Boundary; site: string; may: boolean }) {
  const far = b.far || t("boundaries.outside");
  if (b.state === "missing")
    return (
      <tr>
        <td>
          <b className="strong">{far}</b>
        </td>
        <td colSpan={6}>
          <Mark priority={2} quiet /> {t("boundaries.missing")}{" "}
          {may && (
            <Go href={`/records/new?type=boundary&site=${site}&f.far=${encodeURIComponent(b.far_id)}`}>
              {t("boundaries.add")}
            </Go>
          )}
        </td>
        <td className="right num">{count(b.crossings)}</td>
      </tr>
    );
  return (
    <tr>
      <td>
        <Go href={`/records/${b.record_id}`}>
          {b.near} – {far}
        </Go>
        <div className="quiet small">
          {b.ref} {b.state === "draft" && t("boundaries.draft")}
        </div>
      </td>
      <td>
        {b.device_id ? (
          <Go href={`/assets/${b.device_id}`}>{b.device}</Go>
        ) : (
          <>
            <Mark priority={2} quiet /> {t("boundaries.no_device")}
          </>
        )}
        {b.filters && (
          <div className="quiet small">
            {b.filters === "none" && <Mark priority={2} quiet />} {word("boundary_filters", b.filters)}
          </div>
        )}
        {b.rules_reviewed_on && (
          <div className="quiet small">{t("boundaries.reviewed", { day: b.rules_reviewed_on })}</div>
        )}
      </td>
      <td className="nowrap">
        {b.logged ? (
          <Ago at={b.log_at} full />
        ) : (
          <>
            <Mark priority={3} quiet /> {t("boundaries.no_log")}
          </>
        )}
      </td>
      <td>{b.rate_limit || t("common.unknown")}</td>
      <td className="nowrap">
        {b.storm_control === "no" && <Mark priority={3} quiet />}{" "}
        {b.storm_control ? word("boundary_storm", b.storm_control) : t("common.unknown")}
      </td>
      <td>
        {b.islanded_on || t("common.never")}
        {b.island_result && (
          <div className="quiet small">
            {b.island_result !== "passed" && <Mark priority={3} quiet />} {word("boundary_island", b.island_result)}
          </div>
        )}
      </td>
      <td className="nowrap">
        {b.overdue && <Mark priority={2} />} <When at={b.review_at} />
      </td>
      <td className="right num">{count(b.crossings)}</td>
    </tr>
  );
}
