import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../api/client";
import { people } from "../api/desk";
import { t, word } from "../texts";
import "./desk.css";
import { ErrorNote } from "./page";
import { notify } from "./toast";

type Choice = "accept" | "visitor" | "ask" | "block";
const choices: Choice[] = ["accept", "visitor", "ask", "block"];
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** One form for what a person says of new devices: belongs here, visits, ask somebody, must go. */
export function DecideNew({ ids, site, onDone }: { ids: string[]; site: string; onDone?: () => void }) {
  const client = useQueryClient();
  const [choice, setChoice] = useState<Choice>("accept");
  const staff = useQuery({ ...people(site), enabled: choice === "ask" });
  const decide = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? "").trim();
      return answer(
        api.POST("/assets/decision", {
          body: {
            ids,
            decision: choice,
            until: choice === "visitor" ? `${text("until")}T23:59:59Z` : undefined,
            person: choice === "ask" ? text("person") : undefined,
            question: choice === "ask" ? text("question") : undefined,
            reason: choice === "ask" ? undefined : text("reason") || undefined,
          },
        }),
      );
    },
    onSuccess: () => {
      notify(t(`decide.done_${choice}`, { count: ids.length }));
      onDone?.();
    },
    onSettled: () => {
      for (const key of ["inbox", "asset", "assets", "facets", "sites", "posture", "since"])
        client.invalidateQueries({ queryKey: [key] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    decide.mutate(new FormData(event.currentTarget));
  };
  return (
    <form className="form decide" onSubmit={submit}>
      <fieldset className="choices">
        <legend className="hidden">{t("decide.title", { count: ids.length })}</legend>
        {choices.map((c) => (
          <label key={c} className="check">
            <input type="radio" name="decision" value={c} checked={choice === c} onChange={() => setChoice(c)} />
            <span>
              <b>{t(`decide.${c}`)}</b> <span className="quiet small">{t(`decide.${c}_why`)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {choice === "visitor" && (
        <label className="field">
          <span>{t("decide.until")}</span>
          <input className="input" type="date" name="until" required min={inDays(0)} defaultValue={inDays(7)} />
        </label>
      )}
      {choice === "ask" ? (
        <>
          <label className="field">
            <span>{t("decide.person")}</span>
            <select className="input" name="person" required defaultValue="">
              <option value="" disabled>
                {t("inbox.choose_person")}
              </option>
              {(staff.data?.items ?? []).map((p) => (
                <option key={p.id} value={p.id}>
                  {p.name}, {word("role", p.role)}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("decide.question")}</span>
            <textarea className="input" name="question" required maxLength={500} rows={2} />
          </label>
        </>
      ) : (
        <label className="field">
          <span>{t(choice === "block" ? "decide.reason_needed" : "decide.reason")}</span>
          <input className="input" name="reason" maxLength={500} required={choice === "block"} />
        </label>
      )}
      {decide.error && <ErrorNote error={decide.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={decide.isPending || ids.length === 0}>
          {t(`decide.do_${choice}`, { count: ids.length })}
        </button>
      </div>
    </form>
  );
}
