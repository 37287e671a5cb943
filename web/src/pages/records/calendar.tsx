import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { sites } from "../../api/queries";
import { type CalendarItem, type RecordType, recordCalendar, recordTypes } from "../../api/records";
import { noun, t, word } from "../../texts";
import { date, dateTime } from "../../ui/format";
import { Ask, Empty, ErrorNote, Page } from "../../ui/page";
import { StateTag } from "../../ui/record-state";
import type { Search } from "../../ui/search";
import { SitePicker } from "../../ui/site-picker";
import { useNow } from "../../ui/when";
import { boundsOf, type Day, monthKey, monthOf, runsOn, shift, weeksOf } from "./month";
import { useAllowed } from "./use-type";
import { Ways } from "./ways";
import "./records.css";
import "./calendar.css";

const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const monthName = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric" });

/** When things happen and when they are due: windows, plant states, reviews, actions; of one type or of all. */
export default function CalendarPage() {
  const types = useQuery(recordTypes);
  return <Ask of={types}>{(data) => <Calendar types={data.items} />}</Ask>;
}

function Calendar({ types }: { types: RecordType[] }) {
  const search: Search = useSearch({ from: "/records/calendar" });
  const navigate = useNavigate({ from: "/records/calendar" });
  const now = new Date(useNow());
  const month = monthOf(search.month, now);
  const weeks = weeksOf(month, now);
  const type = types.find((one) => one.id === search.type);
  const answer = useQuery(recordCalendar({ ...boundsOf(weeks), type: type?.id, site: search.site }));
  const may = useAllowed(type?.write);
  const items = answer.data?.items ?? [];
  const set = (change: Search) => navigate({ search: (old: Search) => ({ ...old, ...change }), replace: true });
  const list = search.as === "list";
  return (
    <Page
      title={type ? type.plural : t("records.calendar")}
      crumbs={<Link to="/records">{t("records.title")}</Link>}
      sub={type ? "" : t("records.calendar_lead")}
      actions={
        type &&
        may && (
          <Link
            className="btn primary"
            to="/records/new"
            search={{ type: type.id, ...(search.site && { site: search.site }) }}
          >
            {type.texts.new || t("records.new", { type: noun(type.title) })}
          </Link>
        )
      }
    >
      {type && <Ways type={type} search={search} at="calendar" />}
      <div className="line tools caltools">
        <span className="line">
          <button
            type="button"
            className="btn"
            aria-label={t("records.month_before")}
            onClick={() => set({ month: monthKey(shift(month, -1)) })}
          >
            ←
          </button>
          <h2 aria-live="polite">{monthName.format(month)}</h2>
          <button
            type="button"
            className="btn"
            aria-label={t("records.month_after")}
            onClick={() => set({ month: monthKey(shift(month, 1)) })}
          >
            →
          </button>
          <button type="button" className="btn plain" onClick={() => set({ month: "" })}>
            {t("records.today")}
          </button>
        </span>
        <SitePicker all value={search.site ?? ""} onPick={(site) => set({ site })} />
        {!type && (
          <label className="line">
            <span className="quiet small">{t("records.type")}</span>
            <select className="input picker" value="" onChange={(event) => set({ type: event.target.value })}>
              <option value="">{t("common.all")}</option>
              {types
                .filter((one) => one.calendar)
                .map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.plural}
                  </option>
                ))}
            </select>
          </label>
        )}
        <span className="line switch">
          <button type="button" className="btn small" aria-pressed={!list} onClick={() => set({ as: "" })}>
            {t("records.by_month")}
          </button>
          <button type="button" className="btn small" aria-pressed={list} onClick={() => set({ as: "list" })}>
            {t("records.as_list")}
          </button>
        </span>
      </div>
      {answer.error && <ErrorNote error={answer.error} retry={() => answer.refetch()} />}
      {answer.data && items.length === 0 && list && (
        <Empty title={t("records.nothing_planned", { month: monthName.format(month) })} />
      )}
      {list ? <Agenda items={items} types={types} /> : <Month weeks={weeks} items={items} types={types} />}
    </Page>
  );
}

const most = 3;

function Month({ weeks, items, types }: { weeks: Day[][]; items: CalendarItem[]; types: RecordType[] }) {
  return (
    <table className="month">
      <thead>
        <tr>
          {weekdays.map((day) => (
            <th key={day} scope="col">
              {word("weekday", day)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map((week) => (
          <tr key={week[0]?.key}>
            {week.map((day) => {
              const here = items.filter((item) => runsOn(item, day.key));
              return (
                <td key={day.key} className={`${day.inside ? "" : "outside"}${day.today ? " today" : ""}`}>
                  <time dateTime={day.key} className="num">
                    {day.day}
                    {day.today && <span className="hidden"> {t("records.today")}</span>}
                  </time>
                  <ul>
                    {here.slice(0, most).map((item) => (
                      <Chip key={item.id + item.from} item={item} day={day} types={types} />
                    ))}
                  </ul>
                  {here.length > most && (
                    <details>
                      <summary className="small quiet">
                        {t("records.more_of_day", { count: here.length - most })}
                      </summary>
                      <ul>
                        {here.slice(most).map((item) => (
                          <Chip key={item.id + item.from} item={item} day={day} types={types} />
                        ))}
                      </ul>
                    </details>
                  )}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Chip({ item, day, types }: { item: CalendarItem; day: Day; types: RecordType[] }) {
  const type = types.find((one) => one.id === item.type);
  const kind = type?.states.find((s) => s.id === item.state)?.kind ?? "open";
  const span = runsOn(item, day.key) && item.to !== item.from;
  return (
    <li>
      <Link
        className={`chip ${kind}${span ? " span" : ""}`}
        to="/records/$id"
        params={{ id: item.id }}
        title={`${item.ref} ${item.title}: ${dateTime(item.from)}${item.to && item.to !== item.from ? ` – ${dateTime(item.to)}` : ""}`}
      >
        <span className="quiet num">{type?.prefix ?? ""}</span> {item.title}
      </Link>
    </li>
  );
}

/** The same as a list, in the order of time: for a phone, for print, for a screen reader. */
function Agenda({ items, types }: { items: CalendarItem[]; types: RecordType[] }) {
  const siteList = useQuery(sites);
  if (items.length === 0) return null;
  return (
    <div className="panel">
      <ul className="agenda">
        {[...items]
          .sort((a, b) => a.from.localeCompare(b.from))
          .map((item) => {
            const type = types.find((one) => one.id === item.type);
            return (
              <li key={item.id + item.from}>
                <span className="num">
                  {item.to && item.to !== item.from ? `${dateTime(item.from)} – ${dateTime(item.to)}` : date(item.from)}
                </span>
                <span>
                  <Link to="/records/$id" params={{ id: item.id }}>
                    {item.title}
                  </Link>{" "}
                  <span className="quiet small">
                    {type?.title} · <span className="num">{item.ref}</span>
                    {item.site_id && ` · ${siteList.data?.items.find((s) => s.id === item.site_id)?.name ?? ""}`}
                  </span>
                </span>
                <StateTag type={type} state={item.state} />
              </li>
            );
          })}
      </ul>
    </div>
  );
}
