import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Alert, Decision } from "../../api/alerts";
import { answer, api } from "../../api/client";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { PersonSelect } from "../../ui/people";

export type What = Decision["action"];

const asksReason: readonly What[] = ["shelve", "close", "comment", "explain"];
const spans = { h: 1, shift: 8, day: 24, week: 168, month: 720 } as const;
type Span = keyof typeof spans;
const outcomes = ["planned", "false_alarm", "handled", "incident"] as const;

/** One decision about one alert; acknowledging several of one cause is one decision too. */
export function Decide({ alert, what, onClose }: { alert: Alert; what: What; onClose: () => void }) {
  const client = useQueryClient();
  const [span, setSpan] = useState<Span>("day");
  const [owner, setOwner] = useState(alert.owner_id);
  const [deputy, setDeputy] = useState(alert.deputy_id);
  const decide = useMutation({
    mutationFn: (body: Decision) =>
      answer(
        api.PATCH("/alerts/{id}", {
          params: { path: { id: alert.id }, header: { "If-Match": alert.etag } },
          body,
        }),
      ),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries({ queryKey: ["alerts"] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const reason = String(form.get("reason") ?? "").trim();
    const body: Decision = { action: what };
    if (reason) body.reason = reason;
    if (what === "shelve") body.until = new Date(Date.now() + spans[span] * 3_600_000).toISOString();
    if (what === "close") body.outcome = String(form.get("outcome")) as Decision["outcome"];
    if (what === "assign") {
      body.owner = owner;
      body.deputy = deputy;
    }
    decide.mutate(body);
  };
  return (
    <Dialog title={t(`alerts.do_${what}`)} onClose={onClose} kind="box">
      <form className="form" onSubmit={submit}>
        <p>
          <strong>{alert.title}</strong>
        </p>
        <p className="quiet">{t(`alerts.about_${what}`)}</p>
        {what === "shelve" && (
          <label className="field">
            <span>{t("alerts.until")}</span>
            <select className="input" value={span} onChange={(event) => setSpan(event.target.value as Span)}>
              {(Object.keys(spans) as Span[]).map((s) => (
                <option key={s} value={s}>
                  {t(`alerts.span_${s}`)}
                </option>
              ))}
            </select>
          </label>
        )}
        {what === "close" && (
          <fieldset className="choices">
            <legend className="small quiet">{t("alerts.outcome")}</legend>
            {outcomes.map((o) => (
              <label key={o} className="check">
                <input type="radio" name="outcome" value={o} required defaultChecked={o === "handled"} />
                <span>{t(`alerts.outcome_${o}`)}</span>
              </label>
            ))}
          </fieldset>
        )}
        {what === "assign" && (
          <>
            <div className="field">
              <label htmlFor="alert-owner">{t("alerts.owner")}</label>
              <PersonSelect id="alert-owner" value={owner} onPick={setOwner} />
            </div>
            <div className="field">
              <label htmlFor="alert-deputy">{t("alerts.deputy")}</label>
              <PersonSelect id="alert-deputy" value={deputy} onPick={setDeputy} />
            </div>
          </>
        )}
        {asksReason.includes(what) && (
          <label className="field">
            <span>{t(what === "explain" ? "alerts.who_why" : "alerts.reason")}</span>
            <textarea className="input" name="reason" required maxLength={2000} rows={3} />
          </label>
        )}
        {decide.error && <ErrorNote error={decide.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={decide.isPending}>
            {t(`alerts.do_${what}`)}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
