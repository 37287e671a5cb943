import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/may";
import { plant, sites } from "../../api/queries";
import type { Plant, Site } from "../../api/types";
import { t, word } from "../../texts";
import { PolicyForm } from "../../ui/conduit-policy";
import { bytes, count } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { Ask, Empty, ErrorNote, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Ago } from "../../ui/when";
import { type Between, conduitEnd, isDrawn, namingOf, useMove, usePolicies, ZoneEdit } from "./edit";
import { flagPriority } from "./flags";
import { PlantMap } from "./map";
import { ConduitPanel, SitePanel, ZonePanel } from "./side";
import "./plant.css";

/** A site's zones by Purdue level, and what flows between them. */
export default function PlantPage() {
  const search = useSearch({ from: "/plant" });
  const navigate = useNavigate({ from: "/plant" });
  const siteList = useQuery(sites);
  const site = search.site ?? siteList.data?.items[0]?.id ?? "";
  const answer = useQuery(plant(site));
  const here = siteList.data?.items.find((s) => s.id === site);

  if (siteList.data && siteList.data.items.length === 0)
    return (
      <Page title={t("plant.title")}>
        <Empty title={t("posture.no_site")}>
          <p>{t("posture.no_site_why")}</p>
          <Link className="btn primary" to="/settings" search={{ tab: "sites" }}>
            {t("posture.add_site")}
          </Link>
        </Empty>
      </Page>
    );
  return (
    <Page
      title={t("plant.title")}
      sub={here && <Sub site={here} />}
      actions={<SitePicker value={site} onPick={(s) => navigate({ search: { site: s } })} />}
    >
      <Ask of={answer}>
        {(data) =>
          data.zones.length === 0 ? <NoZones site={site} /> : <Body data={data} site={site} search={search} />
        }
      </Ask>
    </Page>
  );
}

function Sub({ site }: { site: Site }) {
  return (
    <>
      {site.name} · {t("assets.total", { count: site.assets ?? 0, shown: count(site.assets) })} ·{" "}
      {t("plant.zones", { count: site.zones })} · {t("plant.heard")} <Ago at={site.heard_at} full />
      {site.heard_at && !site.live && ` · ${t("plant.captures_only")}`}
    </>
  );
}

function NoZones({ site }: { site: string }) {
  return (
    <Empty title={t("plant.none")}>
      <p>{t("plant.none_why")}</p>
      <span className="line">
        <Link className="btn primary" to="/captures" search={{ site }}>
          {t("posture.drop_capture")}
        </Link>
        <Link className="btn" to="/settings" search={{ tab: "sites", site }}>
          {t("plant.set_zones")}
        </Link>
      </span>
    </Empty>
  );
}

type Chosen = { zone?: string; from?: string; to?: string };

function Body({ data: seen, site, search }: { data: Plant; site: string; search: Chosen }) {
  const mayZones = useMay("org:write");
  const mayAssets = useMay("asset:write");
  const [edit, setEdit] = useState(false);
  const [draw, setDraw] = useState<Between>();
  const move = useMove();
  const { states, drawn } = usePolicies(seen, site, edit);
  const data = edit ? { ...seen, conduits: [...seen.conduits, ...drawn] } : seen;
  const zone = data.zones.find((z) => z.id === search.zone);
  const conduit = data.conduits.find((c) => c.from === search.from && c.to === search.to);
  const editing = edit
    ? {
        states,
        onDraw: (from: string, to: string) => {
          const ends = [from, to].map((id) => data.zones.find((z) => z.id === id));
          if (ends[0] && ends[1] && conduitEnd(ends[0]) !== conduitEnd(ends[1]))
            setDraw({ from: conduitEnd(ends[0]), to: conduitEnd(ends[1]) });
        },
        onDrop: (ids: string[], id: string) => {
          const target = data.zones.find((z) => z.id === id);
          if (target && isDrawn(target)) move.mutate({ ids, zone: target });
        },
      }
    : undefined;
  return (
    <>
      <div className="split plantsplit">
        <section className="panel mapbox" aria-label={t("plant.map")}>
          {(mayZones || mayAssets) && (
            <div className="line maptools">
              <button type="button" className="btn small" aria-pressed={edit} onClick={() => setEdit(!edit)}>
                {t(edit ? "plant.edit_done" : "plant.edit")}
              </button>
              {edit && <ZoneEdit site={site} />}
              {edit && <span className="quiet small">{t("plant.edit_how")}</span>}
            </div>
          )}
          {move.error && <ErrorNote error={move.error} />}
          <PlantMap plant={data} site={site} zone={zone?.id} conduit={conduit} editing={editing} />
          <p className="quiet small">{t(edit ? "plant.legend_policy" : "plant.legend")}</p>
        </section>
        <div className="stack">
          {conduit ? (
            <ConduitPanel plant={data} conduit={conduit} site={site} />
          ) : zone ? (
            <ZonePanel key={zone.id} plant={data} zone={zone} site={site} edit={edit} onDraw={setDraw} />
          ) : (
            <SitePanel plant={data} site={site} />
          )}
        </div>
      </div>
      <Conduits data={seen} site={site} />
      {draw && <PolicyForm site={site} naming={namingOf(data)} between={draw} onClose={() => setDraw(undefined)} />}
    </>
  );
}

/** The same conduits as rows: for a phone, for paper, for who does not see the map. */
function Conduits({ data, site }: { data: Plant; site: string }) {
  const names = new Map(data.zones.map((z) => [z.id, z.name]));
  const rows = [...data.conduits].sort(
    (a, b) => (flagPriority(a.flag) ?? 9) - (flagPriority(b.flag) ?? 9) || b.bytes - a.bytes,
  );
  if (rows.length === 0) return null;
  return (
    <div className="conduits">
      <Panel title={t("plant.conduits")}>
        <Scroll label={t("plant.conduits")}>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{t("plant.from")}</th>
                <th scope="col">{t("plant.to")}</th>
                <th scope="col">{t("plant.protocols")}</th>
                <th scope="col" className="right">
                  {t("conversations.title")}
                </th>
                <th scope="col" className="right">
                  {t("conversations.bytes")}
                </th>
                <th scope="col" className="right">
                  {t("conversations.last")}
                </th>
                <th scope="col">{t("plant.flag")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((c) => {
                const priority = flagPriority(c.flag);
                return (
                  <tr key={`${c.from} ${c.to}`}>
                    <td>
                      <Go href={`/plant?site=${site}&from=${c.from}&to=${c.to}`}>
                        {names.get(c.from) ?? t("assets.no_zone")}
                      </Go>
                    </td>
                    <td>{names.get(c.to) ?? t("assets.no_zone")}</td>
                    <td>{c.protocols.map((p) => word("protocol", p.name)).join(", ")}</td>
                    <td className="right">{count(c.conversations)}</td>
                    <td className="right">{bytes(c.bytes)}</td>
                    <td className="right">
                      <Ago at={c.last_at} />
                    </td>
                    <td className="nowrap">
                      {priority && <Mark priority={priority} quiet />} {word("flag", c.flag)}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      </Panel>
    </div>
  );
}
