import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { type NoticeSettings, noticeSettings, type Receiver, receivers } from "../../api/notices";
import { t, word } from "../../texts";
import { Mark } from "../../ui/mark";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago } from "../../ui/when";
import { Callouts } from "./callouts";
import { Egress } from "./egress";
import { Queue } from "./queue";
import { ReceiverForm } from "./receiver-form";
import "./notices.css";

/** Where notices go, what waits on the way, and where this installation may connect to. */
export default function Notices() {
  const seesPlaces = useMay("system:read");
  return (
    <div className="stack notices">
      <Receivers />
      <Queue />
      <Callouts />
      {seesPlaces && <Egress />}
      <General />
    </div>
  );
}

function Receivers() {
  const list = useQuery(receivers);
  const [open, setOpen] = useState<Receiver | "new">();
  return (
    <Panel
      title={t("notices.receivers")}
      side={
        <button type="button" className="btn small" onClick={() => setOpen("new")}>
          {t("notices.add")}
        </button>
      }
    >
      <p className="quiet">{t("notices.receivers_why")}</p>
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p>{t("notices.no_receivers")}</p>
          ) : (
            <Scroll label={t("notices.receivers")}>
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">{t("settings.name")}</th>
                    <th scope="col">{t("notices.place")}</th>
                    <th scope="col">{t("notices.state")}</th>
                    <th scope="col" className="right">
                      {t("notices.waiting")}
                    </th>
                    <th scope="col">
                      <span className="hidden">{t("settings.actions")}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.items.map((one) => (
                    <Row key={one.id} one={one} onEdit={() => setOpen(one)} />
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Ask>
      {open && <ReceiverForm of={open === "new" ? undefined : open.id} onClose={() => setOpen(undefined)} />}
    </Panel>
  );
}

function Row({ one, onEdit }: { one: Receiver; onEdit: () => void }) {
  const client = useQueryClient();
  const mayAllow = useMay("system:write");
  const test = useMutation({
    mutationFn: async () =>
      (await api.POST("/notices/receivers/{id}/test", { params: { path: { id: one.id } }, body: {} })).data,
    onSuccess: () => client.invalidateQueries({ queryKey: ["receivers"] }),
  });
  const allow = useMutation({
    mutationFn: () => {
      const cut = one.place.lastIndexOf(":");
      const host = one.place.slice(0, cut).replace(/^\[|\]$/g, "");
      return api.POST("/egress", {
        body: { host, port: Number(one.place.slice(cut + 1)), inside: true, note: one.name },
      });
    },
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <>
      <tr>
        <td>
          {one.name} <span className="tag">{word("notice_kind", one.kind)}</span>
          {one.audit && <span className="tag">{t("notices.with_audit")}</span>}
        </td>
        <td>
          {one.place || one.way.device}
          {!one.allowed && (
            <div className="line small">
              <Mark priority={3} quiet /> {t("notices.not_allowed")}
              {mayAllow && (
                <button
                  type="button"
                  className="btn small"
                  disabled={allow.isPending}
                  onClick={() => window.confirm(t("notices.allow_sure", { place: one.place })) && allow.mutate()}
                >
                  {t("notices.allow")}
                </button>
              )}
            </div>
          )}
        </td>
        <td>
          <State one={one} />
        </td>
        <td className="right num">{one.waiting}</td>
        <td className="right">
          <div className="line end">
            <button type="button" className="btn small" disabled={test.isPending} onClick={() => test.mutate()}>
              {test.isPending ? t("notices.testing") : t("notices.test")}
              <span className="hidden"> {one.name}</span>
            </button>
            <button type="button" className="btn small" onClick={onEdit}>
              {t("notices.change")}
              <span className="hidden"> {one.name}</span>
            </button>
          </div>
        </td>
      </tr>
      {(test.data || test.error || allow.error) && (
        <tr>
          <td colSpan={5} role="status">
            {test.data &&
              (test.data.ok ? (
                <span>
                  <b>{t("notices.test_ok", { ms: test.data.millis })}</b> {test.data.answer}
                </span>
              ) : (
                <span className="line">
                  <Mark priority={2} quiet />
                  <span>
                    <b>{t("notices.test_failed")}</b> {test.data.error}
                  </span>
                </span>
              ))}
            {test.error && <ErrorNote error={test.error} />}
            {allow.error && <ErrorNote error={allow.error} />}
          </td>
        </tr>
      )}
    </>
  );
}

function State({ one }: { one: Receiver }) {
  if (one.problem)
    return (
      <span className="line">
        <Mark priority={2} quiet /> <span>{one.problem}</span>
      </span>
    );
  if (!one.enabled) return <span className="quiet">{t("notices.off")}</span>;
  if (one.failing_at)
    return (
      <span className="line">
        <Mark priority={2} quiet /> <span>{t("notices.failing")}</span> <Ago at={one.failing_at} full />
      </span>
    );
  if (!one.worked_at) return <>{t("notices.on")}</>;
  return (
    <>
      {t("notices.worked")} <Ago at={one.worked_at} full />
      {one.kind === "sms" && one.replies + one.wrong_replies > 0 && (
        <p className="quiet">{t("notices.replies", { count: one.replies, wrong: one.wrong_replies })}</p>
      )}
    </>
  );
}

function General() {
  const client = useQueryClient();
  const now = useQuery(noticeSettings);
  const save = useMutation({
    mutationFn: ({ etag, body }: { etag: string; body: NoticeSettings }) =>
      api.PUT("/notices/settings", { params: { header: { "If-Match": etag } }, body }),
    onSuccess: async () => {
      notify(t("notices.saved"));
      await client.invalidateQueries({ queryKey: ["notice-settings"] });
    },
  });
  return (
    <Panel title={t("notices.general")}>
      <Ask of={now}>
        {({ value, etag }) => (
          <form
            className="form"
            key={etag}
            onSubmit={(event: FormEvent<HTMLFormElement>) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              save.mutate({
                etag,
                body: {
                  address: String(form.get("address")),
                  dead_after_days: Number(form.get("dead")),
                  callout: {
                    on: form.get("callout") === "on",
                    day: Number(form.get("day")),
                    at: String(form.get("at")),
                    zone: String(form.get("zone")),
                    target_minutes: Number(form.get("target")),
                  },
                },
              });
            }}
          >
            <div className="field">
              <label htmlFor="n-address">{t("notices.address")}</label>
              <input
                className="input"
                id="n-address"
                name="address"
                defaultValue={value.address}
                placeholder="https://skanse.plant.example:8443"
              />
            </div>
            <div className="field">
              <label htmlFor="n-dead">{t("notices.dead_after")}</label>
              <input
                className="input"
                id="n-dead"
                name="dead"
                type="number"
                min={1}
                max={60}
                defaultValue={value.dead_after_days}
              />
            </div>
            <label className="check">
              <input type="checkbox" name="callout" defaultChecked={value.callout.on} /> {t("notices.callout_on")}
            </label>
            <div className="pair">
              <div className="field">
                <label htmlFor="n-day">{t("notices.callout_day")}</label>
                <input
                  className="input"
                  id="n-day"
                  name="day"
                  type="number"
                  min={1}
                  max={28}
                  defaultValue={value.callout.day}
                />
              </div>
              <div className="field">
                <label htmlFor="n-at">{t("notices.callout_at")}</label>
                <input className="input" id="n-at" name="at" type="time" required defaultValue={value.callout.at} />
              </div>
              <div className="field">
                <label htmlFor="n-zone">{t("settings.tz")}</label>
                <input className="input" id="n-zone" name="zone" required defaultValue={value.callout.zone} />
              </div>
              <div className="field">
                <label htmlFor="n-target">{t("notices.callout_target")}</label>
                <input
                  className="input"
                  id="n-target"
                  name="target"
                  type="number"
                  min={1}
                  max={1440}
                  defaultValue={value.callout.target_minutes}
                />
              </div>
            </div>
            {save.error && <ErrorNote error={save.error} />}
            <div className="line">
              <button type="submit" className="btn primary" disabled={save.isPending}>
                {t("common.save")}
              </button>
            </div>
          </form>
        )}
      </Ask>
    </Panel>
  );
}
