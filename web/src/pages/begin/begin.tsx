import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useMay } from "../../api/may";
import { firstHour, mirrors } from "../../api/queries";
import type { FirstHour, SiteStart } from "../../api/types";
import { t } from "../../texts";
import { count } from "../../ui/format";
import { MirrorSentence } from "../../ui/mirror";
import { Ask, Page, Panel } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { DrawZones } from "./draw-zones";
import { Eyes } from "./eyes";
import "./begin.css";

/** What a person sets up in the first hour; each step is read from what is there, none is ticked by hand. */
export default function BeginPage() {
  const hour = useQuery(firstHour);
  return (
    <Page title={t("begin.title")} sub={t("begin.lead")}>
      <Ask of={hour}>{(data) => (data.sites.length === 0 ? <NoSite /> : <Steps data={data} />)}</Ask>
    </Page>
  );
}

function NoSite() {
  return (
    <ol className="hour">
      <Step n={1} done={false} title={t("begin.site")} why={t("begin.site_why")}>
        <Link className="btn primary" to="/settings" search={{ tab: "sites" }}>
          {t("posture.add_site")}
        </Link>
      </Step>
    </ol>
  );
}

function Steps({ data }: { data: FirstHour }) {
  const search = useSearch({ from: "/begin" });
  const navigate = useNavigate({ from: "/begin" });
  const site = data.sites.find((s) => s.site_id === search.site) ?? data.sites[0];
  if (!site) return null;
  const heard = site.live + site.captures > 0;
  const drawn = site.zones > 0 && site.assets > 0 && site.placed >= 0.8 * site.assets;
  return (
    <>
      <SitePicker value={site.site_id} onPick={(id) => navigate({ search: { site: id }, replace: true })} />
      <ol className="hour">
        <Step n={1} done title={t("begin.site")} why={t("begin.site_done", { count: data.sites.length })}>
          <Link className="btn" to="/settings" search={{ tab: "sites" }}>
            {t("begin.more_sites")}
          </Link>
        </Step>
        <Step n={2} done={heard} title={t("begin.listen")} why={heardText(site)}>
          <Link className={heard ? "btn" : "btn primary"} to="/captures" search={{ site: site.site_id }}>
            {t("posture.drop_capture")}
          </Link>
          {site.live > 0 ? (
            <Mirrors site={site.site_id} />
          ) : (
            <>
              <p className="quiet small">{t("begin.live")}</p>
              <code className="command">skanse serve --sense eth1="{site.name}"</code>
            </>
          )}
        </Step>
        <Step
          n={3}
          done={drawn}
          title={t("begin.zones")}
          why={
            heard ? t("begin.zones_placed", { placed: count(site.placed), count: site.assets }) : t("begin.zones_first")
          }
        >
          {heard && <DrawZones site={site.site_id} />}
        </Step>
        <Step
          n={4}
          done={site.leads > 0 && data.administrators > 1}
          title={t("begin.people")}
          why={t("begin.people_why")}
        >
          <ul className="plain-list">
            <li>
              {site.leads === 0
                ? t("begin.no_lead", { site: site.name })
                : t("begin.leads", { count: site.leads, site: site.name })}
            </li>
            <li>{t("begin.administrators", { count: data.administrators })}</li>
          </ul>
          <Link className="btn" to="/settings" search={{ tab: "users" }}>
            {t("begin.invite")}
          </Link>
        </Step>
        <Step n={5} done={data.eyes} title={t("begin.eyes")} why={t("begin.eyes_why")}>
          <Eyes people={data.people} />
        </Step>
        <Step n={6} done={data.done} title={t("begin.look")} why={t("begin.look_why")}>
          <Link className={drawn ? "btn primary" : "btn"} to="/posture">
            {t("posture.title")}
          </Link>
        </Step>
      </ol>
    </>
  );
}

/** What each mirror port of the site shows, and what to mend at the switch. */
function Mirrors({ site }: { site: string }) {
  const found = useQuery({ ...mirrors(site), enabled: useMay("edge:read") });
  return found.data?.items.map((port) => (
    <div key={port.id}>
      <b>{port.name}</b>
      <ul className="said">
        {port.sentences.map((one) => (
          <MirrorSentence key={one.id + one.text} of={one} />
        ))}
      </ul>
    </div>
  ));
}

function heardText(site: SiteStart): string {
  if (site.live > 0) return t("begin.heard_live", { count: site.live });
  if (site.captures > 0) return t("begin.heard_captures", { count: site.captures });
  return t("begin.listen_why");
}

type StepProps = { n: number; done: boolean; title: string; why: string; children: ReactNode };

function Step({ n, done, title, why, children }: StepProps) {
  return (
    <li>
      <span className={done ? "number done" : "number"} role="img" aria-label={t(done ? "begin.done" : "begin.open")}>
        {done ? "✓" : n}
      </span>
      <Panel title={title}>
        <p className="quiet">{why}</p>
        {children}
      </Panel>
    </li>
  );
}
