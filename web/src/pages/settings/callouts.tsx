import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { type Callout, callouts } from "../../api/notices";
import { t } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { When } from "../../ui/when";

/** The monthly test whether people are reached, and who answered. */
export function Callouts() {
  const client = useQueryClient();
  const list = useQuery(callouts);
  const begin = useMutation({
    mutationFn: () => api.POST("/notices/callouts"),
    onSuccess: () => client.invalidateQueries({ queryKey: ["callouts"] }),
  });
  return (
    <Panel
      title={t("notices.callouts")}
      side={
        <button
          type="button"
          className="btn small"
          disabled={begin.isPending}
          onClick={() => window.confirm(t("notices.callout_sure")) && begin.mutate()}
        >
          {t("notices.callout_now")}
        </button>
      }
    >
      <p className="quiet">{t("notices.callouts_why")}</p>
      {begin.error && <ErrorNote error={begin.error} />}
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p>{t("notices.no_callouts")}</p>
          ) : (
            <Table label={t("notices.callouts")} heads={[t("notices.made"), t("notices.result"), t("notices.silent")]}>
              {data.items.map((one) => (
                <Row key={one.id} one={one} />
              ))}
            </Table>
          )
        }
      </Ask>
    </Panel>
  );
}

function Row({ one }: { one: Callout }) {
  const silent = one.answers.filter((a) => !a.answered_at || a.answered_at > one.due_at);
  return (
    <tr>
      <td>
        <When at={one.at} />
      </td>
      <td>
        {one.ended_at ? "" : `${t("notices.running")}: `}
        {t("notices.in_time", { count: one.in_time, asked: one.asked })}
      </td>
      <td>{silent.map((a) => (a.ways ? a.name : t("notices.no_way", { name: a.name }))).join(", ") || "–"}</td>
    </tr>
  );
}
