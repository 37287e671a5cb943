import { useQuery } from "@tanstack/react-query";
import type { components } from "../../../api/schema";
import { t, word } from "../../../texts";
import { bytes, count, figure } from "../../../ui/format";
import { Mark } from "../../../ui/mark";
import { Ask, Panel } from "../../../ui/page";
import { Spark } from "../../../ui/spark";
import { Table } from "../../../ui/table";
import { Ago, useNow, When } from "../../../ui/when";
import { system } from "./questions";
import { Retention } from "./retention";
import { Snapshots } from "./snapshots";
import "./installation.css";

type System = components["schemas"]["CareSystem"];

/** How the installation itself is, where its snapshots go, and how long what is kept. */
export default function Installation() {
  const state = useQuery(system);
  return (
    <div className="stack">
      <Ask of={state}>
        {(at) => (
          <>
            <Problems at={at} />
            <Panel title={t("care.state")}>
              <State at={at} />
            </Panel>
          </>
        )}
      </Ask>
      <Snapshots />
      <Retention />
      <Ask of={state}>
        {(at) => (
          <Panel title={t("care.jobs")}>
            <Jobs at={at} />
          </Panel>
        )}
      </Ask>
    </div>
  );
}

function Problems({ at }: { at: System }) {
  return (
    <Panel title={t("care.problems")}>
      {at.problems.length === 0 ? (
        <p className="quiet">{t("care.no_problem")}</p>
      ) : (
        <ul className="items">
          {at.problems.map((problem) => (
            <li key={problem.id}>
              <Mark priority={problem.urgent ? 2 : 3} />
              <div>
                <strong>{problem.title}</strong>
                <div className="quiet">{problem.detail}</div>
              </div>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function duration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours >= 48) return t("care.days", { count: Math.floor(hours / 24) });
  if (hours >= 1) return `${hours} h`;
  return `${Math.max(0, Math.floor(ms / 60_000))} min`;
}

function State({ at }: { at: System }) {
  const now = useNow();
  const used = at.disk.size > 0 ? 1 - at.disk.free / at.disk.size : 0;
  return (
    <div className="care-state">
      <dl className="facts">
        <dt>{t("care.version")}</dt>
        <dd>
          {at.version} <span className="quiet">{at.platform}</span>
        </dd>
        <dt>{t("care.runs")}</dt>
        <dd>
          {duration(now - Date.parse(at.started_at))}, <span className="quiet">{t("care.clock")}</span>{" "}
          <When at={at.now} />
        </dd>
        <dt>{t("care.database")}</dt>
        <dd>
          {at.database.engine === "sqlite" ? "SQLite" : "PostgreSQL"}, {bytes(at.database.bytes)}
          {at.database.free_bytes > 1_000_000 && (
            <span className="quiet"> {t("care.unused", { size: bytes(at.database.free_bytes) })}</span>
          )}
        </dd>
        <dt>{t("care.answers")}</dt>
        <dd>
          {t("care.read_ms", { ms: figure(at.database.read_ms) })},{" "}
          {at.database.write_ms > 0 ? t("care.write_ms", { ms: figure(at.database.write_ms) }) : t("common.unknown")}
        </dd>
        <dt>{t("care.memory")}</dt>
        <dd>
          {bytes(at.memory.system)}:{" "}
          <span className="quiet">
            {t("care.heap", { size: bytes(at.memory.heap) })}, {t("care.goroutines", { count: at.goroutines })}
          </span>
        </dd>
      </dl>
      <dl className="facts">
        <dt>{t("care.disk")}</dt>
        <dd>
          {at.disk.known ? (
            <>
              {t("care.free_of", { free: bytes(at.disk.free), size: bytes(at.disk.size) })}
              <span className="bar" aria-hidden="true">
                <i style={{ width: `${Math.round(used * 100)}%` }} />
              </span>
            </>
          ) : (
            t("common.unknown")
          )}
        </dd>
        <dt>{t("care.forecast")}</dt>
        <dd>
          {at.full_in_days === null || at.full_in_days === undefined
            ? at.days.length < 3
              ? t("care.forecast_early")
              : t("care.forecast_never")
            : t("care.forecast_days", { days: count(at.full_in_days) })}{" "}
          <Spark values={at.days.map((day) => day.free)} label={t("care.disk_days")} />
        </dd>
        {at.figures.map((one) => (
          <Figure key={one.name} one={one} />
        ))}
        {at.queues.map((queue) => (
          <Queue key={queue.name} queue={queue} />
        ))}
      </dl>
    </div>
  );
}

function Figure({ one }: { one: components["schemas"]["CareFigure"] }) {
  return (
    <>
      <dt>{word("care_figure", one.name) === one.name ? one.title : word("care_figure", one.name)}</dt>
      <dd>
        {one.unit === "bytes" ? bytes(one.value) : one.unit === "seconds" ? figure(one.value, "s") : count(one.value)}
      </dd>
    </>
  );
}

function Queue({ queue }: { queue: components["schemas"]["CareQueue"] }) {
  return (
    <>
      <dt>{t("care.queue", { name: queue.name })}</dt>
      <dd>
        {queue.behind === 0 ? (
          t("care.up_to_date")
        ) : (
          <>
            {t("care.behind", { count: queue.behind })} (<Ago at={queue.oldest_at} />)
          </>
        )}
      </dd>
    </>
  );
}

function Jobs({ at }: { at: System }) {
  return (
    <Table label={t("care.jobs")} heads={[t("care.job"), t("care.last_run"), t("care.next_run"), t("care.result")]}>
      {at.jobs.map((job) => (
        <tr key={job.name}>
          <td>{job.name}</td>
          <td>
            <Ago at={job.ran_at} full />
          </td>
          <td>
            <When at={job.next_at} />
          </td>
          <td>
            {job.running ? (
              t("care.running")
            ) : job.error ? (
              <>
                <Mark priority={3} /> {job.error}
              </>
            ) : (
              t("care.well")
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
