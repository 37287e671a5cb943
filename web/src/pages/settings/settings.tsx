import { Link, useSearch } from "@tanstack/react-router";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { Page } from "../../ui/page";
import { MyNotices } from "./my-notices";
import { Notices } from "./notices";
import { Security } from "./security";
import { Sessions } from "./sessions";
import { Sites } from "./sites";
import { Tokens } from "./tokens";
import { Users } from "./users";
import "./settings.css";

const tabs = ["sites", "users", "sessions", "security", "tokens", "mine", "notices"] as const;

/** What Skanse must be told: the tree of sites and zones, and who may see it. */
export default function SettingsPage() {
  const search = useSearch({ from: "/settings" });
  const seesUsers = useMay("user:read");
  const seesNotices = useMay("notify:write");
  const tab = tabs.find((one) => one === search.tab) ?? "sites";
  return (
    <Page title={t("settings.title")}>
      <nav className="tabs" aria-label={t("settings.title")}>
        {tabs
          .filter((one) => (one !== "users" || seesUsers) && (one !== "notices" || seesNotices))
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
      {tab === "sessions" && <Sessions />}
      {tab === "security" && <Security />}
      {tab === "tokens" && <Tokens />}
      {tab === "mine" && <MyNotices />}
      {tab === "notices" && <Notices />}
    </Page>
  );
}
