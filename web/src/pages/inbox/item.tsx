import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { answer, api } from "../../api/client";
import { type EntryDetail, inboxItem, newDevices, people } from "../../api/desk";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { DecideNew } from "../../ui/decide-new";
import { ExplainForm } from "../../ui/explain";
import { dateTime } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { Ask, ErrorNote } from "../../ui/page";
import { hrefOf } from "../../ui/target";
import { notify } from "../../ui/toast";
import { When } from "../../ui/when";
import { Due, markOf } from "./inbox";

/** One item: what is asked, its one action, and what happened to it. */
export function ItemView({ id, onClose }: { id: string; onClose: () => void }) {
  const client = useQueryClient();
  const one = useQuery(inboxItem(id));
  const head = useRef<HTMLHeadingElement>(null);
  const loaded = one.data?.id;
  const unseen = one.data?.seen === false;
  // To have opened it is the receipt.
  useEffect(() => {
    if (!loaded || !unseen) return;
    api
      .POST("/inbox/{id}/seen", { params: { path: { id: loaded } } })
      .then(() => client.invalidateQueries({ queryKey: ["inbox"] }))
      .catch(() => undefined);
  }, [loaded, unseen, client]);
  useEffect(() => {
    if (loaded) head.current?.focus({ preventScroll: true });
  }, [loaded]);
  return (
    <section className="panel item" aria-label={t("inbox.item")}>
      <button type="button" className="btn small back" onClick={onClose}>
        {t("inbox.back")}
      </button>
      <Ask of={one}>
        {(item) => (
          <>
            <header className="about">
              <Mark priority={markOf(item.severity)} />
              <h2 ref={head} tabIndex={-1}>
                {item.title}
              </h2>
              <Due row={item} />
            </header>
            <p>{item.detail}</p>
            <Act item={item} onDone={onClose} />
            {!item.done_at && <Aside item={item} />}
            <Story item={item} />
          </>
        )}
      </Ask>
    </section>
  );
}

/** The one primary action. */
function Act({ item, onDone }: { item: EntryDetail; onDone: () => void }) {
  const mayAssets = useMay("asset:write");
  const mayRecords = useMay("record:write");
  if (item.done_at)
    return (
      <p className="outcome">
        <b>{word("inbox_outcome", item.outcome)}</b>
        {item.comment && `: ${item.comment}`}
      </p>
    );
  const open = <Open item={item} />;
  switch (item.action) {
    case "decide":
      if (item.ref.kind === "new-devices" && mayAssets) return <Several site={item.ref.id} onDone={onDone} />;
      if (item.ref.kind === "asset" && mayAssets)
        return (
          <>
            <p>{open}</p>
            <DecideNew ids={[item.ref.id]} site={item.site_id} onDone={onDone} />
          </>
        );
      return <p>{open}</p>;
    case "explain":
      return (
        <>
          <p>{open}</p>
          {mayRecords &&
            (item.ref.kind === "event" ? (
              <ExplainForm events={[item.ref.id]} site={item.site_id} onDone={onDone} />
            ) : (
              <ExplainForm requirement={item.ref.id} site={item.site_id} onDone={onDone} />
            ))}
        </>
      );
    case "approve":
      return <p>{open}</p>;
    default:
      return (
        <>
          <p>{open}</p>
          <AnswerForm item={item} onDone={onDone} />
        </>
      );
  }
}

const opens = new Set([
  "asset",
  "requirement",
  "source",
  "capture",
  "conversation",
  "record",
  "site",
  "zone",
  "alert",
  "log-source",
]);

function Open({ item }: { item: EntryDetail }) {
  const { kind, id } = item.ref;
  if (kind === "user" || kind === "token" || kind === "installation")
    return <Go href="/settings">{t("settings.title")}</Go>;
  if (!opens.has(kind) || !id) return null;
  const href = kind === "record" ? `/records/${encodeURIComponent(id)}` : hrefOf(kind, id, item.site_id);
  return <Go href={href}>{t("inbox.open", { what: word("kind", kind) })}</Go>;
}

/** Several new devices in one decision; each can be left for later. */
function Several({ site, onDone }: { site: string; onDone: () => void }) {
  const list = useQuery(newDevices(site));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  return (
    <Ask of={list}>
      {(page) => {
        const ids = page.items.map((a) => a.id).filter((id) => !left.has(id));
        const toggle = (id: string) => {
          const next = new Set(left);
          if (!next.delete(id)) next.add(id);
          setLeft(next);
        };
        return (
          <>
            <fieldset className="devices">
              <legend className="quiet small">{t("decide.which", { count: page.items.length })}</legend>
              {page.items.map((a) => (
                <label key={a.id} className="check">
                  <input type="checkbox" checked={!left.has(a.id)} onChange={() => toggle(a.id)} />
                  <span className="cut">
                    <Go href={hrefOf("asset", a.id)}>{a.name || a.ips?.[0] || a.macs?.[0]}</Go>{" "}
                    <span className="quiet small">{[a.vendor, a.model, a.zone?.name].filter(Boolean).join(" · ")}</span>
                  </span>
                </label>
              ))}
            </fieldset>
            <DecideNew ids={ids} site={site} onDone={onDone} />
          </>
        );
      }}
    </Ask>
  );
}

/** What is done with an item: the server is asked, the lists are asked anew. */
function useAct(call: (form: FormData) => Promise<unknown>, said: string, onDone?: () => void) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: call,
    onSuccess: () => {
      notify(said);
      onDone?.();
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["inbox"] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    act.mutate(new FormData(event.currentTarget));
  };
  return { act, submit };
}

const field = (form: FormData, name: string) => String(form.get(name) ?? "").trim();

function AnswerForm({ item, onDone }: { item: EntryDetail; onDone: () => void }) {
  const question = item.action === "answer";
  const { act, submit } = useAct(
    (form) =>
      answer(
        api.POST("/inbox/{id}/answer", {
          params: { path: { id: item.id } },
          body: { comment: field(form, "comment") || undefined },
        }),
      ),
    t("inbox.answered"),
    onDone,
  );
  return (
    <form className="form" onSubmit={submit}>
      <label className="field">
        <span>{t(question ? "inbox.answer" : "inbox.comment")}</span>
        <textarea className="input" name="comment" rows={question ? 3 : 2} maxLength={2000} required={question} />
      </label>
      {act.error && <ErrorNote error={act.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={act.isPending}>
          {t(question ? "inbox.send" : "inbox.done")}
        </button>
      </div>
    </form>
  );
}

function Fold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="fold">
      <summary>{title}</summary>
      {children}
    </details>
  );
}

/** To put it aside, or give it to somebody. */
function Aside({ item }: { item: EntryDetail }) {
  const staff = useQuery({ ...people(item.site_id), enabled: useMay("record:read") });
  const snooze = useAct(
    (form) =>
      answer(
        api.POST("/inbox/{id}/snooze", {
          params: { path: { id: item.id } },
          body: {
            until: new Date(Date.now() + Number(field(form, "hours")) * 3_600_000).toISOString(),
            reason: field(form, "reason"),
          },
        }),
      ),
    t("inbox.snoozed"),
  );
  const give = useAct(
    (form) =>
      answer(
        api.POST("/inbox/{id}/hand-over", {
          params: { path: { id: item.id } },
          body: { user: field(form, "user"), note: field(form, "note") || undefined },
        }),
      ),
    t("inbox.handed"),
  );
  const hours = item.severity === "now" ? [1, 2, 4] : [1, 4, 24, 72, 168];
  return (
    <div className="aside">
      <Fold title={t("inbox.snooze")}>
        <form className="form" onSubmit={snooze.submit}>
          <label className="field">
            <span>{t("inbox.for")}</span>
            <select className="input" name="hours" defaultValue={hours[1]}>
              {hours.map((h) => (
                <option key={h} value={h}>
                  {h < 24 ? t("inbox.hours", { count: h }) : t("inbox.days", { count: h / 24 })}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("inbox.why_wait")}</span>
            <input className="input" name="reason" required maxLength={500} />
          </label>
          {snooze.act.error && <ErrorNote error={snooze.act.error} />}
          <button type="submit" className="btn" disabled={snooze.act.isPending}>
            {t("inbox.snooze_do")}
          </button>
        </form>
      </Fold>
      <Fold title={t("inbox.hand_over")}>
        <form className="form" onSubmit={give.submit}>
          <label className="field">
            <span>{t("inbox.to")}</span>
            <select className="input" name="user" required defaultValue="">
              <option value="" disabled>
                {t("inbox.choose_person")}
              </option>
              {(staff.data?.items ?? []).map((p) => (
                <option key={p.id} value={p.id}>
                  {p.name}, {word("role", p.role)}
                  {p.away_until ? ` (${t("inbox.is_away", { deputy: p.deputy })})` : ""}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("inbox.note")}</span>
            <input className="input" name="note" maxLength={500} />
          </label>
          {give.act.error && <ErrorNote error={give.act.error} />}
          <button type="submit" className="btn" disabled={give.act.isPending}>
            {t("inbox.hand_over_do")}
          </button>
        </form>
      </Fold>
    </div>
  );
}

/** Whom it reached and who saw it. */
function Story({ item }: { item: EntryDetail }) {
  return (
    <dl className="facts story">
      <dt>{t("inbox.asked")}</dt>
      <dd>{item.asked.map((a) => a.name).join(", ") || (item.role ? word("role", item.role) : t("common.unknown"))}</dd>
      <dt>{t("inbox.since")}</dt>
      <dd>
        <When at={item.opened_at} />
      </dd>
      {item.due_at && (
        <>
          <dt>{t("inbox.due")}</dt>
          <dd>{dateTime(item.due_at)}</dd>
        </>
      )}
      {item.snoozed_until && (
        <>
          <dt>{t("inbox.aside_until")}</dt>
          <dd>{dateTime(item.snoozed_until)}</dd>
        </>
      )}
      {item.steps.length > 0 && (
        <>
          <dt>{t("inbox.steps")}</dt>
          <dd>
            <ol>
              {item.steps.map((s) => (
                <li key={`${s.at} ${s.kind}`}>
                  <When at={s.at} /> {word("inbox_step", s.kind)}
                  {(s.to.name || s.to_role) && <> → {s.to.name || word("role", s.to_role)}</>}
                  {s.by.name && <span className="quiet"> · {s.by.name}</span>}
                  {s.note && <span className="quiet"> · {s.note}</span>}
                </li>
              ))}
            </ol>
          </dd>
        </>
      )}
      {item.done_at && item.done_by.name && (
        <>
          <dt>{t("inbox.done")}</dt>
          <dd>
            <When at={item.done_at} />{" "}
            {item.done_for.name
              ? t("inbox.done_for", { by: item.done_by.name, person: item.done_for.name })
              : item.done_by.name}
          </dd>
        </>
      )}
      <dt>{t("inbox.receipts")}</dt>
      <dd>
        {item.receipts.length === 0
          ? t("inbox.nobody_yet")
          : item.receipts.map((r) => `${r.name}, ${dateTime(r.at)}`).join("; ")}
      </dd>
    </dl>
  );
}
