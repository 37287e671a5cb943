import { useQuery } from "@tanstack/react-query";
import { session } from "../../api/queries";
import { type RecordDetail, type RecordType, recordHistory, type Section } from "../../api/records";
import { t, word } from "../../texts";
import { bytes, date, dateTime } from "../../ui/format";
import { useNow } from "../../ui/when";
import { valueText } from "./columns";
import { isEmpty, isVisible, parts } from "./fields";
import "./print.css";

type Props = { record: RecordDetail; type: RecordType };

/** The record as a document on A4: only paper shows it. What was approved, by whom, and the hash that proves it. */
export function Printed({ record, type }: Props) {
  const who = useQuery(session);
  const past = useQuery(recordHistory(record.id));
  const now = useNow();
  const sections = type.print.length > 0 ? type.print : standard(type);
  const state = type.states.find((s) => s.id === record.state)?.title ?? record.state;
  return (
    <article className="printed" aria-hidden>
      <header>
        <span>{type.title}</span>
        <span>{record.ref}</span>
      </header>
      <h1>{record.title}</h1>
      <table className="paper">
        <tbody>
          <Line name={word("record_head", "state")} value={state} />
          <Line name={word("record_head", "site")} value={record.site?.name ?? record.entity.name} />
          <Line name={word("record_head", "zone")} value={record.zone?.name} />
          <Line name={word("record_head", "asset")} value={record.asset?.name} />
          <Line name={word("record_head", "owner")} value={record.owner?.name} />
          <Line name={word("record_head", "valid_from")} value={record.valid_from && dateTime(record.valid_from)} />
          <Line name={word("record_head", "valid_until")} value={record.valid_until && dateTime(record.valid_until)} />
          <Line name={word("record_head", "due_at")} value={record.due_at && date(record.due_at)} />
          <Line name={word("record_head", "review_at")} value={record.review_at && date(record.review_at)} />
        </tbody>
      </table>
      {sections.map((section) => (
        <Part key={section.title} section={section} record={record} type={type} />
      ))}
      <footer>
        <p>
          {t("records.hash", { version: record.version })}{" "}
          <code>{past.data?.items.find((one) => one.version === record.version)?.hash}</code>
        </p>
        <p>{t("records.printed", { at: dateTime(new Date(now).toISOString()), name: who.data?.user?.name })}</p>
      </footer>
    </article>
  );
}

const standard = (type: RecordType): Section[] => [
  ...parts(type).map((part) => ({ title: part.title || type.title, fields: part.fields.map((f) => f.id), show: [] })),
  { title: "", fields: [], show: ["links", "attachments", "approvals", "history", "signature"] },
];

function Line({ name, value }: { name: string; value: string | null | undefined }) {
  if (!value) return null;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
    </tr>
  );
}

type PartProps = { section: Section; record: RecordDetail; type: RecordType };

function Part({ section, record, type }: PartProps) {
  const names = new Map(Object.entries(record.names));
  const fields = section.fields
    .map((id) => type.fields.find((f) => f.id === id))
    .filter((f) => f !== undefined && isVisible(f, record.data, type.fields) && !isEmpty(record.data[f.id]));
  return (
    <>
      {fields.length > 0 && (
        <section>
          {section.title && <h2>{section.title}</h2>}
          <table className="paper">
            <tbody>
              {fields.map(
                (f) => f && <Line key={f.id} name={f.title} value={valueText(f, record.data[f.id], names)} />,
              )}
            </tbody>
          </table>
        </section>
      )}
      {section.show.map((what) => (
        <Show key={what} what={what} record={record} />
      ))}
    </>
  );
}

function Show({ what, record }: { what: string; record: RecordDetail }) {
  switch (what) {
    case "approvals":
      return <PaperApprovals record={record} />;
    case "history":
      return <PaperHistory id={record.id} />;
    case "links":
      return <List title={t("records.links")} rows={record.links.map((link) => `${link.title}: ${link.to.label}`)} />;
    case "attachments":
      return (
        <List
          title={t("records.attachments")}
          rows={record.attachments.map(
            (a) => `${a.name}, ${bytes(a.bytes)}, ${word("scan", a.scan)}, SHA-256 ${a.sha256}`,
          )}
        />
      );
    case "comments":
      return (
        <List
          title={t("records.comments")}
          rows={record.comments.map((c) => `${dateTime(c.at)}, ${c.by.name}: ${c.text}`)}
        />
      );
    case "signature":
      return (
        <div className="signature">
          <span>{t("records.sign_date")}</span>
          <span>{t("records.sign_name")}</span>
          <span>{t("records.signature")}</span>
        </div>
      );
    default:
      return null;
  }
}

function List({ title, rows }: { title: string; rows: string[] }) {
  if (rows.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <ul>
        {rows.map((row) => (
          <li key={row}>{row}</li>
        ))}
      </ul>
    </section>
  );
}

function PaperApprovals({ record }: { record: RecordDetail }) {
  if (record.approvals.length === 0) return null;
  return (
    <section>
      <h2>{t("records.approvals")}</h2>
      <table className="paper">
        <tbody>
          {record.approvals.flatMap((one) => [
            <Line
              key={one.id}
              name={dateTime(one.requested_at)}
              value={`${one.title}: ${t("records.asked_by", { name: one.requested_by.name })}${one.reason ? ` “${one.reason}”` : ""}. ${one.text}.`}
            />,
            ...one.votes.map((vote) => (
              <Line
                key={`${one.id} ${vote.by.id} ${vote.at}`}
                name={dateTime(vote.at)}
                value={`${vote.outside || vote.by.name} ${word("vote", vote.decision)}${vote.comment ? ` “${vote.comment}”` : ""}`}
              />
            )),
          ])}
        </tbody>
      </table>
    </section>
  );
}

function PaperHistory({ id }: { id: string }) {
  const list = useQuery(recordHistory(id));
  return (
    <section>
      <h2>{t("records.history")}</h2>
      <table className="paper">
        <tbody>
          {(list.data?.items ?? []).map((one) => (
            <Line
              key={one.version}
              name={dateTime(one.at)}
              value={[
                `${one.version}. ${one.title || one.action}, ${one.by.name}`,
                one.reason,
                one.changes.map((c) => `${c.title}: ${c.after_text || "–"}`).join("; "),
              ]
                .filter(Boolean)
                .join(" · ")}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}
