import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { type Field, type RecordDetail, type RecordType, record } from "../../api/records";
import { t, word } from "../../texts";
import { date, dateTime } from "../../ui/format";
import { Ask, Page, Panel } from "../../ui/page";
import { Flags, StateTag } from "../../ui/record-state";
import { Ago } from "../../ui/when";
import { Actions } from "./actions";
import { ApprovalPanel, Approvals } from "./approval";
import { Attachments } from "./attachments";
import { valueText } from "./columns";
import { Comments } from "./comments";
import { EditRecord } from "./edit";
import { isEmpty, isVisible, type Part, parts } from "./fields";
import { History } from "./history";
import { Links } from "./links";
import { Printed } from "./print";
import { Review } from "./review";
import { TagTold } from "./tag";
import { useType } from "./use-type";
import "./records.css";

/** One record: where it stands, what it says, what may be done with it, and how it came to this. */
export default function RecordPage() {
  const { id } = useParams({ from: "/records/$id" });
  const { as_of } = useSearch({ from: "/records/$id" });
  const answer = useQuery(record(id));
  return <Ask of={answer}>{({ value, etag }) => <Body record={value} etag={etag} asOf={as_of} />}</Ask>;
}

export type Shown = { record: RecordDetail; type: RecordType; etag: string; now: boolean; may: boolean };

function Body({ record: value, etag, asOf }: { record: RecordDetail; etag: string; asOf: string | undefined }) {
  const type = useType(value.type);
  const [editing, setEditing] = useState(false);
  if (!type) return <Page title={value.title}>{null}</Page>;
  const shown: Shown = { record: value, type, etag, now: !asOf, may: value.may_edit && !asOf };
  return (
    <Page
      title={value.title}
      crumbs={
        <>
          <Link to="/records">{t("records.title")}</Link> ›{" "}
          <Link to="/records" search={{ type: type.id }}>
            {type.plural}
          </Link>
        </>
      }
      sub={
        <span className="line">
          <span className="num">{value.ref}</span>
          <StateTag type={type} state={value.state} />
          <Flags of={value} />
        </span>
      }
      actions={
        <>
          <button type="button" className="btn" onClick={() => window.print()}>
            {t("records.print")}
          </button>
          {shown.may && (
            <button type="button" className="btn" onClick={() => setEditing(true)}>
              {t("records.edit")}
            </button>
          )}
        </>
      }
    >
      <ApprovalPanel {...shown} />
      {shown.now && <Actions {...shown} />}
      <div className="split recsplit">
        <div className="stack">
          <Fields record={value} type={type} />
          <Links {...shown} />
          <Attachments {...shown} />
          <Comments {...shown} />
          <History record={value} />
        </div>
        <div className="stack side">
          <Facts record={value} type={type} />
          {shown.now && <TagTold {...shown} />}
          <Review {...shown} />
          <Approvals record={value} />
        </div>
      </div>
      <Printed record={value} type={type} />
      {editing && <EditRecord {...shown} onClose={() => setEditing(false)} />}
    </Page>
  );
}

/**
 * What the record says, under the type's own headings; what hangs on an answer that was not given is left out, and
 * what is not filled yet is named in one line.
 */
function Fields({ record: value, type }: { record: RecordDetail; type: RecordType }) {
  const shown = type.fields.filter((f) => isVisible(f, value.data, type.fields));
  const filled = shown.filter((f) => !isEmpty(value.data[f.id]));
  const open = (part: Part) => part.fields.filter((f) => !filled.includes(f));
  const all = parts({ groups: type.groups, fields: shown });
  const begun = all.filter((part) => open(part).length < part.fields.length);
  const untouched = all.filter((part) => !begun.includes(part));
  return (
    <>
      {begun.map((part) => (
        <Panel key={part.id} title={part.title || type.title}>
          <dl className="facts recfacts">
            {part.fields
              .filter((field) => filled.includes(field))
              .map((field) => (
                <div key={field.id} className="pair">
                  <dt>{field.title}</dt>
                  <dd className={field.kind === "long" ? "prose" : undefined}>
                    <FieldValue field={field} record={value} />
                  </dd>
                </div>
              ))}
          </dl>
          <NotYet fields={open(part)} />
        </Panel>
      ))}
      {untouched.length > 0 && (
        <section className="panel untouched" aria-label={t("records.not_yet")}>
          {untouched.map((part) => (
            <p key={part.id} className="small">
              <b className="strong">{part.title || type.title}</b>{" "}
              <span className="quiet">
                {t("records.nothing_yet")} {part.fields.map((f) => f.title).join(", ")}
              </span>
            </p>
          ))}
        </section>
      )}
    </>
  );
}

function NotYet({ fields }: { fields: Field[] }) {
  if (fields.length === 0) return null;
  return (
    <p className="quiet small notyet">
      {t("records.not_yet")}: {fields.map((f) => f.title).join(", ")}
    </p>
  );
}

function FieldValue({ field, record: value }: { field: Field; record: RecordDetail }) {
  const raw = value.data[field.id];
  const text = valueText(field, raw, new Map(Object.entries(value.names)));
  if (field.kind === "link" && /^https?:/i.test(text))
    return (
      <a href={text} rel="noreferrer noopener" target="_blank">
        {text}
      </a>
    );
  if (field.kind === "asset")
    return (
      <Link to="/assets/$id" params={{ id: String(raw) }}>
        {text}
      </Link>
    );
  return <>{text}</>;
}

/** Where it stands, whose it is, and its dates. */
function Facts({ record: value, type }: { record: RecordDetail; type: RecordType }) {
  const hours = type.calendar !== undefined;
  const when = (at: string | null) => (hours ? dateTime(at) : date(at));
  return (
    <Panel title={t("records.facts")}>
      <dl className="facts">
        <dt>{word("record_head", "site")}</dt>
        <dd>{value.site?.name ?? t("records.whole_of", { name: value.entity.name })}</dd>
        {value.zone && (
          <>
            <dt>{word("record_head", "zone")}</dt>
            <dd>
              <Link to="/plant" search={{ site: value.site_id ?? undefined, zone: value.zone.id }}>
                {value.zone.name}
              </Link>
            </dd>
          </>
        )}
        {value.asset && (
          <>
            <dt>{word("record_head", "asset")}</dt>
            <dd>
              <Link to="/assets/$id" params={{ id: value.asset.id }}>
                {value.asset.name}
              </Link>
            </dd>
          </>
        )}
        <dt>{word("record_head", "owner")}</dt>
        <dd>{value.owner?.name ?? <span className="tag unknown">{t("records.nobody")}</span>}</dd>
        {value.valid_from && (
          <>
            <dt>{type.texts.valid_from || word("record_head", "valid_from")}</dt>
            <dd className="num">{when(value.valid_from)}</dd>
          </>
        )}
        {value.valid_until && (
          <>
            <dt>{type.texts.valid_until || word("record_head", "valid_until")}</dt>
            <dd className="num">{when(value.valid_until)}</dd>
          </>
        )}
        {value.due_at && (
          <>
            <dt>{type.texts.due_at || word("record_head", "due_at")}</dt>
            <dd className={value.overdue ? "num p2-ink" : "num"}>{date(value.due_at)}</dd>
          </>
        )}
        <dt>{t("records.changed")}</dt>
        <dd>
          <Ago at={value.updated_at} full /> <span className="quiet">{value.updated_by.name}</span>
        </dd>
        <dt>{word("record_head", "created_at")}</dt>
        <dd>
          <span className="num">{dateTime(value.created_at)}</span>{" "}
          <span className="quiet">{value.created_by.name}</span>
        </dd>
      </dl>
    </Panel>
  );
}
