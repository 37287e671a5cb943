import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { answer, api } from "../../api/client";
import { type Absence, away, type Colleague, people } from "../../api/desk";
import { useMay } from "../../api/may";
import { session } from "../../api/queries";
import { t, word } from "../../texts";
import { date } from "../../ui/format";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";
import { dayIn, endOfDay } from "./day";

/** "I am away from … to …, and this colleague stands in." */
export function AwayTab() {
  const mine = useQuery(away);
  const who = useQuery(session);
  const staff = useQuery({ ...people(""), enabled: useMay("record:read") });
  const others = (staff.data?.items ?? []).filter((p) => p.id !== who.data?.user?.id);
  return (
    <div className="stack">
      <Ask of={mine}>
        {(a) => (
          <>
            <NewAbsence staff={others} />
            <Deputy staff={others} now={a.deputy.id} />
            <Panel title={t("away.mine")}>
              <List of={a.absences} />
            </Panel>
            <Panel title={t("away.standing_in")}>
              <List of={a.standing_in} theirs />
            </Panel>
          </>
        )}
      </Ask>
    </div>
  );
}

function Staff({ staff, empty }: { staff: Colleague[]; empty: string }) {
  return (
    <>
      <option value="">{empty}</option>
      {staff.map((p) => (
        <option key={p.id} value={p.id}>
          {p.name}, {word("role", p.role)}
        </option>
      ))}
    </>
  );
}

function NewAbsence({ staff }: { staff: Colleague[] }) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (form: FormData) =>
      answer(
        api.POST("/away/absences", {
          body: {
            deputy: String(form.get("deputy")),
            from_at: new Date(`${form.get("from")}T00:00`).toISOString(),
            to_at: endOfDay(String(form.get("to"))),
            note: String(form.get("note") ?? "").trim() || undefined,
          },
        }),
      ),
    onSuccess: () => notify(t("away.added")),
    onSettled: () => {
      for (const key of ["away", "inbox", "people"]) client.invalidateQueries({ queryKey: [key] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate(new FormData(event.currentTarget));
  };
  return (
    <Panel title={t("away.title")}>
      <form className="form" onSubmit={submit}>
        <p className="quiet small">{t("away.lead")}</p>
        <div className="line">
          <label className="field">
            <span>{t("away.from")}</span>
            <input className="input" type="date" name="from" required defaultValue={dayIn(0)} />
          </label>
          <label className="field">
            <span>{t("away.to")}</span>
            <input className="input" type="date" name="to" required min={dayIn(0)} defaultValue={dayIn(7)} />
          </label>
        </div>
        <label className="field">
          <span>{t("away.deputy")}</span>
          <select className="input" name="deputy" required defaultValue="">
            <Staff staff={staff} empty={t("inbox.choose_person")} />
          </select>
        </label>
        <label className="field">
          <span>{t("away.note")}</span>
          <input className="input" name="note" maxLength={200} />
        </label>
        {add.error && <ErrorNote error={add.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={add.isPending}>
            {t("away.add")}
          </button>
        </div>
      </form>
    </Panel>
  );
}

function Deputy({ staff, now }: { staff: Colleague[]; now: string }) {
  const client = useQueryClient();
  const put = useMutation({
    mutationFn: (user: string) => answer(api.PUT("/away/deputy", { body: { user } })),
    onSuccess: () => notify(t("away.deputy_set")),
    onSettled: () => client.invalidateQueries({ queryKey: ["away"] }),
  });
  return (
    <Panel title={t("away.always")}>
      <label className="field">
        <span>{t("away.always_why")}</span>
        <select
          className="input"
          value={now}
          disabled={put.isPending}
          onChange={(event) => put.mutate(event.target.value)}
        >
          <Staff staff={staff} empty={t("away.nobody")} />
        </select>
      </label>
      {put.error && <ErrorNote error={put.error} />}
    </Panel>
  );
}

function List({ of, theirs = false }: { of: Absence[]; theirs?: boolean }) {
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: (id: string) => api.DELETE("/away/absences/{id}", { params: { path: { id } } }),
    onSettled: () => {
      for (const key of ["away", "inbox", "people"]) client.invalidateQueries({ queryKey: [key] });
    },
  });
  if (of.length === 0) return <p className="quiet small">{t("away.no_absence")}</p>;
  return (
    <ul className="stack">
      {of.map((a) => (
        <li key={a.id} className="line">
          {theirs && <b>{a.user.name}</b>}
          <span className="num">{t("away.until", { from: date(a.from_at), to: date(a.to_at) })}</span>
          {!theirs && <span className="quiet">{t("away.by", { deputy: a.deputy.name })}</span>}
          {a.now && <span className="tag">{t("away.now")}</span>}
          {a.ended_at && <span className="quiet small">{t("away.ended")}</span>}
          {!theirs && !a.ended_at && Date.parse(a.to_at) > Date.now() && (
            <button
              type="button"
              className="btn small"
              disabled={end.isPending}
              aria-label={`${t("away.end")}: ${date(a.from_at)}`}
              onClick={() => end.mutate(a.id)}
            >
              {t("away.end")}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
