import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { Mark } from "../../ui/mark";
import { ErrorNote } from "../../ui/page";
import { Ago } from "../../ui/when";

const tests = queryOptions({
  queryKey: ["selftests"],
  queryFn: ({ signal }) => answer(api.GET("/selftests", { params: { query: {} }, signal })),
  refetchInterval: 10_000,
});

/** Whether known-bad messages would be noticed here: the newest test, a new one, and one each month. */
export function Selftest({ source, name }: { source: string; name: string }) {
  const client = useQueryClient();
  const may = useMay("edge:write");
  const list = useQuery(tests);
  const after = () => {
    for (const key of ["selftests", "inbox"]) client.invalidateQueries({ queryKey: [key] });
  };
  const run = useMutation({
    mutationFn: () => answer(api.POST("/listening/{id}/selftest", { params: { path: { id: source } } })),
    onSettled: after,
  });
  const plan = useMutation({
    mutationFn: (monthly: boolean) =>
      answer(api.PUT("/listening/{id}/selftest", { params: { path: { id: source } }, body: { monthly } })),
    onSettled: after,
  });
  if (!list.data) return null;
  const last = list.data.items.find((x) => x.source_id === source);
  const monthly = list.data.monthly.includes(source);
  return (
    <div className="line selftest">
      <b className="small">{t("selftest.title")}</b>
      {!last && <span className="tag unknown">{t("selftest.never")}</span>}
      {last?.state === "running" && <span className="quiet small">{t("selftest.running")}</span>}
      {last?.state === "passed" && (
        <span className="small">
          {t("selftest.passed", { count: last.met.length, people: last.reached })} <Ago at={last.asked_at} full />
        </span>
      )}
      {last?.state === "failed" && (
        <span className="small">
          <Mark priority={2} /> {t("selftest.failed")} {last.detail} <Ago at={last.asked_at} full />
        </span>
      )}
      {may && (
        <span className="acts">
          <label className="check small">
            <input
              type="checkbox"
              checked={monthly}
              disabled={plan.isPending}
              onChange={(e) => plan.mutate(e.target.checked)}
            />
            {t("selftest.monthly")}
            <span className="hidden"> {name}</span>
          </label>
          <button type="button" className="btn small" disabled={run.isPending} onClick={() => run.mutate()}>
            {t("selftest.run")}
            <span className="hidden"> {name}</span>
          </button>
        </span>
      )}
      {(run.error || plan.error) && <ErrorNote error={run.error ?? plan.error} />}
    </div>
  );
}
