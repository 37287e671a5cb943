// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by the virtualiser, which a real table does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: a row holds the link that takes the focus
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { RecordRow } from "../../api/records";
import { t } from "../../texts";
import { Flags } from "../../ui/record-state";
import { nextSort } from "../../ui/search";
import type { Around, Column } from "./columns";

const rowHeight = 46;
/** Columns that a narrow list keeps; the type names the weightiest first. */
const few = 5;

type Props = {
  label: string;
  columns: Column[];
  rows: RecordRow[];
  total: number;
  around: Around;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
  chosen: ReadonlySet<string>;
  onChoose: ((chosen: ReadonlySet<string>) => void) | undefined;
  more: () => void;
  loading: boolean;
};

/** Draws only the rows in sight; the page itself scrolls, so that find, print and touch work as everywhere. */
export function RecordTable(props: Props) {
  const { columns, rows, total, around, chosen, onChoose, more, loading } = props;
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useEffect(() => {
    const measure = () => setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, []);
  const view = useWindowVirtualizer({ count: total, estimateSize: () => rowHeight, overscan: 12, scrollMargin: top });
  const visible = view.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 1 && rows.length < total && !loading) more();
  }, [last, rows.length, total, loading, more]);

  const from = useRef<number | null>(null);
  // With Shift held, everything between the last tick and this one follows it.
  const pick = (index: number, on: boolean, range: boolean) => {
    const next = new Set(chosen);
    const [a, b] = range && from.current !== null ? [from.current, index].sort((x, y) => x - y) : [index, index];
    for (const row of rows.slice(a, (b ?? index) + 1)) {
      if (on) next.add(row.id);
      else next.delete(row.id);
    }
    from.current = index;
    onChoose?.(next);
  };
  const all = useMemo(() => rows.length > 0 && rows.every((row) => chosen.has(row.id)), [rows, chosen]);
  const tracksOf = (some: Column[]) =>
    `${onChoose ? "18px " : ""}minmax(200px, 2.4fr) ${some.map((c) => c.width).join(" ")}`;
  const tracks = { "--tracks": tracksOf(columns), "--few": tracksOf(columns.slice(0, few)) } as CSSProperties;

  return (
    <div className="recgrid" role="table" aria-label={props.label} aria-rowcount={total + 1} onKeyDown={walk}>
      <div className="row headrow" role="row" aria-rowindex={1} style={tracks}>
        {onChoose && (
          <span role="columnheader" className="tick">
            <input
              type="checkbox"
              aria-label={t("records.tick_all", { count: rows.length })}
              title={t("records.tick_all", { count: rows.length })}
              checked={all}
              onChange={(event) => onChoose(new Set(event.target.checked ? rows.map((row) => row.id) : []))}
            />
          </span>
        )}
        <Head id="title" title={t("records.title_head")} sort={props.sort} onSort={props.onSort} />
        {columns.map((column, i) => (
          <Head
            key={column.id}
            extra={i >= few}
            id={column.id}
            title={column.title}
            sort={props.sort}
            onSort={props.onSort}
          />
        ))}
      </div>
      <div ref={body} role="rowgroup" style={{ height: view.getTotalSize(), position: "relative" }}>
        {visible.map((item) => {
          const row = rows[item.index];
          return (
            <div
              key={item.key}
              className="row"
              role="row"
              aria-rowindex={item.index + 2}
              style={{ ...tracks, transform: `translateY(${item.start - view.options.scrollMargin}px)` }}
            >
              {row ? (
                <>
                  {onChoose && (
                    <span role="cell" className="tick">
                      <input
                        type="checkbox"
                        aria-label={t("records.tick", { name: row.ref })}
                        checked={chosen.has(row.id)}
                        onChange={(event) =>
                          pick(item.index, event.target.checked, (event.nativeEvent as MouseEvent).shiftKey)
                        }
                      />
                    </span>
                  )}
                  <span role="cell">
                    <span className="first">
                      <Link className="cut" to="/records/$id" params={{ id: row.id }} data-row={item.index}>
                        {row.title}
                      </Link>
                      <Flags of={row} />
                    </span>
                    <small className="num">{row.ref}</small>
                  </span>
                  {columns.map((column, i) => (
                    <span
                      role="cell"
                      key={column.id}
                      className={i >= few ? "cut extra" : "cut"}
                      data-column={column.id}
                    >
                      {column.cell(row, around)}
                    </span>
                  ))}
                </>
              ) : (
                <span role="cell" className="ghost" aria-label={t("common.loading")} />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Arrow keys go from row to row, as in every list an operator knows. */
function walk(event: KeyboardEvent<HTMLDivElement>) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const at = (event.target as HTMLElement).dataset.row;
  if (at === undefined) return;
  const step = event.key === "ArrowDown" ? 1 : -1;
  const next = event.currentTarget.querySelector<HTMLElement>(`[data-row="${Number(at) + step}"]`);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

type HeadProps = Pick<Props, "sort" | "onSort"> & { id: string; title: string; extra?: boolean };

function Head({ id, title, extra = false, sort, onSort }: HeadProps) {
  const state = sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
  return (
    <span role="columnheader" aria-sort={state} className={extra ? "extra" : undefined} data-column={id}>
      <button type="button" className="cut" onClick={() => onSort(nextSort(sort, id))}>
        {title} <span aria-hidden>{state === "ascending" ? "↑" : state === "descending" ? "↓" : ""}</span>
      </button>
    </span>
  );
}
