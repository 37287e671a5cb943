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

const tabs = [
  "sites",
  "users",
  "roles",
  "providers",
  "envelope",
  "account",
  "security",
  "sessions",
  "tokens",
  "installation",
  "away",
] as const;
const ofUsers = new Set<string>(["users", "roles", "providers", "envelope"]);

// Few look at it, and it is the largest.
const Installation = lazy(() => import("./installation"));

/** What Skanse must be told: the tree of sites and zones, and who may see it. */
export default function SettingsPage() {
  const search = useSearch({ from: "/settings" });
  const seesUsers = useMay("user:read");
  const seesSystem = useMay("system:read");
  const tab = tabs.find((one) => one === search.tab) ?? "sites";
  return (
    <Page title={t("settings.title")}>
      <nav className="tabs" aria-label={t("settings.title")}>
        {tabs
          .filter((one) => (!ofUsers.has(one) || seesUsers) && (one !== "installation" || seesSystem))
          .map((one) => (
            <Link
              key={one}
              to="/settings"
              search={{ tab: one, site: search.site }}
              className={one === tab ? "active" : undefined}
              aria-current={one === tab ? "page" : undefined}
            >
              {t(`settings.${one}`)}
            </Link>
          ))}
      </nav>
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
      {tab === "installation" && (
        <Suspense fallback={<Wait />}>
          <Installation />
        </Suspense>
      )}
    </Page>
  );
}
