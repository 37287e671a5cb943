import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { sites } from "../../api/queries";
import { exportHref, type RecordFilter, type RecordType, recordFacets, records, recordTypes } from "../../api/records";
import { noun, t, word } from "../../texts";
import { count } from "../../ui/format";
import { Ask, Empty, ErrorNote, Page, Wait } from "../../ui/page";
import { usePeople } from "../../ui/people";
import { SavedViews } from "../../ui/saved-views";
import type { Search } from "../../ui/search";
import { SearchBox } from "../../ui/search-box";
import { filterOf, isNarrowed } from "./address";
import { Bulk } from "./bulk";
import { columnsOf } from "./columns";
import { GroupedTable } from "./grouped";
import { groupsOf } from "./groups";
import { ImportRecords } from "./import";
import { Chips, Facets } from "./narrow";
import type { Chosen, ListProps } from "./row";
import { RecordTable } from "./table";
import { useAllowed } from "./use-type";
import { Ways } from "./ways";

/** What stands over the records that have no site, no owner. */
const noGroup = (by: string) =>
  t(by === "site" ? "records.whole_entity" : by === "owner" ? "records.nobody" : "records.not_said");

const headOf = (type: RecordType | undefined, id: string) =>
  type?.fields.find((field) => field.id === id)?.title ?? word("record_head", id);

/** The records of one type (or of all), narrowed by what stands in the address. */
export function RecordList({ search }: { search: Search }) {
  const types = useQuery(recordTypes);
  return <Ask of={types}>{(data) => <List search={search} types={data.items} />}</Ask>;
}

function List({ search, types }: { search: Search; types: RecordType[] }) {
  const navigate = useNavigate();
  const type = types.find((one) => one.id === search.type);
  const filter = useMemo(() => filterOf(search), [search]);
  const counts = useQuery(recordFacets({ ...filter, sort: undefined }));
  const by = type?.list.group ?? "";
  const grouped = by !== "" && search.group !== "none";
  const list = useInfiniteQuery({ ...records(filter), enabled: !grouped });
  const siteList = useQuery(sites);
  const may = useAllowed(type?.write);
  const [importing, setImporting] = useState(false);
  const [chosen, setChosen] = useState<Chosen>(new Map());

  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const groups = useMemo(
    () => (type && counts.data ? groupsOf(type, counts.data.group, noGroup(by)) : []),
    [type, counts.data, by],
  );
  const found = grouped ? counts : list;
  const total = grouped
    ? groups.reduce((n, group) => n + group.count, 0)
    : (list.data?.pages[0]?.total ?? (list.hasNextPage ? rows.length + 1 : rows.length));
  const people = usePeople();
  const around = useMemo(
    () => ({
      types: new Map(types.map((one) => [one.id, one])),
      sites: new Map(siteList.data?.items.map((s) => [s.id, s.name])),
      people: new Map(people.map((one) => [one.id, one.name])),
    }),
    [types, siteList.data, people],
  );
  const columns = useMemo(() => columnsOf(type).filter((c) => !grouped || c.id !== by), [type, grouped, by]);

  // A changed filter shows other rows: what was ticked before must not be changed unseen.
  const key = JSON.stringify(search);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the filter is what the effect follows
  useEffect(() => setChosen(new Map()), [key]);

  const set = (change: Search) => navigate({ to: "/records", search: { ...search, ...change }, replace: true });
  const narrowed = isNarrowed(search);
  const title = type?.plural ?? t("records.all");
  const shown: ListProps = {
    label: title,
    columns,
    around,
    sort: search.sort ?? type?.list.sort,
    onSort: (sort) => set({ sort: sort ?? "" }),
    chosen,
    onChoose: type && may && !search.as_of ? setChosen : undefined,
  };
  return (
    <Page
      title={title}
      crumbs={<Link to="/records">{t("records.title")}</Link>}
      sub={found.data ? t(narrowed ? "records.found" : "records.total", { count: total, shown: count(total) }) : ""}
      actions={
        <>
          {type && may && <Bulk type={type} chosen={chosen} onDone={() => setChosen(new Map())} />}
          {chosen.size === 0 && (
            <>
              <Export filter={filter} />
              {type && may && (
                <>
                  <button type="button" className="btn" onClick={() => setImporting(true)}>
                    {t("records.import")}
                  </button>
                  <Link
                    className="btn primary"
                    to="/records/new"
                    search={{ type: type.id, ...(search.site && { site: search.site }) }}
                  >
                    {type.texts.new || t("records.new", { type: noun(type.title) })}
                  </Link>
                </>
              )}
            </>
          )}
        </>
      }
    >
      {type && <Ways type={type} search={search} at="list" />}
      <div className="records">
        <aside className="facets" aria-label={t("assets.filters")}>
          <Facets
            type={type}
            types={types}
            counts={counts.data}
            search={search}
            onPick={(k, v) => set({ [k]: v ?? "" })}
          />
        </aside>
        <div className="list">
          <div className="line tools">
            <SearchBox
              value={search.q ?? ""}
              label={t("records.search", { plural: title.toLowerCase() })}
              hint={t("records.search_hint")}
              onChange={(q) => set({ q })}
            />
            <SavedViews page="/records" search={search} within={type ? { type: type.id } : {}} />
            {by && (
              <button
                type="button"
                className="btn"
                aria-pressed={grouped}
                onClick={() => set({ group: grouped ? "none" : "" })}
              >
                {t("records.group_by", { head: noun(headOf(type, by)) })}
              </button>
            )}
            {narrowed && (
              <Link className="btn plain" to="/records" search={type ? { type: type.id } : { sort: "-updated_at" }}>
                {t("assets.clear")}
              </Link>
            )}
          </div>
          <Chips type={type} search={search} names={around} counts={counts.data} onDrop={(k) => set({ [k]: "" })} />
          {found.error ? (
            <ErrorNote error={found.error} retry={() => found.refetch()} />
          ) : !found.data ? (
            <Wait />
          ) : total === 0 ? (
            <NoRows type={type} narrowed={narrowed} may={may} onImport={() => setImporting(true)} />
          ) : grouped ? (
            <GroupedTable key={key} by={by} groups={groups} filter={filter} {...shown} />
          ) : (
            <RecordTable
              {...shown}
              rows={rows}
              total={total}
              more={() => list.hasNextPage && !list.isFetchingNextPage && list.fetchNextPage()}
              loading={list.isFetchingNextPage}
            />
          )}
        </div>
      </div>
      {importing && type && (
        <ImportRecords
          type={type}
          site={search.site ?? siteList.data?.items[0]?.id ?? ""}
          onClose={() => setImporting(false)}
        />
      )}
    </Page>
  );
}

function Export({ filter }: { filter: RecordFilter }) {
  return (
    <span className="line noprint">
      {(["csv", "xlsx"] as const).map((format) => (
        <a key={format} className="btn" href={exportHref(filter, format)} download>
          {t("records.export", { format: format.toUpperCase() })}
        </a>
      ))}
    </span>
  );
}

type NoRowsProps = { type: RecordType | undefined; narrowed: boolean; may: boolean; onImport: () => void };

function NoRows({ type, narrowed, may, onImport }: NoRowsProps) {
  if (narrowed || !type)
    return (
      <Empty title={t("records.none_found")}>
        <Link className="btn" to="/records" search={type ? { type: type.id } : { sort: "-updated_at" }}>
          {t("assets.clear")}
        </Link>
      </Empty>
    );
  return (
    <Empty title={type.texts.empty || t("records.none", { plural: noun(type.plural) })}>
      <p>{type.about}</p>
      {may && (
        <div className="line">
          <Link className="btn primary" to="/records/new" search={{ type: type.id }}>
            {type.texts.new || t("records.new", { type: noun(type.title) })}
          </Link>
          <button type="button" className="btn" onClick={onImport}>
            {t("records.import")}
          </button>
        </div>
      )}
    </Empty>
  );
}
