import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type KeyboardEvent, useState } from "react";
import { sites } from "../../api/queries";
import {
  moveRecord,
  type RecordDetail,
  type RecordRow,
  type RecordType,
  record,
  recordFacets,
  records,
  recordTypes,
  type State,
  type Transition,
} from "../../api/records";
import { noun, t } from "../../texts";
import { count, date } from "../../ui/format";
import { More } from "../../ui/more";
import { Ask, Empty, Page, sentence } from "../../ui/page";
import { Flags } from "../../ui/record-state";
import type { Search } from "../../ui/search";
import { SearchBox } from "../../ui/search-box";
import { SitePicker } from "../../ui/site-picker";
import { notify } from "../../ui/toast";
import { Move, needsMore } from "./actions";
import { filterOf } from "./address";
import { waysOut } from "./fields";
import { refresh } from "./refresh";
import { useAllowed } from "./use-type";
import { Ways } from "./ways";
import "./records.css";
import "./board.css";

/** The records of a type by state. A card moves by its menu, by the keyboard or by dragging; what a step needs is asked. */
export default function BoardPage() {
  const search: Search = useSearch({ from: "/records/board" });
  const types = useQuery(recordTypes);
  return (
    <Ask of={types}>
      {(data) => {
        const type = data.items.find((one) => one.id === search.type);
        if (!type)
          return (
            <Page title={t("records.board")}>
              <Empty title={t("records.no_type")}>
                <Link className="btn" to="/records">
                  {t("records.title")}
                </Link>
              </Empty>
            </Page>
          );
        return <Board type={type} search={search} />;
      }}
    </Ask>
  );
}

type Asking = { detail: RecordDetail; etag: string; way: Transition };

function Board({ type, search }: { type: RecordType; search: Search }) {
  const navigate = useNavigate({ from: "/records/board" });
  const client = useQueryClient();
  const filter = { ...filterOf(search), state: undefined, sort: undefined };
  const counts = useQuery(recordFacets(filter));
  const may = useAllowed(type.write);
  const [asking, setAsking] = useState<Asking>();
  const [dragged, setDragged] = useState<RecordRow>();
  const set = (change: Search) => navigate({ search: (old: Search) => ({ ...old, ...change }), replace: true });

  const move = async (row: RecordRow, way: Transition) => {
    try {
      const { value: detail, etag } = await client.fetchQuery({ ...record(row.id), staleTime: 0 });
      const said = detail.transitions.find((one) => one.id === way.id);
      if (said && !said.allowed) return notify(t("records.why_not", { step: way.title, why: said.why_not }));
      if (needsMore(way)) return setAsking({ detail, etag, way });
      await moveRecord(row.id, etag, { transition: way.id, reason: "", data: {} });
      notify(t("records.moved", { ref: row.ref, state: type.states.find((s) => s.id === way.to)?.title }));
      await refresh(client);
      document.getElementById(`card-${row.id}`)?.focus();
    } catch (error) {
      notify(sentence(error));
    }
  };
  const drop = (state: State) => {
    const way = dragged && waysOut(type, dragged.state, dragged.data).find((one) => one.to === state.id);
    if (dragged && way) move(dragged, way);
    setDragged(undefined);
  };
  return (
    <Page
      title={type.plural}
      crumbs={<Link to="/records">{t("records.title")}</Link>}
      sub={t("records.board_hint")}
      actions={
        may && (
          <Link className="btn primary" to="/records/new" search={{ type: type.id }}>
            {type.texts.new || t("records.new", { type: noun(type.title) })}
          </Link>
        )
      }
    >
      <Ways type={type} search={search} at="board" />
      <div className="line tools">
        <SitePicker all value={search.site ?? ""} onPick={(site) => set({ site })} />
        <SearchBox
          value={search.q ?? ""}
          label={t("records.search", { plural: noun(type.plural) })}
          hint={t("records.search_hint")}
          onChange={(q) => set({ q })}
        />
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys go between the cards, which take the focus themselves */}
      <div className="board" onKeyDown={walk}>
        {type.states.map((state) => (
          <Lane
            key={state.id}
            type={type}
            state={state}
            search={search}
            total={counts.data?.state.find((v) => v.id === state.id)?.count ?? 0}
            may={may}
            takes={dragged !== undefined && waysOut(type, dragged.state, dragged.data).some((w) => w.to === state.id)}
            onDrag={setDragged}
            onDrop={() => drop(state)}
            onMove={move}
          />
        ))}
      </div>
      {asking && (
        <Move
          record={asking.detail}
          type={type}
          etag={asking.etag}
          way={asking.way}
          onClose={() => setAsking(undefined)}
        />
      )}
    </Page>
  );
}

type LaneProps = {
  type: RecordType;
  state: State;
  search: Search;
  total: number;
  may: boolean;
  takes: boolean;
  onDrag: (row: RecordRow | undefined) => void;
  onDrop: () => void;
  onMove: (row: RecordRow, way: Transition) => void;
};

function Lane({ type, state, search, total, may, takes, onDrag, onDrop, onMove }: LaneProps) {
  const list = useInfiniteQuery(records({ ...filterOf(search), state: state.id, sort: undefined }, 30));
  const siteList = useQuery(sites);
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const closed = state.kind === "done" || state.kind === "bad";
  return (
    <section
      className={`lane${closed ? " closed" : ""}${takes ? " takes" : ""}`}
      aria-label={t("records.lane", { state: state.title, count: total })}
      onDragOver={(event) => takes && event.preventDefault()}
      onDrop={onDrop}
    >
      <h2 title={state.help}>
        {state.title} <span className="quiet num">{count(total)}</span>
      </h2>
      <ul>
        {rows.map((row) => (
          <li
            key={row.id}
            className="card"
            draggable={may}
            onDragStart={() => onDrag(row)}
            onDragEnd={() => onDrag(undefined)}
          >
            <Link id={`card-${row.id}`} className="cardlink" to="/records/$id" params={{ id: row.id }}>
              {row.title}
            </Link>
            <div className="line small quiet">
              <span className="num">{row.ref}</span>
              {row.owner && <span>{row.owner.name}</span>}
              {!search.site && <span>{siteList.data?.items.find((s) => s.id === row.site_id)?.name}</span>}
              {row.due_at && !row.overdue && <span>{t("records.due_on", { date: date(row.due_at) })}</span>}
            </div>
            <div className="line">
              <Flags of={row} />
              {may && <Menu row={row} type={type} onMove={onMove} />}
            </div>
          </li>
        ))}
      </ul>
      {rows.length === 0 && list.isFetched && <p className="quiet small">{t("records.lane_empty")}</p>}
      <More of={list} />
    </section>
  );
}

type MenuProps = { row: RecordRow; type: RecordType; onMove: LaneProps["onMove"] };

/** The ways out of a card's state; a select, because every keyboard and screen reader knows one. */
function Menu({ row, type, onMove }: MenuProps) {
  const ways = waysOut(type, row.state, row.data);
  if (ways.length === 0 || row.approval === "waiting") return null;
  return (
    <select
      className="cardmove"
      aria-label={t("records.move", { ref: row.ref })}
      value=""
      onChange={(event) => {
        const way = ways.find((one) => one.id === event.target.value);
        if (way) onMove(row, way);
      }}
    >
      <option value="">{t("records.move_to")}</option>
      {ways.map((way) => (
        <option key={way.id} value={way.id}>
          {way.title}
          {needsMore(way) ? "…" : ""}
        </option>
      ))}
    </select>
  );
}

/** Arrow keys go from card to card: up and down in a lane, left and right between lanes. */
function walk(event: KeyboardEvent<HTMLDivElement>) {
  const link = event.target as HTMLElement;
  if (!link.classList.contains("cardlink")) return;
  const lanes = [...event.currentTarget.querySelectorAll(".lane")].map((lane) => [
    ...lane.querySelectorAll<HTMLElement>(".cardlink"),
  ]);
  const x = lanes.findIndex((lane) => lane.includes(link));
  const y = lanes[x]?.indexOf(link) ?? 0;
  const side = (step: number) => {
    for (let i = x + step; i >= 0 && i < lanes.length; i += step) {
      const lane = lanes[i] ?? [];
      if (lane.length > 0) return lane[Math.min(y, lane.length - 1)];
    }
    return undefined;
  };
  const next =
    event.key === "ArrowDown"
      ? lanes[x]?.[y + 1]
      : event.key === "ArrowUp"
        ? lanes[x]?.[y - 1]
        : event.key === "ArrowRight"
          ? side(1)
          : event.key === "ArrowLeft"
            ? side(-1)
            : undefined;
  if (!next) return;
  event.preventDefault();
  next.focus();
}
