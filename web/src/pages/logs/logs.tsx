import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { logRegister } from "../../api/logs";
import { useMay } from "../../api/may";
import { sites } from "../../api/queries";
import { t } from "../../texts";
import { Mark } from "../../ui/mark";
import { Ask, Page } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { SourceForm } from "./form";
import { Lines } from "./lines";
import { Sources, Strangers } from "./sources";
import "./logs.css";

/** What devices say of themselves: who is expected to speak, how each does, and their lines. */
export default function LogsPage() {
  const search = useSearch({ from: "/logs" });
  const navigate = useNavigate({ from: "/logs" });
  const siteList = useQuery(sites);
  const site = search.site ?? siteList.data?.items[0]?.id ?? "";
  const register = useQuery({ ...logRegister(site), refetchInterval: 15_000 });
  const may = useMay("asset:write");
  const mayRead = useMay("capture:read");
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title={t("logs.title")}
      sub={t("logs.sub")}
      actions={<SitePicker value={site} onPick={(s) => navigate({ search: { site: s } })} />}
    >
      <div className="stack">
        <Ask of={register}>
          {(r) => (
            <>
              {r.full && (
                <p className="error" role="alert">
                  <Mark priority={1} /> {t("logs.full", { why: r.full })}
                </p>
              )}
              <Sources register={r} site={site} may={may} onAdd={() => setAdding(true)} />
              {r.strangers.length > 0 && <Strangers list={r.strangers} site={site} may={may} />}
            </>
          )}
        </Ask>
        {mayRead && <Lines site={site} sources={register.data?.sources ?? []} />}
      </div>
      {adding && <SourceForm site={site} onClose={() => setAdding(false)} />}
    </Page>
  );
}
