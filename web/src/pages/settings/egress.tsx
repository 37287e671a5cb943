import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { egress } from "../../api/notices";
import { t } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { Ago } from "../../ui/when";

/** Where this installation may connect to by itself; everything else is refused. */
export function Egress() {
  const client = useQueryClient();
  const may = useMay("system:write");
  const list = useQuery(egress);
  const refresh = () => client.invalidateQueries({ queryKey: ["egress"] });
  const forbid = useMutation({
    mutationFn: (id: string) => api.DELETE("/egress/{id}", { params: { path: { id } } }),
    onSuccess: () => client.invalidateQueries(),
  });
  const allow = useMutation({
    mutationFn: (body: { host: string; port: number; inside: boolean; note: string }) => api.POST("/egress", { body }),
    onSuccess: () => client.invalidateQueries(),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const target = event.currentTarget;
    const form = new FormData(target);
    allow.mutate(
      {
        host: String(form.get("host")),
        port: Number(form.get("port")),
        inside: form.get("inside") === "on",
        note: String(form.get("note")),
      },
      { onSuccess: () => target.reset() },
    );
  };
  return (
    <Panel title={t("egress.title")}>
      <p className="quiet">{t("egress.why")}</p>
      <Ask of={list}>
        {(data) => (
          <>
            {data.off && <p>{t("egress.off")}</p>}
            {data.items.length === 0 ? (
              <p>{t("egress.none")}</p>
            ) : (
              <Table label={t("egress.title")} heads={[t("egress.place"), t("egress.note")]} acts>
                {data.items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      {one.host}:{one.port} {one.inside && <span className="tag">{t("egress.inside_short")}</span>}
                    </td>
                    <td>{one.note}</td>
                    <td className="right">
                      {may && (
                        <button type="button" className="btn small" onClick={() => forbid.mutate(one.id)}>
                          {t("common.remove")}
                          <span className="hidden"> {one.host}</span>
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </Table>
            )}
            {data.refused.length > 0 && (
              <details className="rest" onToggle={refresh}>
                <summary>{t("egress.refused", { count: data.refused.length })}</summary>
                <ul>
                  {data.refused.map((one) => (
                    <li key={`${one.host}:${one.port}`}>
                      {one.host}:{one.port} <span className="quiet">× {one.count},</span> <Ago at={one.last} full />
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </>
        )}
      </Ask>
      {may && (
        <form className="form" onSubmit={submit}>
          <div className="pair">
            <div className="field">
              <label htmlFor="e-host">{t("egress.host")}</label>
              <input className="input" id="e-host" name="host" required placeholder="mail.plant.example" />
            </div>
            <div className="field">
              <label htmlFor="e-port">{t("notices.port")}</label>
              <input className="input" id="e-port" name="port" type="number" min={1} max={65535} required />
            </div>
          </div>
          <div className="field">
            <label htmlFor="e-note">{t("egress.note")}</label>
            <input className="input" id="e-note" name="note" maxLength={200} />
          </div>
          <label className="check">
            <input type="checkbox" name="inside" /> {t("egress.inside")}
          </label>
          {allow.error && <ErrorNote error={allow.error} />}
          {forbid.error && <ErrorNote error={forbid.error} />}
          <div className="line">
            <button type="submit" className="btn" disabled={allow.isPending}>
              {t("notices.allow")}
            </button>
          </div>
        </form>
      )}
    </Panel>
  );
}
