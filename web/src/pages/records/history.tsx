import { useQuery } from "@tanstack/react-query";
import { type Change, type RecordDetail, recordHistory, type Version } from "../../api/records";
import { t } from "../../texts";
import { dateTime } from "../../ui/format";
import { Ask, Panel } from "../../ui/page";
import { When } from "../../ui/when";

type Names = Readonly<Record<string, string>>;

/** Every version, newest first, with what it changed; the hash chains each to the one before. */
export function History({ record }: { record: RecordDetail }) {
  const list = useQuery(recordHistory(record.id));
  const names: Names = { ...record.names, ...(record.asset && { [record.asset.id]: record.asset.name }) };
  return (
    <Panel title={t("records.history")} id="history">
      <Ask of={list}>
        {(data) => (
          <ul className="rechistory">
            {data.items.map((one) => (
              <Entry key={one.version} of={one} names={names} />
            ))}
          </ul>
        )}
      </Ask>
    </Panel>
  );
}

/** Times and ids as a person reads them. */
export function plainly(text: string, names: Names): string {
  return /^\d{4}-\d\d-\d\dT/.test(text) ? dateTime(text) : (names[text] ?? text);
}

function Entry({ of, names }: { of: Version; names: Names }) {
  return (
    <li>
      <span className="quiet small">
        <When at={of.at} />
        <br />
        {of.by.name}
      </span>
      <div>
        <b className="strong">{of.title || of.action}</b>
        {of.reason && <span className="quiet"> · {of.reason}</span>}
        {of.version === 1 ? (
          <details>
            <summary className="quiet small">{t("records.as_first", { count: of.changes.length })}</summary>
            <Diff changes={of.changes} names={names} />
          </details>
        ) : (
          <Diff changes={of.changes} names={names} />
        )}
      </div>
      <span className="quiet small mono" title={of.hash}>
        {t("records.version", { version: of.version })} {of.hash.slice(0, 8)}
      </span>
    </li>
  );
}

/** Field by field: what was, struck through, and what is. */
export function Diff({ changes, names = {} }: { changes: Change[]; names?: Names }) {
  if (changes.length === 0) return null;
  return (
    <dl className="diff">
      {changes.map((change) => (
        <div key={change.field}>
          <dt>{change.title}</dt>
          <dd>
            {change.before_text && <del>{plainly(change.before_text, names)}</del>}{" "}
            {change.after_text && <ins>{plainly(change.after_text, names)}</ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
