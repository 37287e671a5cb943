import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { sessions } from "../../api/queries";
import { t, word } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { Ago, When } from "../../ui/when";

/** Where an account is signed in, and a way to end each of these. */
export function Sessions() {
  const client = useQueryClient();
  const all = useMay("user:write");
  const [everybody, setEverybody] = useState(false);
  const list = useQuery(sessions(everybody && all));
  const end = useMutation({
    mutationFn: (id: string) => api.DELETE("/sessions/{id}", { params: { path: { id } } }),
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <Panel title={t("settings.sessions")}>
      {all && (
        <label className="check">
          <input type="checkbox" checked={everybody} onChange={(event) => setEverybody(event.target.checked)} />{" "}
          {t("settings.tokens_all")}
        </label>
      )}
      <Ask of={list}>
        {(data) => (
          <Table
            label={t("settings.sessions")}
            heads={[t("settings.who"), t("settings.where"), t("settings.since"), t("settings.seen")]}
            acts
          >
            {data.items.map((one) => (
              <tr key={one.id}>
                <td>
                  {one.user_name} {one.current && <span className="tag">{t("settings.current")}</span>}
                </td>
                <td>
                  {one.address} {one.how && <span className="quiet">· {word("how", one.how.replace("-", "_"))}</span>}
                  {one.said && <div className="small">{one.said}</div>}
                  <div className="quiet small agent">{one.agent}</div>
                </td>
                <td>
                  <When at={one.created_at} />
                </td>
                <td>
                  <Ago at={one.seen_at} full />
                </td>
                <td className="right">
                  <button type="button" className="btn small" onClick={() => end.mutate(one.id)}>
                    {t("shell.sign_out")}
                  </button>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Ask>
      {end.error && <ErrorNote error={end.error} />}
    </Panel>
  );
}
