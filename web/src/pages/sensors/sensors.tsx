import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { bytes, count } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Ask, Empty, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Ago } from "../../ui/when";
import { type Edge, edges, listener, type Made } from "./ask";
import { Cuts } from "./cuts";
import { SensorDrawer } from "./drawer";
import { Enrol, ShowToken, Tokens } from "./enrol";
import { Files, TakeFile } from "./files";
import { Listening } from "./listening";
import { Others } from "./others";
import { SightShares } from "./sight";
import { fromMicros, skew, standing } from "./state";
import "./sensors.css";

/** The boxes at the sites: who listens where, how each is, and how a new one comes in. */
export default function SensorsPage() {
  const filter = useSearch({ from: "/sensors" });
  const navigate = useNavigate({ from: "/sensors" });
  const list = useQuery(edges(filter.site));
  const where = useQuery(listener);
  const may = useMay("edge:write");
  const [enrolling, setEnrolling] = useState(false);
  const [made, setMade] = useState<Made>();
  const none = list.data?.items.length === 0; // what this server hears itself then stands first
  return (
    <Page
      title={t("sensors.title")}
      sub={t("sensors.lead")}
      actions={
        may && (
          <>
            <TakeFile />
            <button type="button" className="btn primary" onClick={() => setEnrolling(true)}>
              {t("sensors.enrol")}
            </button>
          </>
        )
      }
    >
      <div className="stack">
        {where.data && !where.data.listening && <p className="quiet">{t("sensors.closed")}</p>}
        <SitePicker
          value={filter.site ?? ""}
          label={t("sensors.at")}
          all
          onPick={(site) => navigate({ search: (old) => ({ ...old, site: site || undefined }), replace: true })}
        />
        {none && <Listening site={filter.site} />}
        <Ask of={list}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty title={t("sensors.none")}>
                <p>{t("sensors.none_why")}</p>
              </Empty>
            ) : (
              <Panel title={t("sensors.list")}>
                <Table rows={data.items} />
              </Panel>
            )
          }
        </Ask>
        {!none && <Listening site={filter.site} />}
        <Others site={filter.site} />
        <SightShares site={filter.site} />
        <Tokens may={may} />
        <Cuts site={filter.site} />
        <Files />
      </div>
      {filter.edge && (
        <SensorDrawer
          id={filter.edge}
          may={may}
          onClose={() => navigate({ search: (old) => ({ ...old, edge: undefined }), replace: true })}
        />
      )}
      {enrolling && (
        <Enrol
          onClose={() => setEnrolling(false)}
          onMade={(token) => {
            setEnrolling(false);
            setMade(token);
          }}
        />
      )}
      {made && <ShowToken made={made} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

function Table({ rows }: { rows: Edge[] }) {
  return (
    <Scroll label={t("sensors.list")}>
      <table className="table sensors">
        <thead>
          <tr>
            <th scope="col">{t("sensors.name")}</th>
            <th scope="col">{t("sensors.state")}</th>
            <th scope="col">{t("sensors.sites")}</th>
            <th scope="col">{t("sensors.heard")}</th>
            <th scope="col">{t("sensors.listens")}</th>
            <th scope="col" className="right">
              {t("sensors.waiting")}
            </th>
            <th scope="col" className="right">
              {t("sensors.clock")}
            </th>
            <th scope="col">{t("sensors.config")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((edge) => (
            <tr key={edge.id} className={edge.state === "revoked" ? "gone" : undefined}>
              <td>
                <Link to="/sensors" search={(old) => ({ ...old, edge: edge.id })}>
                  {edge.name}
                </Link>
                {edge.in_process && <div className="quiet small">{t("sensors.in_process")}</div>}
              </td>
              <td>
                <State edge={edge} />
              </td>
              <td>{edge.sites.map((site) => site.name).join(", ")}</td>
              <td>
                <Ago at={edge.heard_at} full />
                {(edge.via === "diode" || edge.via === "stick") && (
                  <span className="quiet small"> {word("edge_via", edge.via)}</span>
                )}
              </td>
              <td>
                <Ports edge={edge} />
              </td>
              <td className="right num">
                {count(edge.health.queue.waiting)}
                {edge.health.queue.waiting > 0 && (
                  <div className="quiet small">
                    {bytes(edge.health.queue.bytes)}, <Ago at={fromMicros(edge.health.queue.oldest_at)} />
                  </div>
                )}
              </td>
              <td className="right num">{skew(edge.skew_seconds)}</td>
              <td className="num">
                {edge.in_process ? (
                  <span className="quiet">{t("sensors.config_flag")}</span>
                ) : (
                  t("sensors.config_of", { applied: edge.config_applied, wanted: edge.config_version })
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function State({ edge }: { edge: Edge }) {
  const now = standing(edge);
  return (
    <span className={now.priority ? `tag p${now.priority}` : "tag"}>
      {now.priority && <Mark priority={now.priority} quiet />}
      {word("edge_state", now.word)}
    </span>
  );
}

function Ports({ edge }: { edge: Edge }) {
  const listening = edge.health.ports.filter((port) => port.listening);
  if (edge.in_process || listening.length > 0)
    return <>{listening.length > 0 ? listening.map((port) => port.name).join(", ") : t("sensors.see_flags")}</>;
  return <span className="quiet">{t("sensors.nothing")}</span>;
}
