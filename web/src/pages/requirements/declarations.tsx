import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import type { components } from "../../api/schema";
import type { Declaration, Requirement } from "../../api/types";

type Body = components["schemas"]["ComplyDeclarationInput"];

import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { date } from "../../ui/format";
import { ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";

type Props = { data: Requirement; site: string; names: Map<string, string> };

function useRefresh() {
  const client = useQueryClient();
  return async () => {
    for (const key of ["requirement", "requirements", "posture"]) await client.invalidateQueries({ queryKey: [key] });
  };
}

/** What a person stands for: who, what, until when. It stands beside the measurements, never instead of them. */
export function Declarations({ data, site, names }: Props) {
  const may = useMay("declare:write");
  const [declaring, setDeclaring] = useState<string>();
  const refresh = useRefresh();
  const withdraw = useMutation({
    mutationFn: (id: string) => api.DELETE("/declarations/{id}", { params: { path: { id } } }),
    onSuccess: async () => {
      notify(t("declare.withdrawn"));
      await refresh();
    },
  });
  const valid = data.declarations.filter((d) => !d.withdrawn_at && (!d.site_id || d.site_id === site));
  return (
    <Panel title={t("declare.title")}>
      {data.declared.length === 0 && <p className="quiet">{t("declare.none_needed")}</p>}
      <ul className="declared">
        {data.declared.map((record) => {
          const given = valid.filter((d) => d.record === record.record);
          return (
            <li key={record.record}>
              <b className="strong">{record.title}</b>
              <p className="quiet small">
                {t("declare.by_for", { by: record.attested_by, valid: record.valid_for })} {record.note}
              </p>
              {given.length === 0 && <span className="tag unknown">{t("declare.missing")}</span>}
              {given.map((d) => (
                <Given
                  key={d.id}
                  given={d}
                  site={d.site_id ? names.get(d.site_id) : undefined}
                  onWithdraw={may ? () => withdraw.mutate(d.id) : undefined}
                />
              ))}
              {may && (
                <button type="button" className="btn small" onClick={() => setDeclaring(record.record)}>
                  {t(given.length > 0 ? "declare.again" : "declare.declare")}
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {withdraw.error && <ErrorNote error={withdraw.error} />}
      {declaring && (
        <Declare
          data={data}
          record={declaring}
          site={site}
          siteName={names.get(site)}
          onClose={() => setDeclaring(undefined)}
        />
      )}
    </Panel>
  );
}

function Given({
  given,
  site,
  onWithdraw,
}: {
  given: Declaration;
  site: string | undefined;
  onWithdraw: (() => void) | undefined;
}) {
  const over = !given.valid;
  return (
    <div className="given">
      <p>“{given.statement}”</p>
      <p className="quiet small">
        {given.attested_by} · {site ?? t("posture.entity")} ·{" "}
        {given.approval === "waiting" || given.state === "draft" ? (
          <span className="p2-ink">{t(given.approval === "rejected" ? "declare.refused" : "declare.waits")}</span>
        ) : (
          <span className={over ? "p2-ink" : undefined}>
            {t(over ? "declare.ended" : "declare.until", { date: date(given.valid_until) })}
          </span>
        )}{" "}
        {onWithdraw && (
          <button type="button" className="btn plain small" onClick={onWithdraw}>
            {t("declare.withdraw")}
          </button>
        )}
      </p>
    </div>
  );
}

type DeclareProps = {
  data: Requirement;
  record: string;
  site: string;
  siteName: string | undefined;
  onClose: () => void;
};

function Declare({ data, record, site, siteName, onClose }: DeclareProps) {
  const refresh = useRefresh();
  const wanted = data.declared.find((d) => d.record === record);
  const longest = wanted?.longest_until.slice(0, 10);
  const save = useMutation({
    mutationFn: (body: Body) => api.POST("/declarations", { body }),
    onSuccess: async () => {
      notify(t("declare.saved"));
      onClose();
      await refresh();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    save.mutate({
      requirement: data.id,
      record,
      site: text("scope") === "site" ? site : null,
      statement: text("statement"),
      attested_by: text("attested_by"),
      valid_until: `${text("valid_until")}T00:00:00Z`,
    });
  };
  return (
    <Dialog title={t("declare.dialog", { record })} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p className="quiet small">{t("declare.honest")}</p>
        <div className="field">
          <label htmlFor="declare-statement">{t("declare.statement")}</label>
          <textarea className="input" id="declare-statement" name="statement" rows={3} required />
        </div>
        <div className="field">
          <label htmlFor="declare-by">{t("declare.attested_by", { who: wanted?.attested_by })}</label>
          <input className="input" id="declare-by" name="attested_by" required />
        </div>
        <div className="field">
          <label htmlFor="declare-until">{t("declare.valid_until")}</label>
          <input
            className="input"
            id="declare-until"
            name="valid_until"
            type="date"
            defaultValue={longest}
            max={longest}
            required
          />
        </div>
        <div className="field">
          <label htmlFor="declare-scope">{t("declare.scope")}</label>
          <select
            className="input"
            id="declare-scope"
            name="scope"
            defaultValue={data.scope === "entity" || !siteName ? "entity" : "site"}
          >
            {siteName && <option value="site">{siteName}</option>}
            <option value="entity">{t("declare.whole")}</option>
          </select>
        </div>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("declare.declare")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
