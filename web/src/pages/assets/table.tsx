// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by the virtualiser, which a real table does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: a row holds the link that takes the focus
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { AssetRow } from "../../api/types";
import { type Key, t, word } from "../../texts";
import { Mark } from "../../ui/mark";
import { usePrinting } from "../../ui/printing";
import { nextSort } from "../../ui/search";
import { Ago } from "../../ui/when";

const rowHeight = 46;

type Props = {
  rows: AssetRow[];
  total: number;
  siteNames: Map<string, string>;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
  more: () => void;
  loading: boolean;
  may: boolean;
  /** Most of the list is new: then a mark on each row says nothing, and only words stay. */
  calm: boolean;
};

const columns: { key: string; text: Key; sort?: string }[] = [
  { key: "name", text: "assets.name", sort: "name" },
  { key: "vendor", text: "assets.vendor", sort: "vendor" },
  { key: "firmware", text: "assets.order_code", sort: "order_code" },
  { key: "address", text: "assets.address" },
  { key: "zone", text: "assets.zone", sort: "zone" },
  { key: "heard", text: "assets.heard", sort: "last_at" },
];

/** Draws only the rows in sight; the page itself scrolls, so that find, print and touch work as everywhere. */
export function AssetTable({
  rows,
  total,
  siteNames,
  sort,
  onSort,
  chosen,
  onChoose,
  more,
  loading,
  may,
  calm,
}: Props) {
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useEffect(() => {
    const measure = () => setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, []);
  const view = useWindowVirtualizer({ count: total, estimateSize: () => rowHeight, overscan: 12, scrollMargin: top });
  const printing = usePrinting();
  const visible = printing ? rows.map((row, index) => ({ key: row.id, index, start: 0 })) : view.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 1 && rows.length < total && !loading) more();
  }, [last, rows.length, total, loading, more]);

  const pick = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    onChoose(next);
  };
  const everyNew = rows.filter((r) => r.state === "new").map((r) => r.id);
  const all = everyNew.length > 0 && everyNew.every((id) => chosen.has(id));

  return (
    <div className="grid" role="table" aria-label={t("assets.title")} aria-rowcount={total + 1} onKeyDown={walk}>
      <div className="row headrow" role="row" aria-rowindex={1}>
        <span role="columnheader" className="tick">
          <input
            type="checkbox"
            aria-label={t("assets.tick_new")}
            title={t("assets.tick_new")}
            checked={all}
            disabled={!may || everyNew.length === 0}
            onChange={(event) => onChoose(new Set(event.target.checked ? everyNew : []))}
          />
        </span>
        {columns.map((column) => (
          <ColumnHead key={column.key} column={column} sort={sort} onSort={onSort} />
        ))}
      </div>
      <div ref={body} role="rowgroup" style={printing ? {} : { height: view.getTotalSize(), position: "relative" }}>
        {visible.map((item) => {
          const row = rows[item.index];
          return (
            <div
              key={item.key}
              className="row"
              role="row"
              aria-rowindex={item.index + 2}
              style={printing ? {} : { transform: `translateY(${item.start - view.options.scrollMargin}px)` }}
            >
              {row ? (
                <Row
                  row={row}
                  index={item.index}
                  site={siteNames.get(row.site_id)}
                  chosen={chosen.has(row.id)}
                  calm={calm}
                  may={may}
                  onPick={(on) => pick(row.id, on)}
                />
              ) : (
                <span role="cell" className="ghost" aria-label={t("common.loading")} />
              )}
            </div>
          );
        })}
      </div>
      {printing && rows.length < total && <p>{t("assets.printed", { count: rows.length, total })}</p>}
    </div>
  );
}

/** Arrow keys go from row to row, as in every list an operator knows. */
function walk(event: KeyboardEvent<HTMLDivElement>) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("a[data-row]")].sort(
    (a, b) => Number(a.dataset.row) - Number(b.dataset.row),
  );
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = links[event.key === "ArrowDown" ? at + 1 : at - 1];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

type HeadProps = {
  column: (typeof columns)[number];
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
};

function ColumnHead({ column, sort, onSort }: HeadProps) {
  const by = column.sort;
  const state = by && sort === by ? "ascending" : by && sort === `-${by}` ? "descending" : "none";
  return (
    <span role="columnheader" aria-sort={by ? state : undefined}>
      {by ? (
        <button type="button" onClick={() => onSort(nextSort(sort, by))}>
          {t(column.text)} <span aria-hidden>{state === "ascending" ? "↑" : state === "descending" ? "↓" : ""}</span>
        </button>
      ) : (
        t(column.text)
      )}
    </span>
  );
}

type RowProps = {
  row: AssetRow;
  index: number;
  site: string | undefined;
  chosen: boolean;
  calm: boolean;
  may: boolean;
  onPick: (on: boolean) => void;
};

function Row({ row, index, site, chosen, calm, may, onPick }: RowProps) {
  const name = row.name || row.ips[0] || row.macs[0] || t("assets.unnamed");
  return (
    <>
      <span role="cell" className="tick">
        {may && (
          <input
            type="checkbox"
            aria-label={t("assets.tick", { name })}
            checked={chosen}
            onChange={(event) => onPick(event.target.checked)}
          />
        )}
      </span>
      <span role="cell">
        <span className="first">
          <Link className="cut" to="/assets/$id" params={{ id: row.id }} data-row={index}>
            {name}
          </Link>
          {row.conflicts > 0 && (
            <span className="tag p2">
              <Mark priority={2} quiet /> {t("assets.conflict")}
            </span>
          )}
          {row.state === "new" && (
            <span className={calm ? "tag" : "tag p3"}>
              {!calm && <Mark priority={3} quiet />} {t("asset_state.new")}
            </span>
          )}
          {(row.state === "rejected" || row.state === "retired") && (
            <span className="tag">{word("asset_state", row.state)}</span>
          )}
        </span>
        <small className="cut">
          {word("asset_role", row.role)}
          {row.level && ` · ${t("assets.level_short", { level: row.level })}`}
        </small>
      </span>
      <span role="cell">
        <span className="cut">{row.vendor || <i className="quiet">{t("common.unknown")}</i>}</span>
        <small className="cut">{row.model}</small>
      </span>
      <span role="cell">
        <span className="cut num">{row.order_code}</span>
        <small className="cut num">{row.firmware}</small>
      </span>
      <span role="cell">
        <span className="cut num">
          {row.ips[0] ?? ""}
          {row.ips.length > 1 && <small> +{row.ips.length - 1}</small>}
        </span>
        <small className="cut num">{row.macs[0] ?? ""}</small>
      </span>
      <span role="cell">
        <span className="cut">{row.zone?.name ?? <i className="quiet">{t("assets.no_zone")}</i>}</span>
        <small className="cut">{site ?? ""}</small>
      </span>
      <span role="cell">
        <Ago at={row.last_at} />
        <small>{row.live ? "" : t(row.seen ? "assets.from_capture" : "assets.from_list")}</small>
      </span>
    </>
  );
}
