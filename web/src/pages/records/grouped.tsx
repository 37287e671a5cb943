// biome-ignore-all lint/a11y/useSemanticElements: rows are a grid of tracks, which a real table does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: a row holds the link that takes the focus
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type RecordFilter, records } from "../../api/records";
import { t } from "../../texts";
import { count } from "../../ui/format";
import { More } from "../../ui/more";
import { ErrorNote } from "../../ui/page";
import { type Group, within } from "./groups";
import { Cells, HeadRow, type ListProps, tracksOf, useAround, usePick, walk } from "./row";

const atOnce = 50;

type Props = ListProps & { by: string; groups: Group[]; filter: RecordFilter };

/** The records under a heading for each group, which folds; a folded group asks the server nothing. */
export function GroupedTable({ by, groups, filter, ...list }: Props) {
  // Closed records wait folded, unless they are all there is.
  const ended = groups.every((group) => group.closed);
  return (
    <div className="recgrid grouped" role="table" aria-label={list.label} onKeyDown={walk}>
      <HeadRow
        columns={list.columns}
        sort={list.sort}
        onSort={list.onSort}
        tick={list.onChoose && <span className="hidden">{t("records.ticks")}</span>}
      />
      {groups.map((group) => (
        <GroupRows
          key={group.id}
          group={group}
          folded={group.closed && !ended}
          filter={within(filter, by, group.id)}
          {...list}
        />
      ))}
    </div>
  );
}

type GroupProps = ListProps & { group: Group; folded: boolean; filter: RecordFilter };

function GroupRows({ group, folded, filter, ...list }: GroupProps) {
  const [open, setOpen] = useState(!folded);
  return (
    <div role="rowgroup" aria-label={group.title}>
      <div className="grouphead" role="row">
        <span role="cell">
          <button type="button" data-row aria-expanded={open} onClick={() => setOpen(!open)}>
            <span className="fold" aria-hidden />
            <span className="cut">{group.title}</span>
            <span className="num quiet">{count(group.count)}</span>
          </button>
        </span>
      </div>
      {open && <Rows group={group} filter={filter} {...list} />}
    </div>
  );
}

function Rows({ group, filter, ...list }: Omit<GroupProps, "folded">) {
  const { columns, chosen, onChoose } = list;
  const found = useInfiniteQuery(records(filter, atOnce));
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  const around = useAround(list.around, rows);
  const pick = usePick(rows, list);
  const tracks = tracksOf(columns, onChoose !== undefined);
  if (found.error && !found.data) return <ErrorNote error={found.error} retry={() => found.refetch()} />;
  if (!found.data)
    return Array.from({ length: Math.min(group.count, atOnce) }, (_, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: a place that waits for its row
      <div key={i} className="row" role="row" style={tracks}>
        <span role="cell" className="ghost" aria-label={t("common.loading")} />
      </div>
    ));
  return (
    <>
      {rows.map((row, i) => (
        <div key={row.id} className="row" role="row" style={tracks}>
          <Cells row={row} index={i} columns={columns} around={around} chosen={chosen} onPick={onChoose && pick} />
        </div>
      ))}
      {found.hasNextPage && (
        <div className="groupmore" role="row">
          <span role="cell">
            <More of={found} />
          </span>
        </div>
      )}
    </>
  );
}
