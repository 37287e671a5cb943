import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../api/client";
import { changes } from "../api/desk";
import { t } from "../texts";
import "./desk.css";
import { ErrorNote } from "./page";
import { notify } from "./toast";

type Props = {
  /** Observed changes, by the number of the site and of the event. */
  events?: string[];
  /** A contradiction: its requirement; the company's where the site is empty. */
  requirement?: string;
  site: string;
  onDone?: () => void;
};

/** Who did it, why, and which change: one form closes an observed change and a contradiction. */
export function ExplainForm({ events = [], requirement, site, onDone }: Props) {
  const client = useQueryClient();
  const seen = events.length > 0;
  const [by, setBy] = useState<"record" | "emergency" | "none">(seen ? "record" : "none");
  const list = useQuery({ ...changes(site), enabled: by === "record" });
  const records = list.data?.items ?? [];
  const explain = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? "").trim();
      return answer(
        api.POST("/explanations", {
          body: {
            events: seen ? events : undefined,
            requirement,
            site: requirement ? site || undefined : undefined,
            who: text("who"),
            why: text("why"),
            record: by === "record" ? text("record") : undefined,
            emergency: by === "emergency" || undefined,
          },
        }),
      );
    },
    onSuccess: (out) => {
      notify(t("explain.done", { records: (out?.record_refs ?? []).join(", ") }));
      onDone?.();
    },
    onSettled: () => {
      for (const key of ["inbox", "since", "requirement", "posture", "records"])
        client.invalidateQueries({ queryKey: [key] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    explain.mutate(new FormData(event.currentTarget));
  };
  const ways = seen ? (["record", "emergency"] as const) : (["none", "record", "emergency"] as const);
  return (
    <form className="form" onSubmit={submit}>
      <label className="field">
        <span>{t("explain.who")}</span>
        <input className="input" name="who" required maxLength={200} autoComplete="off" />
      </label>
      <label className="field">
        <span>{t("explain.why")}</span>
        <textarea className="input" name="why" required maxLength={2000} rows={3} />
      </label>
      <fieldset className="choices">
        <legend className="small quiet">{t("explain.change")}</legend>
        {ways.map((w) => (
          <label key={w} className="check">
            <input type="radio" name="by" checked={by === w} onChange={() => setBy(w)} />
            <span>
              <b>{t(`explain.${w}`)}</b> <span className="quiet small">{t(`explain.${w}_why`)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {by === "record" && (
        <label className="field">
          <span>{t("explain.which")}</span>
          <input className="input" name="record" required list="explain-changes" placeholder="CHG-2026-0001" />
          <datalist id="explain-changes">
            {records.map((r) => (
              <option key={r.id} value={r.ref}>
                {r.title}
              </option>
            ))}
          </datalist>
        </label>
      )}
      {!seen && <p className="quiet small">{t("explain.lifts_not")}</p>}
      {explain.error && <ErrorNote error={explain.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={explain.isPending}>
          {t("explain.do")}
        </button>
      </div>
    </form>
  );
}
