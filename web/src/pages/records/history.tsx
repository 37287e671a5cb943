import { useQuery } from "@tanstack/react-query";
import { recordHistory, type Version } from "../../api/records";
import { t } from "../../texts";
import { Ask, Panel } from "../../ui/page";
import { When } from "../../ui/when";

/** Every version, newest first, with what it changed; the hash chains each to the one before. */
export function History({ id }: { id: string }) {
  const list = useQuery(recordHistory(id));
  return (
    <Panel title={t("records.history")} id="history">
      <Ask of={list}>
        {(data) => (
          <ul className="rechistory">
            {data.items.map((one) => (
              <Entry key={one.version} of={one} />
            ))}
          </ul>
        )}
      </Ask>
    </Panel>
  );
}

function Entry({ of }: { of: Version }) {
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
        {of.changes.length > 0 && (
          <dl className="diff">
            {of.changes.map((change) => (
              <div key={change.field}>
                <dt>{change.title}</dt>
                <dd>
                  {change.before_text && <del>{change.before_text}</del>}{" "}
                  {change.after_text && <ins>{change.after_text}</ins>}
                </dd>
              </div>
            ))}
          </dl>
        )}
      </div>
      <span className="quiet small mono" title={of.hash}>
        {t("records.version", { version: of.version })} {of.hash.slice(0, 8)}
      </span>
    </li>
  );
}
