import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useMay } from "../../api/may";
import { assets, facets, sites } from "../../api/queries";
import type { Facet } from "../../api/types";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Empty, ErrorNote, Page, Wait } from "../../ui/page";
import { SavedViews } from "../../ui/saved-views";
import { SearchBox } from "../../ui/search-box";
import { Bulk } from "./bulk";
import { type FacetKey, FacetRail } from "./facet-rail";
import { ImportList } from "./import-list";
import { AssetTable } from "./table";
import "./assets.css";

/** Every device that was heard or named, ten thousand and more, narrowed by what stands in the address. */
export default function AssetsPage() {
  const filter = useSearch({ from: "/assets" });
  const navigate = useNavigate({ from: "/assets" });
  const list = useInfiniteQuery(assets(filter));
  const counts = useQuery(facets({ ...filter, sort: undefined }));
  const siteList = useQuery(sites);
  const may = useMay("asset:write");
  const [importing, setImporting] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());

  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? (list.hasNextPage ? rows.length + 1 : rows.length);
  const siteNames = useMemo(() => new Map(siteList.data?.items.map((s) => [s.id, s.name])), [siteList.data]);

  // A changed filter shows other rows: what was ticked before must not be changed unseen.
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the filter is what the effect follows
  useEffect(() => setChosen(new Set()), [key]);

  // The rail and the plant count what is ours to look after; the list has everything.
  const ours = siteList.data?.items.reduce((sum, s) => sum + (s.assets ?? 0), 0) ?? total;

  const set = (change: Partial<typeof filter>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const { sort: _, ...unsorted } = filter;
  const filtered = Object.entries(filter).some(([k, v]) => k !== "sort" && v);

  return (
    <Page
      title={t("assets.title")}
      sub={
        list.data
          ? t(!filtered && ours < total ? "assets.total_ours" : filtered ? "assets.found" : "assets.total", {
              count: total,
              shown: count(total),
              ours: count(ours),
            })
          : ""
      }
      actions={
        <>
          <Link
            className="btn"
            to="/assets/labels"
            search={unsorted}
            state={{ ids: chosen.size > 0 ? [...chosen] : undefined }}
          >
            {t("labels.open")}
          </Link>
          {may && (
            <>
              <Bulk chosen={chosen} onDone={() => setChosen(new Set())} />
              {chosen.size === 0 && (
                <button type="button" className="btn" onClick={() => setImporting(true)}>
                  {t("import.open")}
                </button>
              )}
            </>
          )}
        </>
      }
    >
      <div className="assets">
        <FacetRail facets={counts.data} filter={filter} onPick={(facet: FacetKey, value) => set({ [facet]: value })} />
        <div className="list">
          <div className="line tools">
            <SearchBox
              value={filter.q ?? ""}
              label={t("assets.search")}
              hint={t("assets.search_hint")}
              onChange={(q) => set({ q: q || undefined })}
            />
            <SavedViews page="/assets" search={filter} />
            {filtered && (
              <Link className="btn plain" to="/assets" search={{ sort: filter.sort }}>
                {t("assets.clear")}
              </Link>
            )}
          </div>
          <Chips
            filter={filter}
            siteNames={siteNames}
            zoneName={zoneName(counts.data?.zone, filter.zone)}
            onDrop={(k) => set({ [k]: undefined })}
          />
          {list.error ? (
            <ErrorNote error={list.error} retry={() => list.refetch()} />
          ) : !list.data ? (
            <Wait />
          ) : rows.length === 0 ? (
            <NoRows filtered={filtered} onImport={may ? () => setImporting(true) : undefined} />
          ) : (
            <AssetTable
              rows={rows}
              total={total}
              siteNames={siteNames}
              sort={filter.sort}
              onSort={(sort) => set({ sort })}
              chosen={chosen}
              onChoose={setChosen}
              more={() => list.hasNextPage && !list.isFetchingNextPage && list.fetchNextPage()}
              loading={list.isFetchingNextPage}
              may={may}
              calm={mostlyNew(counts.data?.state)}
            />
          )}
        </div>
      </div>
      {importing && (
        <ImportList site={filter.site ?? siteList.data?.items[0]?.id ?? ""} onClose={() => setImporting(false)} />
      )}
    </Page>
  );
}

function mostlyNew(states: Facet[] | null | undefined): boolean {
  const all = (states ?? []).reduce((sum, s) => sum + s.count, 0);
  return (states?.find((s) => s.value === "new")?.count ?? 0) * 2 > all;
}

function zoneName(zones: Facet[] | null | undefined, id: string | undefined) {
  return zones?.find((zone) => zone.value === id)?.label || (id === "none" ? t("assets.no_zone") : id);
}

function NoRows({ filtered, onImport }: { filtered: boolean; onImport: (() => void) | undefined }) {
  if (filtered)
    return (
      <Empty title={t("assets.none_found")}>
        <Link className="btn" to="/assets">
          {t("assets.clear")}
        </Link>
      </Empty>
    );
  return (
    <Empty title={t("assets.none")}>
      <p>{t("assets.none_why")}</p>
      <p>{t("assets.none_list")}</p>
      <div className="line">
        <Link className="btn primary" to="/captures">
          {t("posture.drop_capture")}
        </Link>
        {onImport && (
          <button type="button" className="btn" onClick={onImport}>
            {t("import.open")}
          </button>
        )}
      </div>
    </Empty>
  );
}

type ChipsProps = {
  filter: Record<string, string | undefined>;
  siteNames: Map<string, string>;
  zoneName: string | undefined;
  onDrop: (key: string) => void;
};

function Chips({ filter, siteNames, zoneName: zone, onDrop }: ChipsProps) {
  const shown = Object.entries(filter).filter(([key, value]) => value && key !== "sort" && key !== "q");
  if (shown.length === 0) return null;
  const text = (key: string, value: string) => {
    if (key === "site") return siteNames.get(value) ?? value;
    if (key === "zone") return zone ?? value;
    if (key === "role") return word("asset_role", value);
    if (key === "state") return word("asset_state", value);
    if (key === "level") return value === "none" ? t("common.unknown") : word("purdue", value);
    if (key === "conflict") return t("assets.conflict");
    if (key === "expected") return t("assets.expected");
    if (key === "planned") return word("planned", value);
    return value;
  };
  return (
    <ul className="line chips" aria-label={t("assets.filters")}>
      {shown.map(([key, value]) => (
        <li key={key}>
          <button type="button" className="btn small" onClick={() => onDrop(key)}>
            <span className="quiet">{word("facet", key)}</span> {text(key, value ?? "")} <span aria-hidden>×</span>
            <span className="hidden">{t("assets.drop_filter")}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
