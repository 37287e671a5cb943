import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { conversation } from "../../api/queries";
import type { Conversation, Endpoint, PlantEvent, Tuple } from "../../api/types";
import { t, word } from "../../texts";
import { nameOf, protocolOf } from "../../ui/conversation-table";
import { CutPackets } from "../../ui/cut-packets";
import { bytes, count } from "../../ui/format";
import { LinkedRecords } from "../../ui/linked-records";
import { Mark } from "../../ui/mark";
import { PacketDrawer, PacketLink, type Proof } from "../../ui/packet";
import { Ask, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago, When } from "../../ui/when";
import "./conversations.css";

/** Two ends and what they said: each function with its count, each event with its packet. */
export default function ConversationPage() {
  const { id } = useParams({ from: "/conversations/$id" });
  const search = useSearch({ from: "/conversations/$id" });
  const navigate = useNavigate({ from: "/conversations/$id" });
  const answer = useQuery(conversation(id));
  return (
    <Ask of={answer}>
      {(data) => (
        <>
          <Body data={data} />
          {search.packet && (
            <PacketDrawer
              id={search.packet}
              proofs={proofsOf(data)}
              onClose={() => navigate({ search: {}, replace: true, resetScroll: false })}
            />
          )}
        </>
      )}
    </Ask>
  );
}

function proofsOf(data: Conversation): Proof[] {
  const out: Proof[] = data.events.map((e) => ({
    title: [e.name, e.object].filter(Boolean).join(" "),
    ref: e.ref,
    hex: e.proof,
    from: e.ref.source_name,
  }));
  if (data.proof)
    out.push({
      title: t("conversations.exists"),
      ref: data.proof.ref,
      hex: data.proof.hex,
      from: data.proof.ref.source_name,
    });
  for (const tuple of data.tuples)
    out.push({ title: tuple.name || tuple.code, ref: tuple.ref, hex: "", from: tuple.ref.source_name });
  return out;
}

function Body({ data }: { data: Conversation }) {
  return (
    <Page
      title={protocolOf(data)}
      crumbs={<Link to="/conversations">{t("conversations.title")}</Link>}
      actions={<CutPackets of={{ conversation: data.id }} what={protocolOf(data)} />}
      sub={
        <>
          {data.transport.toUpperCase()} {data.port || ""} ·{" "}
          {t("conversations.amount", { packets: count(data.packets), bytes: bytes(data.bytes) })} · {t("asset.heard")}{" "}
          <Ago at={data.last_at} full />
          {!data.live && ` · ${t("assets.from_capture")}`}
        </>
      }
    >
      <div className="arrow">
        <End end={data.client} role={t("conversations.client")} />
        <span className="mid">
          <svg width="90" height="12" viewBox="0 0 90 12" aria-hidden>
            <path d="M0 6h84M78 1l7 5-7 5" fill="none" stroke="var(--bar)" strokeWidth="2" />
          </svg>
          {word("client_by", data.client_by)}
        </span>
        <End end={data.server} role={t("conversations.server")} />
      </div>
      <div className="stack">
        <LinkedRecords kind="conversation" id={data.id} begin={["exception", "finding"]} />
        {data.events.length > 0 && (
          <Panel title={t("conversations.events")}>
            <Events events={data.events} />
          </Panel>
        )}
        <Panel
          title={t("conversations.said")}
          side={
            data.proof && (
              <span className="small">
                {t("conversations.first_packet")} <PacketLink reference={data.proof.ref} />
              </span>
            )
          }
        >
          {data.tuples.length === 0 ? (
            <p className="quiet">{t("conversations.not_decoded")}</p>
          ) : (
            <Tuples tuples={data.tuples} />
          )}
        </Panel>
      </div>
    </Page>
  );
}

function End({ end, role }: { end: Endpoint; role: string }) {
  return (
    <div className="panel end">
      <span className="quiet small">{role}</span>
      {end.asset_id ? (
        <Link to="/assets/$id" params={{ id: end.asset_id }}>
          <b>{nameOf(end)}</b>
        </Link>
      ) : (
        <b>{nameOf(end)}</b>
      )}
      <span className="num small">{[end.ip, end.mac].filter(Boolean).join(" · ")}</span>
      <span className="quiet small">{end.zone || t("assets.no_zone")}</span>
    </div>
  );
}

// What changes a running plant stands out by weight, not by colour: whether it was allowed is for a rule to say.
const grave = new Set(["control", "program_upload", "program_download", "firmware", "configure", "write"]);

function Tuples({ tuples }: { tuples: Tuple[] }) {
  return (
    <Scroll label={t("conversations.said")}>
      <table className="table talks">
        <thead>
          <tr>
            <th scope="col">{t("conversations.function")}</th>
            <th scope="col">{t("conversations.class")}</th>
            <th scope="col">{t("conversations.direction")}</th>
            <th scope="col" className="right">
              {t("conversations.count")}
            </th>
            <th scope="col" className="right">
              {t("conversations.refused")}
            </th>
            <th scope="col">{t("conversations.first")}</th>
            <th scope="col">{t("conversations.last")}</th>
            <th scope="col">{t("asset.source")}</th>
          </tr>
        </thead>
        <tbody>
          {tuples.map((row) => (
            <tr key={`${row.protocol} ${row.kind} ${row.dir} ${row.code} ${row.name} ${row.first_at}`}>
              <td className={grave.has(row.class) ? "strong" : undefined}>
                {row.name || row.code}{" "}
                <span className="quiet num">{row.name && row.code !== row.name ? row.code : ""}</span>
              </td>
              <td>{word("class", row.class)}</td>
              <td className="quiet">{word("dir", row.dir)}</td>
              <td className="right">{count(row.count)}</td>
              <td className="right">{row.refused ? count(row.refused) : ""}</td>
              <td className="quiet">
                <When at={row.first_at} />
              </td>
              <td className="quiet">
                <Ago at={row.last_at} />
              </td>
              <td>
                <PacketLink reference={row.ref} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Events({ events }: { events: PlantEvent[] }) {
  const flagged = events.filter((event) => event.rules.length > 0);
  const rest = events.filter((event) => event.rules.length === 0);
  return (
    <>
      <EventList events={flagged} />
      {rest.length > 0 && (
        <details className="rest" open={flagged.length === 0 && rest.length < 12}>
          <summary>{t("conversations.more_events", { count: rest.length })}</summary>
          <EventList events={rest} />
        </details>
      )}
    </>
  );
}

function EventList({ events }: { events: PlantEvent[] }) {
  return (
    <ul className="items">
      {events.map((event) => (
        <li key={event.id}>
          {event.rules.length > 0 ? <Mark priority={2} /> : <Mark priority={4} quiet />}
          <div>
            <span className="strong">{[event.name, event.object].filter(Boolean).join(" · ")}</span>{" "}
            <span className="quiet small">
              {[word("class", event.class), ...event.rules.map((rule) => word("rule", rule))]
                .filter(Boolean)
                .join(" · ")}{" "}
              · <PacketLink reference={event.ref} />
            </span>
          </div>
          <span className="quiet small">
            <When at={event.at} />
            {event.count > 1 && (
              <>
                {" – "}
                <When at={event.until_at} />
                <br />
                {t("conversations.transfer", { count: event.count, bytes: bytes(event.bytes) })}
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
