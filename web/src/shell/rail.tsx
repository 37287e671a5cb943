import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, type LinkProps, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { api } from "../api/client";
import { useMay } from "../api/may";
import { captures, firstHour, posture, sites } from "../api/queries";
import type { Session } from "../api/types";
import { t, word } from "../texts";
import { Desk } from "./desk";
import { ThemeSwitch } from "./theme";

type Props = { session: Session; open: boolean; onFind: () => void };

/** The way to every page, in the order of a day: what asks for a person, where we stand, the plant, the records, the log. */
export function Rail({ session: who, open, onFind }: Props) {
  return (
    <nav className={open ? "rail open" : "rail"} aria-label={t("shell.pages")}>
      <Link className="brand" to="/posture">
        SKANSE
      </Link>
      <button type="button" className="find" onClick={onFind}>
        {t("shell.find")} <kbd>Ctrl K</kbd>
      </button>
      <div className="ways">
        <Desk demo={who.demo} />
        <Standing />
        <Plant />
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

function Standing() {
  const now = useQuery({ ...posture, enabled: useMay("posture:read") });
  const hour = useQuery({ ...firstHour, enabled: useMay("org:write") });
  const contradicted = now.data?.headline.contradicted ?? 0;
  return (
    <ul>
      {hour.data && !hour.data.done && <Item to="/begin">{t("shell.begin")}</Item>}
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
      <Item to="/conversations" need="network:read">
        {t("conversations.title")}
      </Item>
    </ul>
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
    await api.DELETE("/session").catch(() => undefined);
    client.clear();
    await navigate({ to: "/posture" });
    await client.invalidateQueries();
  };
  return (
    <div className="foot">
      {who.demo && <p className="demo">{t("shell.demo")}</p>}
      <ThemeSwitch />
      <div className="who">
        <b className="cut">{who.user?.name}</b>
        <div className="row">
          <small>{word("role", who.user?.role)}</small>
          <button type="button" className="btn plain small" onClick={signOut}>
            {t("shell.sign_out")}
          </button>
        </div>
        <small>{who.version}</small>
      </div>
    </div>
  );
}

/** A page that the role does not open is not offered. */
function Item({ to, need, children }: { to: NonNullable<LinkProps["to"]>; need?: string; children: ReactNode }) {
  const may = useMay(need ?? "");
  if (need && !may) return null;
  return (
    <li>
      <Link to={to} activeProps={{ "aria-current": "page" }}>
        {children}
      </Link>
    </li>
  );
}
