import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMay } from "../api/may";
import { session } from "../api/queries";
import { records, recordTypes } from "../api/records";
import { noun, t } from "../texts";
import { date } from "./format";
import { More } from "./more";
import { Ask, Panel } from "./page";
import { Flags, StateTag } from "./record-state";

type Props = {
  /** The thing that records are linked to: "asset", "requirement", "conversation", "check", "zone" */
  kind: string;
  id: string;
  site?: string | undefined;
  /** Types that may be begun from here: "exception", "change" */
  begin?: string[];
};

/** What was decided, planned or found about a thing; and a new one of it, with the link already made. */
export function LinkedRecords({ kind, id, site, begin = [] }: Props) {
  const may = useMay("record:read");
  const who = useQuery(session);
  const types = useQuery({ ...recordTypes, enabled: may });
  const list = useInfiniteQuery({ ...records({ link: `${kind}:${id}` }, 20), enabled: may });
  if (!may) return null;
  const allowed = new Set<string>(who.data?.user?.permissions ?? []);
  const offered = begin
    .map((one) => types.data?.items.find((type) => type.id === one))
    .filter((type) => type !== undefined && allowed.has(type.write));
  return (
    <Panel title={t("records.linked")}>
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          return (
            <>
              {rows.length === 0 && <p className="quiet">{t("records.linked_none")}</p>}
              <ul className="items linked">
                {rows.map((row) => (
                  <li key={row.id}>
                    <div>
                      <Link to="/records/$id" params={{ id: row.id }}>
                        {row.title}
                      </Link>
                      <div className="line small quiet">
                        <span className="num">{row.ref}</span>
                        <StateTag type={types.data?.items.find((type) => type.id === row.type)} state={row.state} />
                        <Flags of={row} />
                        {row.valid_until && <span>{t("records.until", { date: date(row.valid_until) })}</span>}
                      </div>
                    </div>
                  </li>
                ))}
              </ul>
              <More of={list} />
            </>
          );
        }}
      </Ask>
      {offered.length > 0 && (
        <div className="line begin noprint">
          {offered.map(
            (type) =>
              type && (
                <Link
                  key={type.id}
                  className="btn small"
                  to="/records/new"
                  search={{
                    type: type.id,
                    ...(site && { site }),
                    ...(kind === "asset" ? { asset: id } : { link: `${kind}:${id}` }),
                  }}
                >
                  {type.texts.new || t("records.new", { type: noun(type.title) })}
                </Link>
              ),
          )}
        </div>
      )}
    </Panel>
  );
}
