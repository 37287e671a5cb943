import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { asOfDay } from "../../api/as-of";
import { posture } from "../../api/queries";
import type { CellState, Need, Posture } from "../../api/types";
import { said, t } from "../../texts";
import { LevelCell } from "../../ui/cell";
import { count, share } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark, priorityOf } from "../../ui/mark";
import { Ask, Empty, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Spark } from "../../ui/spark";
import { hrefOf } from "../../ui/target";
import { Ago, When } from "../../ui/when";
import "./posture.css";

/** The first page: where each site stands, and what needs a person now. */
export default function PosturePage() {
  const answer = useQuery(posture);
  return (
    <Ask of={answer}>
      {(data) => (
        <Page title={t("posture.title")} sub={<Sub data={data} />}>
          {data.sites.length === 0 ? <NoSite /> : <Body data={data} />}
        </Page>
      )}
    </Ask>
  );
}

function Sub({ data }: { data: Posture }) {
  return (
    <>
      {t("posture.all_sites")} · {t("posture.as_of")} <When at={data.as_of} /> ·{" "}
      {t("posture.profile", {
        name: data.profile.name,
        target: data.profile.target,
        key: data.profile.key_target,
      })}
    </>
  );
}

const areaName = (area: { id: string; name: string }) => said(["area", area.id, "name"], area.name);

function NoSite() {
  return (
    <Empty title={t("posture.no_site")}>
      <p>{t("posture.no_site_why")}</p>
      <Link className="btn primary" to="/begin">
        {t("shell.begin")}
      </Link>
    </Empty>
  );
}

function Body({ data }: { data: Posture }) {
  const blank = data.areas.every((area) => area.measured === 0) && data.headline.unknown > 0;
  return (
    <>
      <Headline data={data} />
      {blank && (
        <p className="panel first-step">
          {t("posture.first_step")} <Link to="/captures">{t("posture.drop_capture")}</Link>
        </p>
      )}
      <div className="split">
        <Panel title={t("posture.areas")}>
          <HeatMap data={data} />
          <p className="quiet small legend">{t("posture.legend")}</p>
        </Panel>
        <Panel title={t("posture.needs")}>
          <Needs data={data} />
        </Panel>
      </div>
    </>
  );
}

function Headline({ data }: { data: Posture }) {
  const { headline, trend } = data;
  return (
    <ul className="kpis">
      <Headnumber
        to="at"
        value={`${count(headline.at_target)} / ${count(headline.total)}`}
        label={t("posture.at_target")}
      />
      <Headnumber to="key_below" value={count(headline.key_below)} label={t("posture.key_below")} />
      <Headnumber to="contradicted" value={count(headline.contradicted)} label={t("posture.contradicted")} />
      <Headnumber to="unknown" value={count(headline.unknown)} label={t("posture.unknown")} />
      {headline.not_applicable > 0 && (
        <Headnumber to="not_applicable" value={count(headline.not_applicable)} label={t("posture.not_applicable")} />
      )}
      {trend.length > 1 && (
        <li className="trend">
          <Spark values={trend.map((d) => d.at_target)} label={t("posture.trend_spoken", { count: trend.length })} />
          <span>{t("posture.trend", { count: trend.length })}</span>
        </li>
      )}
    </ul>
  );
}

function Headnumber({ to, value, label }: { to: CellState; value: string; label: string }) {
  return (
    <li>
      <Link to="/requirements" search={{ state: to }}>
        <b className="num">{value}</b>
        <span>{label}</span>
      </Link>
    </li>
  );
}

function HeatMap({ data }: { data: Posture }) {
  return (
    <Scroll label={t("posture.areas")}>
      <table className="heat">
        <thead>
          <tr>
            <th scope="col">{t("posture.area")}</th>
            <th scope="col">{t("posture.entity")}</th>
            {data.sites.map((site) => (
              <th scope="col" key={site.id} title={site.critical ? t("posture.critical_site") : undefined}>
                <Link to="/plant" search={{ site: site.id }}>
                  {site.name}
                </Link>
              </th>
            ))}
            <th scope="col">{t("posture.measured")}</th>
          </tr>
        </thead>
        <tbody>
          {data.areas.map((area) => (
            <tr key={area.id}>
              <th scope="row">
                <Link to="/requirements" search={{ area: area.id }}>
                  <span className="num quiet">{area.id}</span> {areaName(area)}
                </Link>
              </th>
              <td>
                <LevelCell cell={area.entity} label={`${area.name}, ${t("posture.entity")}`} to={{ area: area.id }} />
              </td>
              {data.sites.map((site) => (
                <td key={site.id}>
                  <LevelCell
                    cell={area.sites[site.id]}
                    label={`${areaName(area)}, ${site.name}`}
                    to={{ area: area.id, site: site.id }}
                  />
                </td>
              ))}
              <td className="measured">
                <span
                  className="bar"
                  role="img"
                  aria-label={t("posture.measured_share", { share: share(area.measured) })}
                >
                  <i style={{ width: `${area.measured * 100}%` }} />
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Needs({ data }: { data: Posture }) {
  if (asOfDay()) return <p className="quiet">{t("posture.needs_then")}</p>;
  if (data.needs.length === 0) return <p className="quiet">{t("posture.no_needs")}</p>;
  const names = new Map(data.sites.map((site) => [site.id, site.name]));
  const row = (need: Need) => (
    <NeedRow
      key={`${need.kind} ${need.site_id} ${need.link.id} ${need.title} ${need.detail}`}
      need={need}
      site={names.get(need.site_id)}
    />
  );
  // A handful is read; a page of them is scrolled past.
  const few = 5;
  return (
    <>
      <ul className="items">{data.needs.slice(0, few).map(row)}</ul>
      {data.needs.length > few && (
        <details className="rest">
          <summary>{t("posture.more_needs", { count: data.needs.length - few })}</summary>
          <ul className="items">{data.needs.slice(few).map(row)}</ul>
        </details>
      )}
    </>
  );
}

function NeedRow({ need, site }: { need: Need; site: string | undefined }) {
  return (
    <li>
      <Mark priority={priorityOf(need.severity)} />
      <div>
        <Go href={hrefOf(need.link.page, need.link.id, need.link.site)}>{need.title}</Go>
        <div className="quiet small short" title={need.detail}>
          {[need.title.startsWith(site ?? " ") ? "" : site, need.detail].filter(Boolean).join(" · ")}
        </div>
      </div>
      <span className="quiet small">{need.at && <Ago at={need.at} />}</span>
    </li>
  );
}
