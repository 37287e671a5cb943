import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../../api/client";
import { useMay } from "../../../api/may";
import type { components } from "../../../api/schema";
import { t } from "../../../texts";
import { bytes, count, figure } from "../../../ui/format";
import { Mark } from "../../../ui/mark";
import { Ask, ErrorNote, Panel } from "../../../ui/page";
import { Scroll } from "../../../ui/scroll";
import { notify } from "../../../ui/toast";
import { When } from "../../../ui/when";
import { MakeKit } from "./kit";
import { snapshots } from "./questions";

type All = components["schemas"]["CareSnapshots"];
type Plan = components["schemas"]["CarePlan"];
type Snapshot = components["schemas"]["CareSnapshot"];

/** Where snapshots go and when, the kit that opens them, and those that were made. */
export function Snapshots() {
  const list = useQuery(snapshots);
  const client = useQueryClient();
  const may = useMay("system:write");
  const make = useMutation({
    mutationFn: () => api.POST("/system/snapshots", {}),
    onSuccess: async () => {
      notify(t("care.snapshot_wanted"));
      await client.invalidateQueries({ queryKey: ["system"] });
    },
  });
  return (
    <Panel
      title={t("care.snapshots")}
      side={
        may ? (
          <button type="button" className="btn small" disabled={make.isPending} onClick={() => make.mutate()}>
            {t("care.snapshot_now")}
          </button>
        ) : undefined
      }
    >
      <p className="quiet under">{t("care.snapshots_why")}</p>
      {make.error && <ErrorNote error={make.error} />}
      <Ask of={list}>
        {(data) => (
          <div className="stack">
            {(data.doing || data.wanted) && (
              <p className="wait" role="status">
                {data.doing ? t("care.doing", { what: data.doing }) : t("care.snapshot_wanted")}
              </p>
            )}
            <Kit data={data} may={may} />
            {may ? <PlanForm data={data} /> : <p>{planned(data.plan)}</p>}
            <Made items={data.items} may={may} />
          </div>
        )}
      </Ask>
    </Panel>
  );
}

function planned(plan: Plan): string {
  if (!plan.on) return t("care.plan_off");
  const where = plan.folder || `sftp://${plan.sftp.user}@${plan.sftp.host}`;
  return t("care.plan_on", { where, at: clock(plan) });
}

const clock = (plan: Plan) => `${String(plan.hour).padStart(2, "0")}:${String(plan.minute).padStart(2, "0")}`;

function Kit({ data, may }: { data: All; may: boolean }) {
  const [making, setMaking] = useState(false);
  return (
    <div>
      <div className="line">
        {data.recipient ? (
          <span>
            {t("care.kit_there")} <span className="care-key">{data.recipient}</span>
          </span>
        ) : (
          <span>
            <Mark priority={3} /> {t("care.kit_missing")}
          </span>
        )}
        {may && (
          <button type="button" className="btn small" onClick={() => setMaking(true)}>
            {t(data.recipient ? "care.kit_replace" : "care.kit_make")}
          </button>
        )}
      </div>
      {making && <MakeKit replace={data.recipient !== ""} onClose={() => setMaking(false)} />}
    </div>
  );
}

function PlanForm({ data }: { data: All }) {
  const client = useQueryClient();
  const [where, setWhere] = useState<"folder" | "sftp">(data.plan.sftp.host && !data.plan.folder ? "sftp" : "folder");
  const [hostKey, setHostKey] = useState(data.plan.sftp.host_key);
  const save = useMutation({
    mutationFn: (body: Plan) => answer(api.PUT("/system/snapshots/plan", { body })),
    onSuccess: async () => {
      notify(t("care.plan_saved"));
      await client.invalidateQueries({ queryKey: ["system"] });
    },
  });
  const ask = useMutation({
    mutationFn: (body: { host: string; port: number }) => answer(api.POST("/system/snapshots/host-key", { body })),
    onSuccess: (shown) => shown && setHostKey(shown.key),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const number = (name: string) => Number(form.get(name) ?? 0);
    const [hour, minute] = text("at").split(":").map(Number);
    save.mutate({
      on: form.get("on") === "on",
      hour: hour ?? 2,
      minute: minute ?? 30,
      zone: data.plan.zone || Intl.DateTimeFormat().resolvedOptions().timeZone,
      folder: where === "folder" ? text("folder") : "",
      sftp: { host: text("host"), port: number("port"), user: text("user"), folder: text("remote"), host_key: hostKey },
      keep: { daily: number("daily"), weekly: number("weekly"), monthly: number("monthly") },
      captures: form.get("captures") === "on",
    });
  };
  return (
    <form className="form" onSubmit={submit}>
      <div className="care-plan">
        <div className="form">
          <label className="check">
            <input type="checkbox" name="on" defaultChecked={data.plan.on} /> {t("care.plan_every")}
          </label>
          <div className="line">
            <label htmlFor="care-at">{t("care.plan_at")}</label>
            <input
              className="input care-time"
              id="care-at"
              name="at"
              type="time"
              defaultValue={clock(data.plan)}
              required
            />
          </div>
          <fieldset className="checks">
            <legend>{t("care.plan_where")}</legend>
            <label className="check">
              <input type="radio" name="where" checked={where === "folder"} onChange={() => setWhere("folder")} />{" "}
              {t("care.to_folder")}
            </label>
            <label className="check">
              <input type="radio" name="where" checked={where === "sftp"} onChange={() => setWhere("sftp")} />{" "}
              {t("care.to_sftp")}
            </label>
          </fieldset>
          <fieldset className="care-keep">
            <legend>{t("care.keep")}</legend>
            {(["daily", "weekly", "monthly"] as const).map((one) => (
              <label className="field" key={one}>
                <span>{t(`care.keep_${one}`)}</span>
                <input
                  className="input small-number"
                  type="number"
                  name={one}
                  min={one === "daily" ? 1 : 0}
                  max={365}
                  defaultValue={data.plan.keep[one]}
                  required
                />
              </label>
            ))}
          </fieldset>
          <label className="check">
            <input type="checkbox" name="captures" defaultChecked={data.plan.captures} /> {t("care.with_captures")}
          </label>
        </div>
        {where === "folder" ? (
          <div className="field">
            <label htmlFor="care-folder">{t("care.folder")}</label>
            <input
              className="input"
              id="care-folder"
              name="folder"
              defaultValue={data.plan.folder}
              placeholder="/mnt/backup/skanse"
            />
            <span className="quiet small">{t("care.folder_why")}</span>
          </div>
        ) : (
          <div className="form">
            <div className="pair">
              <div className="field">
                <label htmlFor="care-host">{t("care.host")}</label>
                <input className="input" id="care-host" name="host" defaultValue={data.plan.sftp.host} required />
              </div>
              <div className="field">
                <label htmlFor="care-port">{t("care.port")}</label>
                <input
                  className="input"
                  id="care-port"
                  name="port"
                  type="number"
                  min={1}
                  max={65535}
                  defaultValue={data.plan.sftp.port || 22}
                />
              </div>
              <div className="field">
                <label htmlFor="care-user">{t("care.user")}</label>
                <input className="input" id="care-user" name="user" defaultValue={data.plan.sftp.user} required />
              </div>
              <div className="field">
                <label htmlFor="care-remote">{t("care.remote")}</label>
                <input className="input" id="care-remote" name="remote" defaultValue={data.plan.sftp.folder} />
              </div>
            </div>
            <div className="field">
              <label htmlFor="care-host-key">{t("care.host_key")}</label>
              <textarea
                className="input care-key"
                id="care-host-key"
                rows={3}
                value={hostKey}
                onChange={(event) => setHostKey(event.target.value)}
                required
              />
              <div className="line">
                <button
                  type="button"
                  className="btn small"
                  disabled={ask.isPending}
                  onClick={(event) => {
                    const form = new FormData(event.currentTarget.form ?? undefined);
                    ask.mutate({ host: String(form.get("host")), port: Number(form.get("port") || 22) });
                  }}
                >
                  {t("care.ask_key")}
                </button>
                {ask.data && <span className="care-key">{ask.data.fingerprint}</span>}
              </div>
              <span className="quiet small">{t("care.host_key_why")}</span>
              {ask.error && <ErrorNote error={ask.error} />}
            </div>
            <div className="field">
              <label htmlFor="care-public">{t("care.public_key")}</label>
              <textarea className="input care-key" id="care-public" rows={2} readOnly value={data.public_key} />
            </div>
          </div>
        )}
      </div>
      {save.error && <ErrorNote error={save.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={save.isPending}>
          {t("common.save")}
        </button>
      </div>
    </form>
  );
}

function Made({ items, may }: { items: Snapshot[]; may: boolean }) {
  const client = useQueryClient();
  const read = useMutation({
    mutationFn: (id: string) => answer(api.POST("/system/snapshots/{id}/read", { params: { path: { id } } })),
    onSuccess: () => notify(t("care.read_well")),
    onSettled: () => client.invalidateQueries({ queryKey: ["system"] }),
  });
  if (items.length === 0) return <p className="quiet">{t("care.none_yet")}</p>;
  return (
    <>
      <Scroll label={t("care.snapshots")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("care.made_at")}</th>
              <th scope="col">{t("care.place")}</th>
              <th scope="col" className="right">
                {t("care.size")}
              </th>
              <th scope="col" className="right">
                {t("care.took")}
              </th>
              <th scope="col">{t("care.verdict")}</th>
              <th scope="col">
                <span className="hidden">{t("settings.actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.slice(0, 20).map((one) => (
              <tr key={one.id}>
                <td>
                  <When at={one.at} />
                </td>
                <td>
                  {one.place}
                  <div className="quiet small">{one.name}</div>
                </td>
                <td className="right">{one.bytes ? bytes(one.bytes) : ""}</td>
                <td className="right">{figure(one.took_us / 1e6, "s")}</td>
                <td>
                  {one.error ? (
                    <>
                      <Mark priority={2} /> {one.error}
                    </>
                  ) : one.gone_at ? (
                    <span className="quiet">{t("care.gone")}</span>
                  ) : (
                    <>
                      {t("care.tried", { count: one.rows, rows: count(one.rows) })}
                      <div className="quiet small">
                        {t("care.read_at")} <When at={one.read_at} />
                      </div>
                    </>
                  )}
                </td>
                <td className="right">
                  {may && one.sha256 && !one.gone_at && (
                    <button
                      type="button"
                      className="btn small"
                      disabled={read.isPending}
                      onClick={() => read.mutate(one.id)}
                    >
                      {t("care.read")}
                      <span className="hidden"> {one.name}</span>
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {read.error && <ErrorNote error={read.error} />}
    </>
  );
}
