import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, set } from "../../api/client";
import { useMay } from "../../api/may";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { CutPackets } from "../../ui/cut-packets";
import { bytes, count, figure } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { MirrorSentence } from "../../ui/mirror";
import { Ask, Panel } from "../../ui/page";
import { Spark } from "../../ui/spark";
import { Ago } from "../../ui/when";
import { ListeningSettings } from "./listening-settings";
import { Selftest } from "./selftest";
import "./listening.css";

export type Listener = components["schemas"]["ListenInterface"];

export const listening = (site: string | undefined) =>
  queryOptions({
    queryKey: ["listening", site],
    queryFn: ({ signal }) => answer(api.GET("/listening", { params: { query: set({ site }) }, signal })),
    refetchInterval: 5_000,
  });

/** The interfaces at the mirror ports: what each hears, loses, says and keeps, and what to mend at the switch. */
export function Listening({ site }: { site: string | undefined }) {
  const list = useQuery(listening(site));
  return (
    <Panel title={t("listening.title")} id="listening">
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="quiet">{t("listening.none")}</p>
          ) : (
            <ul className="listeners">
              {data.items.map((x) => (
                <Row key={x.id} of={x} />
              ))}
            </ul>
          )
        }
      </Ask>
    </Panel>
  );
}

function Row({ of }: { of: Listener }) {
  const may = useMay("edge:write");
  const [editing, setEditing] = useState(false);
  return (
    <li>
      <div className="line">
        <b className="strong">{of.name}</b>
        {of.away && <span className="tag">{t("listening.away")}</span>}
        {of.port?.silent && <span className="tag">{t("listening.silent")}</span>}
        {of.port && !of.port.silent && (
          <span className="tag p2">
            <Mark priority={2} quiet />
            {t("listening.not_silent")}
          </span>
        )}
        <span className="quiet small">
          {of.received_at ? (
            <>
              {t("listening.heard")} <Ago at={of.received_at} full />
            </>
          ) : (
            t("listening.never")
          )}
        </span>
        <span className="acts">
          {may && of.reach && (
            <button type="button" className="btn small" onClick={() => setEditing(true)}>
              {t("listening.settings")}
              <span className="hidden"> {of.name}</span>
            </button>
          )}
          {of.ring && <CutPackets of={{ source: of.id }} what={of.name} small />}
        </span>
      </div>
      <Figures of={of} />
      <ul className="said">
        {of.sentences.map((s) => (
          <MirrorSentence key={s.id + s.text} of={s} />
        ))}
      </ul>
      <Selftest source={of.id} name={of.name} />
      {editing && <ListeningSettings of={of} onClose={() => setEditing(false)} />}
    </li>
  );
}

function rate(bits: number): string {
  if (bits >= 1e9) return figure(bits / 1e9, "Gbit/s");
  if (bits >= 1e6) return figure(bits / 1e6, "Mbit/s");
  return figure(bits / 1e3, "kbit/s");
}

function Figures({ of }: { of: Listener }) {
  const ring = of.ring;
  return (
    <dl className="figures">
      <div>
        <dt>{t("listening.rate")}</dt>
        <dd>
          <span className="num">{t("listening.per_second", { shown: count(Math.round(of.rate)) })}</span>{" "}
          <span className="quiet num">{rate(of.bits)}</span>{" "}
          <Spark values={of.rates} label={t("listening.rate_lately")} />
        </dd>
      </div>
      <div>
        <dt>{t("listening.lost")}</dt>
        <dd className={of.dropped > 0 ? "strong num" : "num"}>
          {count(of.dropped)}{" "}
          {of.dropped_at && (
            <span className="quiet small">
              {t("listening.last")} <Ago at={of.dropped_at} />
            </span>
          )}
        </dd>
      </div>
      <div>
        <dt>{t("listening.sent")}</dt>
        <dd className={of.transmitted > 0 ? "strong num" : "num"}>
          {of.transmitted > 0 && <Mark priority={1} />} {count(of.transmitted)}
        </dd>
      </div>
      <div>
        <dt>{t("listening.filter")}</dt>
        <dd>{of.port?.filter ? <code>{of.port.filter}</code> : t("listening.everything")}</dd>
      </div>
      <div className="ring">
        <dt>{ring?.disk ? t("listening.ring_disk") : t("listening.ring_memory")}</dt>
        <dd>
          {!ring ? (
            <span className="quiet">{t("listening.ring_off")}</span>
          ) : (
            <>
              <span className="num">
                {t("listening.ring_full", { used: bytes(ring.used), size: bytes(ring.size) })}
              </span>{" "}
              {ring.oldest_at && (
                <span className="quiet">
                  {t("listening.back_to")} <Ago at={ring.oldest_at} full />
                </span>
              )}
              <meter
                min={0}
                max={ring.size}
                value={Math.min(ring.used, ring.size)}
                aria-label={t("listening.ring_fill")}
              />
              {ring.disk && ring.per_day > 0 && (
                <span className="quiet small">
                  {" "}
                  {t("listening.wear", { day: bytes(ring.per_day), year: bytes(ring.per_day * 365) })}
                </span>
              )}
              {ring.unstored > 0 && (
                <span className="small">
                  {" "}
                  {t("listening.unstored", { count: ring.unstored, shown: count(ring.unstored) })}
                </span>
              )}
              {ring.problem && <span className="small"> {ring.problem}</span>}
            </>
          )}
        </dd>
      </div>
      {ring && (
        <div>
          <dt>{t("listening.whole")}</dt>
          <dd>
            {of.own.length > 0 ? (
              <span className="num">{of.own.join(", ")}</span>
            ) : (
              <span className="quiet">{t("listening.whole_none")}</span>
            )}{" "}
            <span className="quiet small">
              {of.settings.beyond > 0
                ? t("listening.others_some", { count: of.settings.beyond })
                : t("listening.others_headers")}
            </span>
          </dd>
        </div>
      )}
    </dl>
  );
}
