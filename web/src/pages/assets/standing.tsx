import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { inboxAbout, standing } from "../../api/desk";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { date, dateTime } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { ErrorNote, Panel } from "../../ui/page";

/** What was decided beyond the state: a visit, the block list, questions to colleagues and their answers. */
export function Standing({ id }: { id: string }) {
  const client = useQueryClient();
  const may = useMay("asset:write");
  const now = useQuery(standing(id));
  const about = useQuery(inboxAbout(`asset:${id}`));
  const lift = useMutation({
    mutationFn: () => answer(api.POST("/assets/{id}/unblock", { params: { path: { id } }, body: {} })),
    onSettled: () => {
      for (const key of ["asset", "assets", "inbox"]) client.invalidateQueries({ queryKey: [key] });
    },
  });
  const visits = now.data?.visitor ?? [];
  const blocked = now.data?.blocked ?? [];
  const questions = (about.data?.items ?? []).filter((i) => i.kind === "question");
  if (visits.length + blocked.length + questions.length === 0) return null;
  return (
    <Panel title={t("standing.title")}>
      <ul className="stack">
        {visits.map((v) => (
          <li key={v.until_at}>
            {t("standing.visitor", { until: date(v.until_at), who: v.decided_by })}{" "}
            <span className="quiet small">{v.reason}</span>
          </li>
        ))}
        {blocked.map((b) => (
          <li key={b.address}>
            <Mark priority={b.times > 0 ? 1 : 2} quiet />{" "}
            {t("standing.blocked", { address: b.address, who: b.blocked_by })}
            <span className="quiet small">
              {" "}
              {b.reason}
              {b.seen_at && ` · ${t("standing.heard", { count: b.times, at: dateTime(b.seen_at) })}`}
            </span>
          </li>
        ))}
        {questions.map((q) => (
          <li key={q.id}>
            <b>{q.detail}</b> <span className="quiet small">{q.user.name}</span>
            <div>{q.comment || <span className="quiet">{t("standing.no_answer")}</span>}</div>
          </li>
        ))}
      </ul>
      {lift.error && <ErrorNote error={lift.error} />}
      {blocked.length > 0 && may && (
        <button type="button" className="btn small" disabled={lift.isPending} onClick={() => lift.mutate()}>
          {t("standing.lift")}
        </button>
      )}
    </Panel>
  );
}
