import type { RecordRow, RecordType } from "../api/records";
import { t } from "../texts";
import { Mark } from "./mark";
import "./record-state.css";

/** Where a record stands, in the words of its type; grey, because a state alone asks nobody. */
export function StateTag({ type, state }: { type: RecordType | undefined; state: string }) {
  const known = type?.states.find((s) => s.id === state);
  const kind = known?.kind ?? "open";
  return (
    <span className={`tag state ${kind}`} title={known?.help}>
      {known?.title ?? state}
    </span>
  );
}

type Flagged = Pick<RecordRow, "overdue" | "approval">;

/** What of a record asks for a person: overdue, or waiting for a second pair of eyes. */
export function Flags({ of }: { of: Flagged }) {
  return (
    <>
      {of.overdue && (
        <span className="tag p2">
          <Mark priority={2} quiet /> {t("records.overdue")}
        </span>
      )}
      {of.approval === "waiting" && (
        <span className="tag p3">
          <Mark priority={3} quiet /> {t("records.waiting")}
        </span>
      )}
    </>
  );
}
