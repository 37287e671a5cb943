import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { decideRecord, type RecordDetail, type Request, withdrawRecord } from "../../api/records";
import { t, word } from "../../texts";
import { date } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";
import { Labelled, Wrong } from "./field-input";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";

const isSecondLook = (one: Request) => one.state === "approved" && one.second_due !== null && one.second_at === null;

/** Four eyes: who asked, what is asked, and the one decision that a second person makes. */
export function ApprovalPanel(shown: Shown) {
  const open = shown.record.approvals.find((one) => one.state === "waiting" || isSecondLook(one));
  if (!open || !shown.now) return null;
  return <Decide key={open.id} open={open} {...shown} />;
}

type Answer = "approve" | "reject" | "withdraw";

function Decide({ open, record, type, etag }: Shown & { open: Request }) {
  const refresh = useRefresh();
  const [comment, setComment] = useState("");
  const [outside, setOutside] = useState("");
  const [tried, setTried] = useState(false);
  const second = isSecondLook(open);
  const decide = useMutation({
    mutationFn: (answer: Answer) =>
      answer === "withdraw"
        ? withdrawRecord(record.id)
        : decideRecord(record.id, etag, {
            decision: answer,
            comment: comment.trim(),
            ...(outside.trim() && { outside: outside.trim() }),
          }),
    onSuccess: async (_, answer) => {
      notify(word("decided", answer));
      await refresh();
    },
  });
  const answer = (given: Answer) => {
    setTried(true);
    if (comment.trim() || (given === "approve" && !outside.trim())) decide.mutate(given);
    else document.getElementById("approval-comment")?.focus();
  };
  return (
    <section className="panel approve" aria-label={t("records.approval")}>
      <div className="line">
        <Mark priority={3} quiet />
        <h2>{second ? t("records.second_look") : t("records.asks_approval", { step: open.title })}</h2>
      </div>
      <p>
        {t("records.asked_by", { name: open.requested_by.name })} <Ago at={open.requested_at} full />
        {open.reason && `: “${open.reason}”`}
      </p>
      {second && (
        <p>
          {t("records.one_approved")}{" "}
          <b className="strong">{t("records.second_due", { date: date(open.second_due) })}</b>
        </p>
      )}
      <p className="quiet small">
        {t("records.may_approve", { who: word("role", type.asks_role) })} {word("profile_says", open.profile)}
      </p>
      <Votes of={open} />
      {record.may_approve ? (
        <div className="form">
          <Labelled
            id="approval-comment"
            title={t("records.comment_reject")}
            help={
              tried && !comment.trim() && <Wrong>{t(outside ? "records.why_outside" : "records.why_rejected")}</Wrong>
            }
          >
            <textarea
              className="input"
              id="approval-comment"
              rows={2}
              maxLength={2000}
              value={comment}
              onChange={(event) => setComment(event.target.value)}
            />
          </Labelled>
          {open.profile === "small" && (
            <Labelled
              id="approval-outside"
              title={t("records.outside_label")}
              help={<small className="quiet">{t("records.outside_help")}</small>}
            >
              <input
                className="input"
                id="approval-outside"
                maxLength={200}
                value={outside}
                onChange={(event) => setOutside(event.target.value)}
              />
            </Labelled>
          )}
          {decide.error && <ErrorNote error={decide.error} />}
          <div className="line decision">
            <button type="button" className="btn primary" disabled={decide.isPending} onClick={() => answer("approve")}>
              {t(second ? "records.looked" : "records.approve")}
            </button>
            <button type="button" className="btn" disabled={decide.isPending} onClick={() => answer("reject")}>
              {t("records.reject")}
            </button>
          </div>
        </div>
      ) : (
        <>
          {record.may_not_why && <p className="quiet">{record.may_not_why}</p>}
          {decide.error && <ErrorNote error={decide.error} />}
        </>
      )}
      {!second && record.may_edit && (
        <button
          type="button"
          className="btn small"
          disabled={decide.isPending}
          onClick={() => decide.mutate("withdraw")}
        >
          {t("records.withdraw")}
        </button>
      )}
    </section>
  );
}

function Votes({ of }: { of: Request }) {
  if (of.votes.length === 0) return null;
  return (
    <ul className="votes">
      {of.votes.map((vote) => (
        <li key={`${vote.by.id} ${vote.at}`}>
          <b className="strong">{vote.outside || vote.by.name}</b> {word("vote", vote.decision)} <When at={vote.at} />
          {vote.outside && <span className="quiet small"> · {t("records.outside", { name: vote.by.name })}</span>}
          {vote.comment && <span className="quiet">: “{vote.comment}”</span>}
        </li>
      ))}
    </ul>
  );
}

/** Everything that was ever asked and decided about the record. */
export function Approvals({ record }: { record: RecordDetail }) {
  if (record.approvals.length === 0) return null;
  return (
    <Panel title={t("records.approvals")}>
      <ul className="asked">
        {record.approvals.map((one) => (
          <li key={one.id}>
            <b className="strong">{one.title}</b>
            <p className={isSecondLook(one) ? "small p3-ink" : "small"}>{one.text}</p>
            <p className="quiet small">
              {t("records.asked_by", { name: one.requested_by.name })} <When at={one.requested_at} />
            </p>
            <Votes of={one} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}
