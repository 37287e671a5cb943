import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { type LogSource, type LogWant, logKey, type Stranger } from "../../api/logs";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { type Target, TargetPicker } from "../../ui/target-picker";

const kinds = ["firewall", "switch", "windows", "linux", "controller", "relay", "other"] as const;
const hour = 3600;
const intervals = [15 * 60, hour, 4 * hour, 12 * hour, 24 * hour, 3 * 24 * hour, 7 * 24 * hour, 31 * 24 * hour];

type Props = { site: string; source?: LogSource; stranger?: Stranger; onClose: () => void };

/** What is expected of a log source. */
export function SourceForm({ site, source, stranger, onClose }: Props) {
  const client = useQueryClient();
  const [asset, setAsset] = useState<Target | undefined>(
    source?.asset_id ? { kind: "asset", id: source.asset_id, label: source.asset_name } : undefined,
  );
  const [sure, setSure] = useState(false);
  const done = () => {
    onClose();
    return client.invalidateQueries({ queryKey: logKey });
  };
  const path = { id: source?.id ?? "" };
  const header = { "If-Match": source?.etag ?? "" };
  const send = useMutation({
    mutationFn: (body: LogWant) =>
      source
        ? answer(api.PUT("/log-sources/{id}", { params: { path, header }, body }))
        : answer(api.POST("/sites/{id}/log-sources", { params: { path: { id: site } }, body })),
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/log-sources/{id}", { params: { path, header } })),
    onSuccess: done,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    send.mutate({
      name: text("name"),
      kind: text("kind") as LogWant["kind"],
      address: text("address"),
      host: text("host"),
      clock: text("clock"),
      interval_s: Number(text("interval")),
      retention_days: Number(text("retention")),
      note: text("note"),
      asset_id: asset?.id ?? "",
    });
  };
  const interval = source?.interval_s ?? 24 * hour;
  return (
    <Dialog title={t(source ? "logs.change_title" : "logs.add")} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <label className="field">
          {t("logs.name")}
          <input className="input" name="name" maxLength={120} defaultValue={source?.name ?? stranger?.host} />
        </label>
        <div className="field">
          {t("logs.asset")}
          {asset && (
            <p className="line">
              <b className="strong">{asset.label}</b>
              <button type="button" className="btn small" onClick={() => setAsset(undefined)}>
                {t("common.remove")}
              </button>
            </p>
          )}
          {!asset && <TargetPicker kinds={["asset"]} site={site} chosen={asset} onPick={setAsset} />}
        </div>
        <label className="field">
          {t("logs.kind")}
          <select className="input" name="kind" defaultValue={source?.kind ?? "switch"}>
            {kinds.map((k) => (
              <option key={k} value={k}>
                {word("log_kind", k)}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          {t("logs.address")}
          <input
            className="input"
            name="address"
            maxLength={60}
            defaultValue={source?.address ?? stranger?.address}
            placeholder="10.20.0.5"
          />
          <span className="quiet small">{t("logs.address_help")}</span>
        </label>
        <label className="field">
          {t("logs.host")}
          <input className="input" name="host" maxLength={255} defaultValue={source?.host} />
          <span className="quiet small">{t("logs.host_help")}</span>
        </label>
        <label className="field">
          {t("logs.interval")}
          <select className="input" name="interval" defaultValue={interval}>
            {[...new Set([...intervals, interval])].map((s) => (
              <option key={s} value={s}>
                {t("logs.every", { minutes: Math.round(s / 60), span: spanOf(s) })}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          {t("logs.retention")}
          <input
            className="input"
            name="retention"
            type="number"
            min={1}
            max={3660}
            required
            defaultValue={source?.retention_days ?? 365}
          />
        </label>
        <label className="field">
          {t("logs.clock")}
          <input
            className="input"
            name="clock"
            maxLength={60}
            defaultValue={source?.clock}
            placeholder="Europe/Copenhagen"
          />
          <span className="quiet small">{t("logs.clock_help")}</span>
        </label>
        <label className="field">
          {t("logs.note")}
          <textarea className="input" name="note" rows={2} maxLength={1000} defaultValue={source?.note} />
        </label>
        <div className="line">
          <button type="submit" className="btn primary" disabled={send.isPending}>
            {t("common.save")}
          </button>
          {source && (
            <button type="button" className="btn" onClick={() => (sure ? remove.mutate() : setSure(true))}>
              {t(sure ? "logs.remove_sure" : "logs.remove")}
            </button>
          )}
        </div>
        {(send.error || remove.error) && <ErrorNote error={send.error ?? remove.error} />}
      </form>
    </Dialog>
  );
}

const spanOf = (s: number) =>
  s % (24 * hour) === 0 ? `${s / 24 / hour} d` : s % hour === 0 ? `${s / hour} h` : `${Math.round(s / 60)} min`;
