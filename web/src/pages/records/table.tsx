// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by the virtualiser, which a real table does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: a row holds the link that takes the focus
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { RecordRow } from "../../api/records";
import { t } from "../../texts";
import { Cells, HeadRow, type ListProps, ticked, tracksOf, useAround, usePick, walk } from "./row";

const rowHeight = 46;

type Props = ListProps & {
  rows: RecordRow[];
  total: number;
  more: () => void;
  loading: boolean;
};

/** Draws only the rows in sight; the page itself scrolls, so that find, print and touch work as everywhere. */
export function RecordTable(props: Props) {
  const { columns, rows, total, chosen, onChoose, more, loading } = props;
  const around = useAround(props.around, rows);
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

  const pick = usePick(rows, props);
  const all = useMemo(() => rows.length > 0 && rows.every((row) => chosen.has(row.id)), [rows, chosen]);
  const name = t("records.tick_all", { count: rows.length });
  const tracks = tracksOf(columns, onChoose !== undefined);
  return (
    <div className="recgrid" role="table" aria-label={props.label} aria-rowcount={total + 1} onKeyDown={walk}>
      <HeadRow
        columns={columns}
        sort={props.sort}
        onSort={props.onSort}
        tick={
          onChoose && (
            <input
              type="checkbox"
              aria-label={name}
              title={name}
              checked={all}
              onChange={(event) => onChoose(ticked(new Map(), rows, event.target.checked))}
            />
          )
        }
      />
      <div ref={body} className="placed" role="rowgroup" style={{ height: view.getTotalSize() }}>
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
                <Cells
                  row={row}
                  index={item.index}
                  columns={columns}
                  around={around}
                  chosen={chosen}
                  onPick={onChoose && pick}
                />
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
