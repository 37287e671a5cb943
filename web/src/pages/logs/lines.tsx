import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type LogLine, type LogSource, logLines } from "../../api/logs";
import { t, word } from "../../texts";
import { dateTime } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { More } from "../../ui/more";
import { Ask, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SearchBox } from "../../ui/search-box";
import { When } from "../../ui/when";

type Props = { site: string; sources: LogSource[] };

/** Finds lines by who said them, when, and the words in them. */
export function Lines({ site, sources }: Props) {
  const search = useSearch({ from: "/logs" });
  const navigate = useNavigate({ from: "/logs" });
  const put = (part: Partial<typeof search>) =>
    navigate({ search: (old) => ({ ...old, ...part }), replace: true, resetScroll: false });
  const list = useInfiniteQuery({
    ...logLines({
      site,
      source: search.source ?? "",
      asset: search.asset ?? "",
      q: search.q ?? "",
      from: iso(search.from),
      to: iso(search.to),
      severity: search.severity ? Number(search.severity) : -1,
    }),
    enabled: site !== "",
  });
  const assets = new Map(sources.filter((s) => s.asset_id).map((s) => [s.asset_id, s.asset_name || s.name]));
  if (search.asset && !assets.has(search.asset)) assets.set(search.asset, t("logs.this_asset"));
  const lines = { ...list, data: list.data?.pages.flatMap((page) => page.items) };
  const until = list.data?.pages.at(-1)?.until;
  return (
    <Panel title={t("logs.lines")} id="lines">
      <div className="line log-find">
        <SearchBox
          value={search.q ?? ""}
          label={t("logs.words")}
          hint={t("logs.words")}
          onChange={(q) => put({ q: q || undefined })}
        />
        <label className="small quiet">
          {t("logs.source")}
          <select
            className="input picker"
            value={search.source ?? ""}
            onChange={(event) => put({ source: event.target.value || undefined })}
          >
            <option value="">{t("logs.any")}</option>
            {sources.map((s) => (
              <option key={s.id} value={s.id}>
                {s.name}
              </option>
            ))}
          </select>
        </label>
        <label className="small quiet">
          {t("logs.asset")}
          <select
            className="input picker"
            value={search.asset ?? ""}
            onChange={(event) => put({ asset: event.target.value || undefined })}
          >
            <option value="">{t("logs.any")}</option>
            {[...assets].map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="small quiet">
          {t("logs.gravity")}
          <select
            className="input picker"
            value={search.severity ?? ""}
            onChange={(event) => put({ severity: event.target.value || undefined })}
          >
            <option value="">{t("logs.any")}</option>
            {["2", "3", "4", "5"].map((n) => (
              <option key={n} value={n}>
                {t("logs.or_graver", { what: word("log_severity", n) })}
              </option>
            ))}
          </select>
        </label>
        <label className="small quiet">
          {t("logs.from")}
          <input
            className="input"
            type="datetime-local"
            value={search.from ?? ""}
            onChange={(event) => put({ from: event.target.value || undefined })}
          />
        </label>
        <label className="small quiet">
          {t("logs.to")}
          <input
            className="input"
            type="datetime-local"
            value={search.to ?? ""}
            onChange={(event) => put({ to: event.target.value || undefined })}
          />
        </label>
      </div>
      <Ask of={lines}>
        {(found) =>
          found.length === 0 ? (
            <p className="quiet">{t(until ? "logs.none_until" : "logs.no_lines", { at: dateTime(until) })}</p>
          ) : (
            <Scroll label={t("logs.lines")}>
              <table className="table log-lines">
                <thead>
                  <tr>
                    <th scope="col">{t("logs.received")}</th>
                    <th scope="col">{t("logs.source")}</th>
                    <th scope="col">{t("logs.gravity")}</th>
                    <th scope="col">{t("logs.line")}</th>
                  </tr>
                </thead>
                <tbody>
                  {found.map((line) => (
                    <Row key={line.id} line={line} />
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Ask>
      <More of={list} />
    </Panel>
  );
}

function Row({ line }: { line: LogLine }) {
  const told = line.told && Math.abs(Date.parse(line.told) - Date.parse(line.at)) > 60_000;
  return (
    <tr className={line.by === "skanse" ? "own" : undefined}>
      <td className="nowrap">
        <When at={line.at} />
        {told && (
          <div className="quiet small">
            {t("logs.told")} <When at={line.told} />
          </div>
        )}
      </td>
      <td>
        {line.asset_id ? <Go href={`/assets/${line.asset_id}`}>{line.source}</Go> : line.source}
        {line.host && line.host !== line.source && <div className="quiet small">{line.host}</div>}
      </td>
      <td className="nowrap">
        {line.severity >= 0 && line.severity <= 3 && <Mark priority={line.severity <= 2 ? 2 : 3} quiet />}{" "}
        {line.severity >= 0 ? word("log_severity", String(line.severity)) : ""}
      </td>
      <td className="line-text">
        {line.app && <span className="quiet">{line.app}: </span>}
        {line.text}
        {line.cut && <span className="quiet"> {t("logs.cut")}</span>}
      </td>
    </tr>
  );
}

/** A time as the field has it, in the browser's zone, as the server wants it. */
const iso = (local: string | undefined) => {
  const at = local ? new Date(local) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : "";
};
