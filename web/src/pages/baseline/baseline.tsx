import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { sites } from "../../api/queries";
import { baselines } from "../../api/zones";
import { t } from "../../texts";
import { Empty, Page } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { Drift } from "./drift";
import { Review } from "./review";
import { Zones } from "./zones";
import "./baseline.css";

const tabs = ["review", "zones", "drift"] as const;
type Tab = (typeof tabs)[number];

/** What is normal here: reviewed in groups, protected by zone and plant state, and how it drifts. */
export default function BaselinePage() {
  const search = useSearch({ from: "/baseline" });
  const navigate = useNavigate({ from: "/baseline" });
  const siteList = useQuery(sites);
  const site = search.site ?? siteList.data?.items[0]?.id ?? "";
  const tab: Tab = tabs.find((x) => x === search.tab) ?? "review";
  const zones = useQuery(baselines(site));
  const waiting = zones.data?.items.reduce((sum, b) => sum + b.undecided + b.new, 0);
  return (
    <Page
      title={t("baseline.title")}
      sub={waiting === undefined ? undefined : t("baseline.waiting", { count: waiting })}
      actions={<SitePicker value={site} onPick={(s) => navigate({ search: { site: s, tab: search.tab } })} />}
    >
      <div className="line tools" role="tablist" aria-label={t("baseline.title")}>
        {tabs.map((x) => (
          <button
            key={x}
            type="button"
            role="tab"
            aria-selected={x === tab}
            className={x === tab ? "btn on" : "btn"}
            onClick={() => navigate({ search: (old) => ({ ...old, tab: x }), replace: true })}
          >
            {t(`baseline.tab_${x}`)}
          </button>
        ))}
      </div>
      {zones.data?.items.length === 0 ? (
        <Empty title={t("baseline.none")}>
          <p>{t("baseline.none_why")}</p>
        </Empty>
      ) : tab === "review" ? (
        <Review site={site} />
      ) : tab === "zones" ? (
        <Zones site={site} />
      ) : (
        <Drift site={site} />
      )}
    </Page>
  );
}
