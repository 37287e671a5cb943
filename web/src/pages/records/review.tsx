import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { reviewRecord } from "../../api/records";
import { t } from "../../texts";
import { date } from "../../ui/format";
import { ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";

/** When it was looked at last, when it is again, and the button that says it still holds. */
export function Review({ record, may }: Shown) {
  const refresh = useRefresh();
  const [comment, setComment] = useState("");
  const [open, setOpen] = useState(false);
  const schedule = record.schedule;
  const review = useMutation({
    mutationFn: () => reviewRecord(record.id, comment.trim()),
    onSuccess: async () => {
      notify(t("records.reviewed"));
      setOpen(false);
      setComment("");
      await refresh();
    },
  });
  if (!schedule || (!schedule.next_at && !schedule.last_at)) return null;
  const late = schedule.next_at !== null && Date.parse(schedule.next_at) < Date.now();
  return (
    <Panel title={t("records.review")}>
      <dl className="facts">
        <dt>{t("records.review_next")}</dt>
        <dd className={late ? "p2-ink" : undefined}>
          <span className="num">{date(schedule.next_at)}</span>{" "}
          <span className="quiet small">{t("records.every", { count: schedule.months })}</span>
        </dd>
        <dt>{t("records.review_last")}</dt>
        <dd>
          {schedule.last_at ? (
            <>
              <span className="num">{date(schedule.last_at)}</span>{" "}
              <span className="quiet">
                {schedule.last_by?.name} {schedule.comment && `“${schedule.comment}”`}
              </span>
            </>
          ) : (
            <span className="quiet">{t("common.never")}</span>
          )}
        </dd>
      </dl>
      {may && schedule.next_at && !open && (
        <button type="button" className="btn small noprint" onClick={() => setOpen(true)}>
          {t("records.review_do")}
        </button>
      )}
      {open && (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            review.mutate();
          }}
        >
          <textarea
            className="input"
            rows={2}
            aria-label={t("records.note")}
            placeholder={t("records.note")}
            value={comment}
            onChange={(event) => setComment(event.target.value)}
          />
          {review.error && <ErrorNote error={review.error} />}
          <div className="line">
            <button type="submit" className="btn primary small" disabled={review.isPending}>
              {t("records.review_holds")}
            </button>
            <button type="button" className="btn small" onClick={() => setOpen(false)}>
              {t("common.cancel")}
            </button>
          </div>
        </form>
      )}
    </Panel>
  );
}
