import { Link, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { Page, Wait } from "../../ui/page";
import { Account } from "./account";
import { AwayTab } from "./away";
import { BreakGlass } from "./break-glass";
import { Providers } from "./providers";
import { Roles } from "./roles";
import { Security } from "./security";
import { Sessions } from "./sessions";
import { Sites } from "./sites";
import { Tokens } from "./tokens";
import { Users } from "./users";
import "./settings.css";

// What is everybody's, and what is one's own.
const ours = ["sites", "users", "roles", "providers", "envelope", "notices", "installation"] as const;
const mine = ["account", "security", "sessions", "tokens", "mine", "away"] as const;
const tabs = [...ours, ...mine];
type Tab = (typeof tabs)[number];

// Few look at these, and they are the largest.
const Installation = lazy(() => import("./installation"));
const MyNotices = lazy(() => import("./my-notices"));
const Notices = lazy(() => import("./notices"));

/** What Skanse must be told: the tree of sites and zones, and who may see it. */
export default function SettingsPage() {
  const search = useSearch({ from: "/settings" });
  const noUsers = !useMay("user:read");
  const hidden: Partial<Record<Tab, boolean>> = {
    users: noUsers,
    roles: noUsers,
    providers: noUsers,
    envelope: noUsers,
    notices: !useMay("notify:write"),
    installation: !useMay("system:read"),
  };
  const tab = tabs.find((one) => one === search.tab) ?? "sites";
  return (
    <Page title={t("settings.title")}>
      <Tabs label={t("settings.title")} of={ours.filter((one) => !hidden[one])} tab={tab} site={search.site} />
      <Tabs label={t("settings.own")} of={mine} tab={tab} site={search.site} named />
      {tab === "sites" && <Sites site={search.site} />}
      {tab === "users" && <Users />}
      {tab === "roles" && <Roles />}
      {tab === "providers" && <Providers />}
      {tab === "envelope" && <BreakGlass />}
      {tab === "account" && <Account />}
      {tab === "sessions" && <Sessions />}
      {tab === "security" && <Security />}
      {tab === "tokens" && <Tokens />}
      {tab === "away" && <AwayTab />}
      <Suspense fallback={<Wait />}>
        {tab === "mine" && <MyNotices />}
        {tab === "notices" && <Notices />}
        {tab === "installation" && <Installation />}
      </Suspense>
    </Page>
  );
}

type TabsProps = { label: string; of: readonly Tab[]; tab: Tab; site: string | undefined; named?: boolean };

function Tabs({ label, of, tab, site, named = false }: TabsProps) {
  return (
    <nav className="tabs" aria-label={label}>
      {named && <span className="quiet small">{label}</span>}
      {of.map((one) => (
        <Link
          key={one}
          to="/settings"
          search={{ tab: one, site }}
          className={one === tab ? "active" : undefined}
          aria-current={one === tab ? "page" : undefined}
        >
          {t(`settings.${one}`)}
        </Link>
      ))}
    </nav>
  );
}
