import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { type Delivery, type DeliveryState, deliveries } from "../../api/notices";
import { t, word } from "../../texts";
import { More } from "../../ui/more";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { Ago, When } from "../../ui/when";

const states: DeliveryState[] = ["open", "dead", "sent", "answered"];

/** What waits, what was given up, and what was taken: with the other side's own words. */
export function Queue() {
  const client = useQueryClient();
  const [state, setState] = useState<DeliveryState>("open");
  const list = useInfiniteQuery(deliveries(state));
  const again = useMutation({
    mutationFn: (id: string) => api.POST("/notices/deliveries/{id}/retry", { params: { path: { id } } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["deliveries"] }),
  });
  return (
    <Panel
      title={t("notices.queue")}
      side={
        <select
          className="input picker"
          aria-label={t("notices.state")}
          value={state}
          onChange={(event) => setState(event.target.value as DeliveryState)}
        >
          {states.map((one) => (
            <option key={one} value={one}>
              {word("notice_state", one)}
            </option>
          ))}
        </select>
      }
    >
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          return rows.length === 0 ? (
            <p className="quiet">{t("notices.queue_empty")}</p>
          ) : (
            <>
              <Deliveries rows={rows} onAgain={(id) => again.mutate(id)} />
              <More of={list} />
            </>
          );
        }}
      </Ask>
      {again.error && <ErrorNote error={again.error} />}
    </Panel>
  );
}

function Deliveries({ rows, onAgain }: { rows: Delivery[]; onAgain: (id: string) => void }) {
  return (
    <Table
      label={t("notices.queue")}
      heads={[t("notices.what"), t("notices.to"), t("notices.state"), t("notices.made")]}
      acts
    >
      {rows.map((one) => (
        <tr key={one.id}>
          <td className="said">{one.what === "bundle" ? t("notices.bundle", { count: one.items }) : one.title}</td>
          <td>
            {one.to} <span className="quiet small">{word("notice_kind", one.channel)}</span>
          </td>
          <td className="said">
            {word("notice_state", one.state)}
            {one.state === "held" || one.state === "digest" ? (
              <>
                {" "}
                <When at={one.due_at} />
              </>
            ) : null}
            {one.seen_at && (
              <div className="small">
                {t("notices.seen")} <When at={one.seen_at} />
              </div>
            )}
            {one.error && (
              <div className="quiet small">
                {t("notices.attempts", { count: one.attempts })}: {one.error}
              </div>
            )}
            {!one.error && one.answer && <div className="quiet small">{one.answer}</div>}
          </td>
          <td>
            <Ago at={one.made_at} full />
          </td>
          <td className="right">
            {["waiting", "held", "digest", "dead"].includes(one.state) && (
              <button type="button" className="btn small" onClick={() => onAgain(one.id)}>
                {t("notices.send_now")}
              </button>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
