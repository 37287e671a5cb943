// biome-ignore-all lint/a11y/useSemanticElements: rows are a grid of tracks, which a real table does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: a row holds the link that takes the focus
import { Link } from "@tanstack/react-router";
import { type CSSProperties, type KeyboardEvent, type ReactNode, useMemo, useRef } from "react";
import type { RecordRow } from "../../api/records";
import { t } from "../../texts";
import { usePeople } from "../../ui/people";
import { Flags } from "../../ui/record-state";
import { nextSort } from "../../ui/search";
import type { Around, Column } from "./columns";

/** Columns that a narrow list keeps; the type names the weightiest first. */
const few = 5;

/** The ticked records, by id: a change of several needs their titles too. */
export type Chosen = ReadonlyMap<string, RecordRow>;

/** What a list of records is drawn from, grouped or not. */
export type ListProps = {
  label: string;
  columns: Column[];
  around: Around;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
  chosen: Chosen;
  /** undefined: nothing can be ticked */
  onChoose: ((chosen: Chosen) => void) | undefined;
};

/** Where each column stands; both widths go along, and the list's own width chooses. */
export function tracksOf(columns: Column[], ticks: boolean): CSSProperties {
  const of = (some: Column[]) => `${ticks ? "18px " : ""}minmax(200px, 2.4fr) ${some.map((c) => c.width).join(" ")}`;
  return { "--tracks": of(columns), "--few": of(columns.slice(0, few)) } as CSSProperties;
}

/** What is around, with the owners of these rows. */
export function useAround(around: Around, rows: RecordRow[]): Around {
  const people = usePeople(useMemo(() => rows.map((row) => row.owner), [rows]));
  return useMemo(() => ({ ...around, people: new Map(people.map((one) => [one.id, one.name])) }), [around, people]);
}

export const ticked = (chosen: Chosen, rows: RecordRow[], on: boolean): Chosen => {
  const next = new Map(chosen);
  for (const row of rows) {
    if (on) next.set(row.id, row);
    else next.delete(row.id);
  }
  return next;
};

/** Ticks one row; with Shift held, everything between the last tick and this one follows it. */
export function usePick(rows: RecordRow[], { chosen, onChoose }: Pick<ListProps, "chosen" | "onChoose">) {
  const from = useRef<number | null>(null);
  return (index: number, on: boolean, range: boolean) => {
    const [a, b] = range && from.current !== null ? [from.current, index].sort((x, y) => x - y) : [index, index];
    from.current = index;
    onChoose?.(ticked(chosen, rows.slice(a, (b ?? index) + 1), on));
  };
}

type HeadProps = Pick<ListProps, "columns" | "sort" | "onSort"> & { tick: ReactNode };

export function HeadRow({ columns, sort, onSort, tick }: HeadProps) {
  return (
    <div className="row headrow" role="row" aria-rowindex={1} style={tracksOf(columns, Boolean(tick))}>
      {tick && (
        <span role="columnheader" className="tick">
          {tick}
        </span>
      )}
      <Head id="title" title={t("records.title_head")} sort={sort} onSort={onSort} />
      {columns.map((column, i) => (
        <Head key={column.id} extra={i >= few} id={column.id} title={column.title} sort={sort} onSort={onSort} />
      ))}
    </div>
  );
}

type OneHead = Pick<ListProps, "sort" | "onSort"> & { id: string; title: string; extra?: boolean };

function Head({ id, title, extra = false, sort, onSort }: OneHead) {
  const state = sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
  return (
    <span role="columnheader" aria-sort={state} className={extra ? "extra" : undefined} data-column={id}>
      <button type="button" className="cut" onClick={() => onSort(nextSort(sort, id))}>
        {title} <span aria-hidden>{state === "ascending" ? "↑" : state === "descending" ? "↓" : ""}</span>
      </button>
    </span>
  );
}

type RowProps = Pick<ListProps, "columns" | "around" | "chosen"> & {
  row: RecordRow;
  index: number;
  onPick: ((index: number, on: boolean, range: boolean) => void) | undefined;
};

/** The cells of one record; the reference and the title are always the first. */
export function Cells({ row, index, columns, around, chosen, onPick }: RowProps) {
  return (
    <>
      {onPick && (
        <span role="cell" className="tick">
          <input
            type="checkbox"
            aria-label={t("records.tick", { name: row.ref })}
            checked={chosen.has(row.id)}
            onChange={(event) => onPick(index, event.target.checked, (event.nativeEvent as MouseEvent).shiftKey)}
          />
        </span>
      )}
      <span role="cell">
        <span className="first">
          <Link className="cut" to="/records/$id" params={{ id: row.id }} data-row>
            {row.title}
          </Link>
          <Flags of={row} />
        </span>
        <small className="num">{row.ref}</small>
      </span>
      {columns.map((column, i) => (
        <span role="cell" key={column.id} className={i >= few ? "cut extra" : "cut"} data-column={column.id}>
          {column.cell(row, around)}
        </span>
      ))}
    </>
  );
}

/** Arrow keys go from row to row, as in every list an operator knows; the heading of a group is a row of its own. */
export function walk(event: KeyboardEvent<HTMLDivElement>) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.indexOf(event.target as HTMLElement);
  const next = at < 0 ? undefined : rows[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
