import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, asIs } from "../../api/client";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { bytes, count, share } from "../../ui/format";
import { Ask, ErrorNote } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";
import { type Edge, type EdgeDetail, edge as edgeQuery, useRefresh } from "./ask";
import { Configure } from "./configure";
import { State } from "./sensors";
import { fromMicros, skew } from "./state";

/** One sensor: how it is, what it listens to, and what a person can do about it. */
export function SensorDrawer({ id, may, onClose }: { id: string; may: boolean; onClose: () => void }) {
  const got = useQuery(edgeQuery(id));
  return (
    <Dialog title={got.data?.edge.name ?? t("sensors.name")} onClose={onClose}>
      <Ask of={got}>
        {({ edge, etag }) => (
          <div className="sensor">
            <Health edge={edge} />
            <Listening edge={edge} />
            {may && !edge.in_process && edge.state !== "revoked" && <Configure edge={edge} etag={etag} />}
            {may && !edge.in_process && edge.state !== "revoked" && <Acts edge={edge} />}
          </div>
        )}
      </Ask>
    </Dialog>
  );
}

function Health({ edge }: { edge: EdgeDetail }) {
  const h = edge.health;
  const rows: [string, React.ReactNode][] = [
    [t("sensors.state"), <State key="s" edge={edge} />],
    [t("sensors.heard"), <Ago key="h" at={edge.heard_at} full />],
    [t("sensors.version"), [h.version, h.host].filter(Boolean).join(" · ") || t("common.unknown")],
    [t("sensors.clock"), skew(edge.skew_seconds)],
    [
      t("sensors.load"),
      h.memory > 0
        ? t("sensors.load_of", { cpu: share(h.cpu), memory: bytes(h.memory), hours: Math.floor(h.uptime_s / 3600) })
        : t("common.unknown"),
    ],
    [
      t("sensors.disk"),
      h.disk_total > 0 ? t("sensors.disk_of", { free: bytes(h.disk_free), total: bytes(h.disk_total) }) : "–",
    ],
    [
      t("sensors.queue"),
      <>
        {t("sensors.queue_of", { count: h.queue.waiting, size: bytes(h.queue.bytes), budget: bytes(h.queue.budget) })}
        {h.queue.waiting > 0 && (
          <>
            {" "}
            <Ago at={fromMicros(h.queue.oldest_at)} full />
          </>
        )}
      </>,
    ],
  ];
  if (h.queue.dropped_bulk + h.queue.dropped_whole > 0)
    rows.push([
      t("sensors.dropped"),
      t("sensors.dropped_of", { counters: count(h.queue.dropped_bulk), whole: count(h.queue.dropped_whole) }),
    ]);
  rows.push([
    t("sensors.delivered"),
    t("sensors.delivered_of", { received: count(edge.received), waiting: count(edge.waiting) }),
  ]);
  if (edge.lost > 0) rows.push([t("sensors.lost"), count(edge.lost)]);
  if (edge.refused > 0) rows.push([t("sensors.refused"), count(edge.refused)]);
  if (h.rules.bundle) rows.push([t("sensors.rules"), <Rules key="r" edge={edge} />]);
  if (edge.cert_until) rows.push([t("sensors.certificate"), <When key="c" at={edge.cert_until} />]);
  return (
    <section aria-label={t("sensors.health")}>
      {edge.why && <p className="strong">{edge.why}</p>}
      {h.witness && <p className="strong">{h.witness}</p>}
      <dl className="health">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {edge.gaps.length > 0 && (
        <p>
          {t("sensors.gaps", { count: edge.gaps.length })}{" "}
          <span className="num">{edge.gaps.map((gap) => `${gap.from}–${gap.to}`).join(", ")}</span>
        </p>
      )}
    </section>
  );
}

/** Which detections really run there, and why not those of this centre. */
function Rules({ edge }: { edge: EdgeDetail }) {
  const rules = edge.health.rules;
  return (
    <>
      {t("sensors.rules_of", { count: rules.judged, version: rules.version })}{" "}
      {rules.bundle === edge.rules_wanted ? (
        <span className="quiet">{t("sensors.rules_same")}</span>
      ) : (
        <span className="strong">{t("sensors.rules_differ")}</span>
      )}
      {rules.error && <div className="small">{rules.error}</div>}
    </>
  );
}

function Listening({ edge }: { edge: EdgeDetail }) {
  const ports = edge.health.ports;
  if (ports.length === 0) return null;
  return (
    <section aria-label={t("sensors.interfaces")}>
      <h3>{t("sensors.interfaces")}</h3>
      <Scroll label={t("sensors.interfaces")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("sensors.interface")}</th>
              <th scope="col">{t("sensors.state")}</th>
              <th scope="col" className="right">
                {t("sensors.packets")}
              </th>
              <th scope="col" className="right">
                {t("sensors.port_dropped")}
              </th>
              <th scope="col" className="right">
                {t("sensors.sent")}
              </th>
            </tr>
          </thead>
          <tbody>
            {ports.map((port) => (
              <tr key={port.name}>
                <td className="mono">{port.name}</td>
                <td>
                  {t(port.listening ? "sensors.port_listening" : port.up ? "sensors.port_up" : "sensors.port_down")}
                  {port.error && <div className="small">{port.error}</div>}
                </td>
                <td className="right num">{port.listening ? count(port.packets) : "–"}</td>
                <td className="right num">{port.listening ? count(port.dropped) : "–"}</td>
                <td className="right num">{port.listening ? count(port.transmitted) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Acts({ edge }: { edge: Edge }) {
  const refresh = useRefresh();
  const [revoking, setRevoking] = useState(false);
  const done = (text: string) => async () => {
    notify(text);
    setRevoking(false);
    await refresh();
  };
  const path = { params: { path: { id: edge.id } } };
  const release = useMutation({
    mutationFn: () => api.POST("/edges/{id}/release", path),
    onSuccess: done(t("sensors.released")),
  });
  const giveUp = useMutation({
    mutationFn: () => api.POST("/edges/{id}/give-up", path),
    onSuccess: done(t("sensors.given_up")),
  });
  const revoke = useMutation({
    mutationFn: (reason: string) => api.POST("/edges/{id}/revoke", { ...path, body: { reason } }),
    onSuccess: done(t("sensors.revoked")),
  });
  const reply = useMutation({ mutationFn: () => download(edge.id) });
  const error = release.error ?? giveUp.error ?? revoke.error ?? reply.error;
  return (
    <section className="acts" aria-label={t("settings.actions")}>
      <div className="line">
        {edge.state === "quarantined" && (
          <button type="button" className="btn" onClick={() => release.mutate()}>
            {t("sensors.release")}
          </button>
        )}
        {edge.gaps.length > 0 && (
          <button type="button" className="btn" onClick={() => giveUp.mutate()}>
            {t("sensors.give_up")}
          </button>
        )}
        {edge.state === "active" && (
          <button type="button" className="btn" onClick={() => reply.mutate()} title={t("sensors.reply_why")}>
            {t("sensors.reply")}
          </button>
        )}
        <button type="button" className="btn danger" onClick={() => setRevoking(true)}>
          {t("settings.revoke")}
        </button>
      </div>
      {edge.state === "quarantined" && <p className="quiet small">{t("sensors.release_why")}</p>}
      {error && <ErrorNote error={error} />}
      {revoking && (
        <Dialog title={t("sensors.revoke_title", { name: edge.name })} kind="box" onClose={() => setRevoking(false)}>
          <form
            className="form"
            onSubmit={(event) => {
              event.preventDefault();
              revoke.mutate(String(new FormData(event.currentTarget).get("reason")));
            }}
          >
            <p>{t("sensors.revoke_why")}</p>
            <div className="field">
              <label htmlFor="revoke-reason">{t("sensors.reason")}</label>
              <input className="input" id="revoke-reason" name="reason" maxLength={500} required />
            </div>
            <div className="line">
              <button type="submit" className="btn danger" disabled={revoke.isPending}>
                {t("settings.revoke")}
              </button>
              <button type="button" className="btn" onClick={() => setRevoking(false)}>
                {t("common.cancel")}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </section>
  );
}

async function download(id: string) {
  const params = { path: { id } };
  const { data, response } = await api.POST("/edges/{id}/reply", { params, ...asIs(new Blob()), parseAs: "blob" });
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "reply.skf";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data as unknown as Blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
