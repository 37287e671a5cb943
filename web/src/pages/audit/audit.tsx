import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMay } from "../../api/may";
import { auditLog, checkpoint, sites, users } from "../../api/queries";
import type { AuditEntry } from "../../api/types";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Go } from "../../ui/go";
import { More } from "../../ui/more";
import { Ask, Empty, Page } from "../../ui/page";
import { SavedViews } from "../../ui/saved-views";
import { Scroll } from "../../ui/scroll";
import { SearchBox } from "../../ui/search-box";
import { hrefOf } from "../../ui/target";
import { Ago, When } from "../../ui/when";
import "./audit.css";

/** Who changed what, in a log that cannot be rewritten unseen. */
export default function AuditPage() {
  const filter = useSearch({ from: "/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const list = useInfiniteQuery(auditLog(filter));
  const siteList = useQuery(sites);
  const userList = useQuery({ ...users, enabled: useMay("user:read") });
  const people = new Map(userList.data?.items.map((u) => [u.id, u.name]));
  const names = new Map(siteList.data?.items.map((s) => [s.id, s.name]));
  const set = (change: Partial<typeof filter>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <Page title={t("audit.title")} sub={t("audit.lead")}>
      <Checkpoint />
      <div className="line tools">
        <label className="line">
          <span className="quiet small">{t("audit.actor")}</span>
          <select
            className="input picker"
            value={filter.actor ?? ""}
            onChange={(event) => set({ actor: event.target.value || undefined })}
          >
            <option value="">{t("common.all")}</option>
            <option value="system">{word("actor", "system")}</option>
            {(userList.data?.items ?? []).map((user) => (
              <option key={user.id} value={user.id}>
                {user.name}
              </option>
            ))}
          </select>
        </label>
        <SearchBox
          value={filter.action ?? ""}
          label={t("audit.action")}
          hint={t("audit.action_hint")}
          onChange={(action) => set({ action: action || undefined })}
        />
        <SavedViews page="/audit" search={filter} />
      </div>
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          return rows.length === 0 ? (
            <Empty title={t("audit.none")} />
          ) : (
            <div className="panel">
              <Table rows={rows} names={names} people={people} />
              <More of={list} />
            </div>
          );
        }}
      </Ask>
    </Page>
  );
}

function Checkpoint() {
  const answer = useQuery(checkpoint);
  if (!answer.data) return null;
  const { size, root, at } = answer.data;
  return (
    <div className="panel checkpoint">
      <dl className="facts">
        <dt>{t("audit.checkpoint")}</dt>
        <dd>
          {t("audit.entries", { count: size, shown: count(size) })}, <Ago at={at} full />
        </dd>
        <dt>{t("audit.root")}</dt>
        <dd className="mono">{root}</dd>
      </dl>
      <p className="quiet small">{t("audit.verify")}</p>
    </div>
  );
}

type Names = Map<string, string>;

function Table({ rows, names, people }: { rows: AuditEntry[]; names: Names; people: Names }) {
  return (
    <Scroll label={t("audit.title")}>
      <table className="table audit">
        <thead>
          <tr>
            <th scope="col" className="right">
              {t("audit.index")}
            </th>
            <th scope="col">{t("audit.at")}</th>
            <th scope="col">{t("audit.actor")}</th>
            <th scope="col">{t("audit.action")}</th>
            <th scope="col">{t("audit.target")}</th>
            <th scope="col">{t("audit.detail")}</th>
            <th scope="col">{t("audit.hash")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.index} ${row.at} ${row.action} ${row.target.id} ${row.hash}`}>
              <td className="right quiet">{row.index === null ? t("audit.pending") : count(row.index)}</td>
              <td>
                <When at={row.at} />
              </td>
              <td>{people.get(row.actor) ?? (row.detail?.by || word("actor", row.actor))}</td>
              <td>{word("action", row.action)}</td>
              <td>
                <Target row={row} site={names.get(row.site_id)} />
              </td>
              <td className="quiet">
                {row.erased && t("audit.erased")}
                {Object.entries(row.detail ?? {})
                  .filter(([key]) => key !== "by")
                  .map(([key, value]) => `${key}: ${brief(value)}`)
                  .join(" · ")}
              </td>
              <td className="mono quiet" title={row.hash}>
                {row.hash?.slice(0, 10)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** A hash says enough by its head; the log itself keeps it whole. */
function brief(value: string): string {
  return /^[0-9a-f]{40,}$/.test(value) ? `${value.slice(0, 12)}…` : value;
}

const linked = new Set(["asset", "conversation", "requirement", "zone", "site", "capture"]);

function Target({ row, site }: { row: AuditEntry; site: string | undefined }) {
  const { kind, id } = row.target;
  return (
    <>
      {linked.has(kind) && id ? (
        <Go href={hrefOf(kind, id, row.site_id)}>{word("kind", kind)}</Go>
      ) : (
        <span className="quiet">{kind && word("kind", kind)}</span>
      )}
      {site && <span className="quiet"> · {site}</span>}
    </>
  );
}
