import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, sentence } from "../../ui/page";
import { notify } from "../../ui/toast";

type Props = { chosen: ReadonlySet<string>; onDone: () => void };
type Decision = { state: "accepted" | "rejected"; reason?: string };

const atOnce = 1000;

/** Decides about the ticked assets together; each keeps it in its own history, the audit log has it once. */
export function Bulk({ chosen, onDone }: Props) {
  const client = useQueryClient();
  const [rejecting, setRejecting] = useState(false);
  const decide = useMutation({
    mutationFn: async (decision: Decision) => {
      const ids = [...chosen];
      let changed = 0;
      for (let i = 0; i < ids.length; i += atOnce) {
        const body = { ...decision, ids: ids.slice(i, i + atOnce) };
        changed += (await answer(api.POST("/assets/decide", { body })))?.changed ?? 0;
      }
      return changed;
    },
    onSuccess: (changed, { state }) => {
      notify(t(state === "accepted" ? "assets.accepted" : "assets.rejected", { count: changed }));
      setRejecting(false);
      onDone();
    },
    onError: (error) => {
      if (!rejecting) notify(sentence(error));
    },
    onSettled: () => {
      for (const key of ["asset", "assets", "facets", "sites", "posture"])
        client.invalidateQueries({ queryKey: [key] });
    },
  });
  if (chosen.size === 0) return null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    decide.mutate({ state: "rejected", reason: String(new FormData(event.currentTarget).get("reason") ?? "") });
  };
  return (
    <>
      <button
        type="button"
        className="btn primary"
        disabled={decide.isPending}
        onClick={() => decide.mutate({ state: "accepted" })}
      >
        {t("assets.accept", { count: chosen.size })}
      </button>
      <button type="button" className="btn" disabled={decide.isPending} onClick={() => setRejecting(true)}>
        {t("assets.reject")}
      </button>
      {rejecting && (
        <Dialog title={t("assets.reject_title", { count: chosen.size })} kind="box" onClose={() => setRejecting(false)}>
          <form className="form" onSubmit={submit}>
            <p className="quiet">{t("assets.reject_why")}</p>
            <div className="field">
              <label htmlFor="reject-reason">{t("field.reason")}</label>
              <input className="input" id="reject-reason" name="reason" required maxLength={500} />
            </div>
            {decide.error && <ErrorNote error={decide.error} />}
            <div className="line">
              <button type="submit" className="btn primary" disabled={decide.isPending}>
                {t("assets.reject_do", { count: chosen.size })}
              </button>
              <button type="button" className="btn" onClick={() => setRejecting(false)}>
                {t("common.cancel")}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
