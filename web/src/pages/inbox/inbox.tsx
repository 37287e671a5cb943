import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type Entry, inbox, inboxCounts } from "../../api/desk";
import { session } from "../../api/queries";
import { t, word } from "../../texts";
import { Mark, type Priority } from "../../ui/mark";
import { More } from "../../ui/more";
import { Ask, Empty, Page } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { Ago } from "../../ui/when";
import "./inbox.css";
import { ItemView } from "./item";

const priority: Record<string, Priority> = { now: 1, today: 2, "this-week": 3, information: 4 };
export const markOf = (severity: string): Priority => priority[severity] ?? 4;
const severities = ["now", "today", "this-week", "information"];
const states = ["open", "snoozed", "done"] as const;

/** What asks for a person: the list, and beside it the one that is open, with its one primary action. */
export default function InboxPage() {
  const search = useSearch({ from: "/inbox" });
  const navigate = useNavigate({ from: "/inbox" });
  const counts = useQuery(inboxCounts);
  const who = useQuery(session);
  // A visitor of the example is nobody in the company: they see what all are asked.
  const whose = search.whose ?? (who.data?.demo ? "all" : "mine");
  const { item, ...filter } = search;
  const list = useInfiniteQuery(inbox({ ...filter, whose }));
  const set = (change: Partial<typeof search>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const n = counts.data;
  const tabs = [
    { id: "mine", n: n?.mine },
    { id: "role", n: n?.role },
    { id: "all", n: n?.all },
  ] as const;
  return (
    <Page
      title={t("inbox.title")}
      sub={n && n.overdue > 0 ? t("inbox.overdue", { count: n.overdue }) : undefined}
      actions={
        <Link className="btn" to="/on-call">
          {t("oncall.title")}
        </Link>
      }
    >
      <div className="line tools">
        <fieldset className="tabs whose">
          <legend className="hidden">{t("inbox.whose")}</legend>
          {tabs.map((tab) => (
            <button
              key={tab.id}
              type="button"
              aria-pressed={whose === tab.id}
              onClick={() => set({ whose: tab.id, item: undefined })}
            >
              {t(`inbox.${tab.id}`)} <small className="num">{tab.n ?? ""}</small>
            </button>
          ))}
        </fieldset>
        <SitePicker all value={search.site ?? ""} onPick={(site) => set({ site: site || undefined })} />
        <Choose
          label={t("inbox.kind")}
          value={search.kind}
          options={Object.keys(n?.kinds ?? {}).sort()}
          group="inbox_kind"
          onPick={(kind) => set({ kind })}
        />
        <Choose
          label={t("inbox.severity")}
          value={search.severity}
          options={severities}
          group="inbox_severity"
          onPick={(severity) => set({ severity })}
        />
        <Choose
          label={t("inbox.due")}
          value={search.due}
          options={["overdue", "today", "week"]}
          group="inbox_due"
          onPick={(due) => set({ due })}
        />
        <label className="line">
          <span className="quiet small">{t("inbox.state")}</span>
          <select
            className="input picker"
            value={search.state ?? "open"}
            onChange={(event) => set({ state: event.target.value === "open" ? undefined : event.target.value })}
          >
            {states.map((state) => (
              <option key={state} value={state}>
                {word("inbox_state", state)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className={item ? "inbox chosen" : "inbox"}>
        <Ask of={list}>
          {(data) => {
            const rows = data.pages.flatMap((page) => page.items);
            return rows.length === 0 ? (
              <Empty
                title={t(search.state === "snoozed" || search.state === "done" ? "inbox.none_such" : "inbox.none")}
              >
                <p className="quiet">{t("inbox.none_why")}</p>
              </Empty>
            ) : (
              <div className="panel rows">
                <ul aria-label={t("inbox.title")}>
                  {rows.map((row) => (
                    <Row key={row.id} row={row} open={row.id === item} onOpen={() => set({ item: row.id })} />
                  ))}
                </ul>
                <More of={list} />
              </div>
            );
          }}
        </Ask>
        {item && <ItemView key={item} id={item} onClose={() => set({ item: undefined })} />}
      </div>
    </Page>
  );
}

function Row({ row, open, onOpen }: { row: Entry; open: boolean; onOpen: () => void }) {
  const asked = row.user.name || (row.role ? word("role", row.role) : "");
  return (
    <li>
      <button
        type="button"
        className={row.seen || row.done_at ? "entry" : "entry unseen"}
        aria-current={open || undefined}
        onClick={onOpen}
      >
        <Mark priority={markOf(row.severity)} />
        <span className="what">
          <b>{row.title}</b>
          <span className="quiet small">
            {[row.site, word("inbox_kind", row.kind), asked].filter(Boolean).join(" · ")}
          </span>
        </span>
        <Due row={row} />
      </button>
    </li>
  );
}

export function Due({ row }: { row: Entry }) {
  if (row.done_at)
    return (
      <small className="quiet due">
        <Ago at={row.done_at} full />
      </small>
    );
  if (!row.due_at) return <small className="due" />;
  if (!row.overdue)
    return <small className="quiet due num nowrap">{t("inbox.due_in", { time: until(row.due_at) })}</small>;
  return (
    <small className="due p2-ink strong">
      {t("inbox.late")} <Ago at={row.due_at} />
    </small>
  );
}

/** How long until then, in one unit. */
export function until(at: string): string {
  const minutes = Math.max(0, Math.round((Date.parse(at) - Date.now()) / 60_000));
  if (minutes < 90) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

type ChooseProps = {
  label: string;
  value: string | undefined;
  options: string[];
  group: "inbox_kind" | "inbox_severity" | "inbox_due";
  onPick: (value: string | undefined) => void;
};

function Choose({ label, value, options, group, onPick }: ChooseProps) {
  return (
    <label className="line">
      <span className="quiet small">{label}</span>
      <select
        className="input picker"
        value={value ?? ""}
        onChange={(event) => onPick(event.target.value || undefined)}
      >
        <option value="">{t("common.all")}</option>
        {options.map((o) => (
          <option key={o} value={o}>
            {group === "inbox_kind"
              ? word("inbox_kind", o)
              : group === "inbox_due"
                ? word("inbox_due", o)
                : word("inbox_severity", o)}
          </option>
        ))}
      </select>
    </label>
  );
}
