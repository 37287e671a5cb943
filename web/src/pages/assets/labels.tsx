import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useLocation, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { assets } from "../../api/queries";
import { t } from "../../texts";
import { Ask, Empty, ErrorNote, Page, Wait } from "../../ui/page";
import "./labels.css";

const most = 500;
const papers = ["sheet", "roll"] as const;
type Paper = (typeof papers)[number];

/** Labels for the ticked assets, or for all of a filter: who scans one lands on the asset's page. */
export default function LabelsPage() {
  const filter = useSearch({ from: "/assets/labels" });
  const ticked = useLocation().state.ids;
  const list = useInfiniteQuery({ ...assets(filter, most), enabled: !ticked });
  const ids = ticked ?? list.data?.pages[0]?.items.map((row) => row.id);
  const total = ticked?.length ?? list.data?.pages[0]?.total ?? 0;
  return (
    <Page
      title={t("labels.title")}
      crumbs={
        <Link to="/assets" search={filter}>
          {t("assets.title")}
        </Link>
      }
    >
      {list.error ? (
        <ErrorNote error={list.error} retry={() => list.refetch()} />
      ) : !ids ? (
        <Wait />
      ) : ids.length === 0 ? (
        <Empty title={t("assets.none_found")} />
      ) : (
        <Sheet ids={ids.slice(0, most)} left={Math.max(0, total - most)} />
      )}
    </Page>
  );
}

function Sheet({ ids, left }: { ids: string[]; left: number }) {
  const [paper, setPaper] = useState<Paper>("sheet");
  const labels = useQuery({
    queryKey: ["labels", ids],
    queryFn: () => answer(api.POST("/assets/labels", { body: { ids, base: window.location.origin } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const local = /^(localhost|127\.)/.test(window.location.hostname);
  return (
    <>
      <div className="line noprint">
        <label className="line">
          <span className="quiet small">{t("labels.paper")}</span>
          <select className="input picker" value={paper} onChange={(event) => setPaper(event.target.value as Paper)}>
            {papers.map((p) => (
              <option key={p} value={p}>
                {t(`labels.${p}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="btn primary" disabled={!labels.data} onClick={() => window.print()}>
          {t("labels.print", { count: ids.length })}
        </button>
      </div>
      {left > 0 && <p className="quiet noprint">{t("labels.more", { count: left })}</p>}
      {local && <p className="quiet noprint">{t("labels.local", { host: window.location.origin })}</p>}
      <Ask of={labels}>
        {(data) => (
          <ul className={`labels ${paper}`} aria-label={t("labels.title")}>
            {data.items.map((label) => (
              <li key={label.id}>
                <img alt="" src={`data:image/svg+xml,${encodeURIComponent(label.svg)}`} />
                <div>
                  <b>{label.name}</b>
                  <span>{label.what}</span>
                  <span>{label.zone}</span>
                  {label.serial && <span>{t("labels.serial", { serial: label.serial })}</span>}
                </div>
              </li>
            ))}
          </ul>
        )}
      </Ask>
    </>
  );
}
