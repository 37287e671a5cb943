import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { answer, api, asIs } from "../../api/client";
import { type LogSource, logKey, type Stranger } from "../../api/logs";
import type { components } from "../../api/schema";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { Empty, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago } from "../../ui/when";
import { SourceForm } from "./form";

type Register = components["schemas"]["LogsRegister"];
type Props = { register: Register; site: string; may: boolean; onAdd: () => void };

/** Beyond this a clock is wrong: the check asks for 5 seconds. */
const mostOffset = 5000;

/** How long a span of seconds is, in the unit that people would say. */
export function span(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return `${Math.round(seconds / 60)} min`;
}

export function Sources({ register, site, may, onAdd }: Props) {
  const [changing, setChanging] = useState<LogSource>();
  const add = may && (
    <button type="button" className="btn" onClick={onAdd}>
      {t("logs.add")}
    </button>
  );
  return (
    <Panel title={t("logs.sources")} side={add}>
      {register.sources.length === 0 ? (
        <Empty title={t("logs.none")}>
          <p>{t("logs.none_why")}</p>
        </Empty>
      ) : (
        <Scroll label={t("logs.sources")}>
          <table className="table log-sources">
            <thead>
              <tr>
                <th scope="col">{t("logs.source")}</th>
                <th scope="col">{t("logs.state")}</th>
                <th scope="col">{t("logs.last")}</th>
                <th scope="col" className="right">
                  {t("logs.expected")}
                </th>
                <th scope="col" className="right">
                  {t("logs.offset")}
                </th>
                <th scope="col">{t("logs.kept")}</th>
                <th scope="col" className="right">
                  {t("logs.count")}
                </th>
                <th scope="col">
                  <span className="hidden">{t("logs.change")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {register.sources.map((s) => (
                <Row key={s.id} source={s} site={site} may={may} onChange={() => setChanging(s)} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <p className="quiet small">
        {register.kept_days > 0 ? t("logs.kept_rule", { days: register.kept_days }) : t("logs.kept_ever")}
      </p>
      {changing && <SourceForm site={site} source={changing} onClose={() => setChanging(undefined)} />}
    </Panel>
  );
}

function Row({
  source: s,
  site,
  may,
  onChange,
}: {
  source: LogSource;
  site: string;
  may: boolean;
  onChange: () => void;
}) {
  const where = [s.address, s.host].filter(Boolean).join(" · ");
  const wrong = s.offset_ms !== null && Math.abs(s.offset_ms) > mostOffset;
  return (
    <tr>
      <td>
        <Link to="/logs" search={{ site, source: s.id }} hash="lines" className="strong">
          {s.name}
        </Link>
        <div className="quiet small">
          {word("log_kind", s.kind)}
          {where && ` · ${where}`}
          {s.asset_id && s.asset_name !== s.name && (
            <>
              {" · "}
              <Go href={`/assets/${s.asset_id}`}>{s.asset_name}</Go>
            </>
          )}
        </div>
      </td>
      <td className="nowrap">
        {s.state === "silent" && <Mark priority={2} />} {word("log_state", s.state)}
      </td>
      <td>
        <Ago at={s.last_at} full />
      </td>
      <td className="right num nowrap">{span(s.interval_s)}</td>
      <td className="right num nowrap">
        {s.offset_ms === null ? (
          <span className="quiet">{t("common.unknown")}</span>
        ) : (
          <>
            {wrong && <Mark priority={3} />} {(s.offset_ms / 1000).toFixed(1)} s
          </>
        )}
      </td>
      <td>
        <span className="bar">
          <i style={{ width: `${Math.min(100, (100 * s.kept_days) / s.retention_days)}%` }} />
        </span>
        <span className="num small nowrap">
          {t("logs.kept_of", { kept: Math.floor(s.kept_days), asked: s.retention_days })}
        </span>
      </td>
      <td className="right num nowrap">
        {count(s.lines)}
        {s.not_kept > 0 && (
          <div className="small nowrap">
            <Mark priority={3} quiet /> {t("logs.not_kept", { count: s.not_kept })}
          </div>
        )}
      </td>
      <td className="right nowrap">
        {may && (
          <>
            {(s.kind === "windows" || s.kind === "relay") && <Events source={s} />}{" "}
            <button
              type="button"
              className="btn small"
              aria-label={`${t("logs.change")}: ${s.name}`}
              onClick={onChange}
            >
              {t("logs.change")}
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

/** Takes in a file of a Windows machine's events. */
function Events({ source }: { source: LogSource }) {
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const send = useMutation({
    mutationFn: (file: File) =>
      answer(
        api.POST("/log-sources/{id}/events", {
          params: { path: { id: source.id }, query: { name: file.name } },
          ...asIs(file),
        }),
      ),
    onSuccess: (out) => {
      notify(t("logs.imported", { count: out.events, known: out.known, damaged: out.damaged }));
      return client.invalidateQueries({ queryKey: logKey });
    },
  });
  return (
    <>
      <button
        type="button"
        className="btn small"
        aria-label={`${t("logs.events")}: ${source.name}`}
        disabled={send.isPending}
        onClick={() => input.current?.click()}
      >
        {t(send.isPending ? "common.loading" : "logs.events")}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept=".evtx,.xml"
        aria-label={t("logs.events")}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) send.mutate(file);
        }}
      />
      {send.error && <ErrorNote error={send.error} />}
    </>
  );
}

/** Who sends lines and is not expected: nothing of it is kept. */
export function Strangers({ list, site, may }: { list: Stranger[]; site: string; may: boolean }) {
  const [adding, setAdding] = useState<Stranger>();
  return (
    <Panel title={t("logs.strangers")}>
      <p className="quiet small">{t("logs.strangers_why")}</p>
      <Scroll label={t("logs.strangers")}>
        <table className="table log-strangers">
          <thead>
            <tr>
              <th scope="col">{t("logs.address")}</th>
              <th scope="col">{t("logs.host")}</th>
              <th scope="col">{t("logs.last")}</th>
              <th scope="col" className="right">
                {t("logs.count")}
              </th>
              <th scope="col">{t("logs.sample")}</th>
              <th scope="col">
                <span className="hidden">{t("logs.expect")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {list.map((x) => (
              <tr key={`${x.address} ${x.host}`}>
                <td className="num">{x.address}</td>
                <td>{x.host}</td>
                <td>
                  <Ago at={x.last_at} full />
                </td>
                <td className="right num">{count(x.lines)}</td>
                <td className="line-text">{x.sample}</td>
                <td className="right">
                  {may && (
                    <button
                      type="button"
                      className="btn small"
                      aria-label={`${t("logs.expect")}: ${x.address}`}
                      onClick={() => setAdding(x)}
                    >
                      {t("logs.expect")}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {adding && <SourceForm site={site} stranger={adding} onClose={() => setAdding(undefined)} />}
    </Panel>
  );
}
