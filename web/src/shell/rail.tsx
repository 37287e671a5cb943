import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, type LinkProps, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { alertLoad } from "../api/alerts";
import { api } from "../api/client";
import { useMay } from "../api/may";
import { captures, firstHour, posture, sites } from "../api/queries";
import { recordCounts, recordTypes } from "../api/records";
import type { Session } from "../api/types";
import { t, word } from "../texts";
import { Mark } from "../ui/mark";
import { Bell } from "./bell";
import { Desk } from "./desk";
import { LanguageChoice } from "./language";
import { ThemeSwitch } from "./theme";

type Props = { session: Session; open: boolean; onFind: () => void };

/** The way to every page, in the order of a day: what asks for a person, where we stand, the plant, the records, the log. */
export function Rail({ session: who, open, onFind }: Props) {
  return (
    <nav className={open ? "rail open" : "rail"} aria-label={t("shell.pages")}>
      <div className="brandline">
        <Link className="brand" to="/posture">
          SKANSE
        </Link>
        <Bell />
      </div>
      <button type="button" className="find" onClick={onFind}>
        {t("shell.find")} <kbd>Ctrl K</kbd>
      </button>
      <div className="ways">
        <Desk demo={who.demo} />
        <Standing demo={who.demo} />
        <Plant />
        <Records />
        <ul>
          <Captures />
          <Item to="/audit" need="audit:read">
            {t("audit.title")}
          </Item>
          <Item to="/settings">{t("settings.title")}</Item>
        </ul>
      </div>
      <Foot session={who} />
    </nav>
  );
}

function Standing({ demo }: { demo: boolean }) {
  const now = useQuery({ ...posture, enabled: useMay("posture:read") });
  const hour = useQuery({ ...firstHour, enabled: useMay("org:write") });
  const contradicted = now.data?.headline.contradicted ?? 0;
  return (
    <ul>
      {hour.data && !hour.data.done && !demo && <Item to="/begin">{t("shell.begin")}</Item>}
      <Item to="/posture" need="posture:read">
        {t("posture.title")}
        {contradicted > 0 && (
          <span className="count" title={t("posture.contradicted")}>
            {contradicted}
          </span>
        )}
      </Item>
      <Item to="/requirements" need="posture:read">
        {t("requirements.title")} <small className="num">{now.data?.headline.total ?? ""}</small>
      </Item>
    </ul>
  );
}

function Plant() {
  const siteList = useQuery(sites);
  const assetCount = siteList.data?.items.reduce((sum, site) => sum + (site.assets ?? 0), 0);
  return (
    <ul>
      <Item to="/plant" need="asset:read">
        {t("plant.title")} <small>{siteList.data ? t("shell.sites", { count: siteList.data.items.length }) : ""}</small>
      </Item>
      <Item to="/assets" need="asset:read">
        {t("assets.title")} <small className="num">{assetCount ?? ""}</small>
      </Item>
      <Item to="/vulnerabilities" need="record:read">
        {t("vuln.title")}
      </Item>
      <Alerts />
      <Item to="/conduits" need="network:read">
        {t("conduits.title")}
      </Item>
      <Item to="/baseline" need="network:read">
        {t("baseline.title")}
      </Item>
      <Item to="/performance" need="network:read">
        {t("performance.title")}
      </Item>
      <Item to="/logs" need="network:read">
        {t("logs.title")}
      </Item>
      <Item to="/conversations" need="network:read">
        {t("conversations.title")}
      </Item>
      <Item to="/sensors" need="edge:read">
        {t("sensors.title")}
      </Item>
    </ul>
  );
}

/** The watch: how many alerts nobody has seen yet. */
function Alerts() {
  const load = useQuery({ ...alertLoad, enabled: useMay("network:read") });
  const unseen = load.data?.items.reduce((sum, site) => sum + site.unseen, 0) ?? 0;
  return (
    <Item to="/alerts" need="network:read">
      {t("alerts.title")} {unseen > 0 && <span className="count">{unseen}</span>}
    </Item>
  );
}

const shownTypes = 3;

/** The types with the most to do, by how much of them is open; late ones first. */
function Records() {
  const may = useMay("record:read");
  const types = useQuery({ ...recordTypes, enabled: may });
  const counts = useQuery({ ...recordCounts, enabled: may });
  if (!may) return null;
  const rows = [...(counts.data?.items ?? [])]
    .filter((one) => one.open > 0)
    .sort((a, b) => b.overdue - a.overdue || b.open - a.open)
    .slice(0, shownTypes);
  return (
    <>
      <h2>
        <Link to="/records" activeProps={active}>
          {t("records.title")}
        </Link>
      </h2>
      <ul>
        {rows.map((one) => {
          const type = types.data?.items.find((t) => t.id === one.type);
          return (
            type && (
              <li key={type.id}>
                <Link
                  to="/records"
                  search={{ type: type.id }}
                  activeOptions={{ includeSearch: true }}
                  activeProps={active}
                  title={t("records.rail", { open: one.open, overdue: one.overdue })}
                >
                  <span className="cut">{type.plural}</span>
                  <small className="num line">
                    {one.overdue > 0 && (
                      <span className="late">
                        <Mark priority={2} quiet />
                        {one.overdue}
                        <span className="hidden"> {t("records.overdue")}, </span>
                      </span>
                    )}
                    {one.open}
                    <span className="hidden"> {t("records.open")}</span>
                  </small>
                </Link>
              </li>
            )
          );
        })}
      </ul>
    </>
  );
}

function Captures() {
  const reading = useQuery({ ...captures, enabled: useMay("capture:read") });
  const busy = reading.data?.items.filter((c) => c.state === "reading" || c.state === "queued").length ?? 0;
  return (
    <Item to="/captures" need="capture:read">
      {t("captures.title")} <small>{busy > 0 ? t("shell.reading", { count: busy }) : ""}</small>
    </Item>
  );
}

function Foot({ session: who }: { session: Session }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = async () => {
    const out = await api.DELETE("/session").catch(() => undefined);
    client.clear();
    if (out?.data?.provider) window.location.assign(out.data.provider); // signed in there still
    await navigate({ to: "/posture" });
    await client.invalidateQueries();
  };
  return (
    <div className="foot">
      {who.demo && (
        <p className="demo cut" title={t("shell.demo")}>
          {t("shell.demo")}
        </p>
      )}
      <ThemeSwitch />
      <LanguageChoice />
      <div className="who">
        <b className="cut">{who.user?.name}</b>
        <div className="row">
          <small className="cut">
            {word("role", who.user?.role)} · {who.version}
          </small>
          <button type="button" className="btn plain small" onClick={signOut}>
            {t("shell.sign_out")}
          </button>
        </div>
      </div>
    </div>
  );
}

const active = { className: "active", "aria-current": "page" } as const;

/** A page that the role does not open is not offered. */
function Item({ to, need, children }: { to: NonNullable<LinkProps["to"]>; need?: string; children: ReactNode }) {
  const may = useMay(need ?? "");
  if (need && !may) return null;
  return (
    <li>
      <Link to={to} activeProps={active}>
        {children}
      </Link>
    </li>
  );
}
