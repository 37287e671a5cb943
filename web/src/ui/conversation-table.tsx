import { Link } from "@tanstack/react-router";
import type { ConversationRow, Endpoint } from "../api/types";
import { t, word } from "../texts";
import { bytes, count } from "./format";
import { Scroll } from "./scroll";
import { Ago } from "./when";
import "./conversation-table.css";

/** Who talks to whom, in which protocol; `about` names the asset whose own side needs no link. */
export function ConversationTable({ rows, about }: { rows: ConversationRow[]; about?: string }) {
  return (
    <Scroll label={t("conversations.title")}>
      <table className="table talks">
        <thead>
          <tr>
            <th scope="col">{t("conversations.protocol")}</th>
            <th scope="col">{t("conversations.client")}</th>
            <th scope="col">{t("conversations.server")}</th>
            <th scope="col" className="right">
              {t("conversations.packets")}
            </th>
            <th scope="col" className="right">
              {t("conversations.bytes")}
            </th>
            <th scope="col" className="right">
              {t("conversations.last")}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <td>
                <Link to="/conversations/$id" params={{ id: row.id }}>
                  {protocolOf(row)}
                </Link>
              </td>
              <td>
                <Side end={row.client} own={about} />
              </td>
              <td>
                <Side end={row.server} own={about} />
              </td>
              <td className="right">{count(row.packets)}</td>
              <td className="right">{bytes(row.bytes)}</td>
              <td className="right">
                <Ago at={row.last_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function protocolOf(row: { protocol: string; transport: string; port: number }): string {
  if (row.protocol) return word("protocol", row.protocol);
  return row.port ? `${row.transport.toUpperCase()} ${row.port}` : row.transport.toUpperCase();
}

export const nameOf = (end: Endpoint) => end.name || end.ip || end.mac;

export function Side({ end, own }: { end: Endpoint; own?: string | undefined }) {
  const name = nameOf(end);
  return (
    <span className="side">
      {end.asset_id && end.asset_id !== own ? (
        <Link to="/assets/$id" params={{ id: end.asset_id }}>
          {name}
        </Link>
      ) : (
        <span>{name}</span>
      )}
      <small className="quiet num">{[end.name ? end.ip || end.mac : "", end.zone].filter(Boolean).join(" · ")}</small>
    </span>
  );
}
