import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { session } from "../../api/queries";
import { type RecordType, recordCounts, recordTypes, type TypeCount } from "../../api/records";
import { noun, t } from "../../texts";
import { count } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Ask, Page } from "../../ui/page";
import { openStates } from "./address";

/** Every type of record, and what of it is open, overdue or waits for somebody. */
export function Hub() {
  const types = useQuery(recordTypes);
  const counts = useQuery(recordCounts);
  const who = useQuery(session);
  const may = new Set<string>(who.data?.user?.permissions ?? []);
  return (
    <Page
      title={t("records.title")}
      sub={t("records.lead")}
      actions={
        <>
          <Link className="btn" to="/records/calendar">
            {t("records.calendar")}
          </Link>
          <Link className="btn" to="/records" search={{ sort: "-updated_at" }}>
            {t("records.all")}
          </Link>
        </>
      }
    >
      <Ask of={types}>
        {(data) => (
          <ul className="hub">
            {data.items
              .filter((type) => may.has(type.read))
              .map((type) => (
                <Card
                  key={type.id}
                  type={type}
                  counts={counts.data?.items.find((one) => one.type === type.id)}
                  write={may.has(type.write)}
                />
              ))}
          </ul>
        )}
      </Ask>
    </Page>
  );
}

function Card({ type, counts, write }: { type: RecordType; counts: TypeCount | undefined; write: boolean }) {
  return (
    <li className="panel">
      <h2>
        <Link to="/records" search={{ type: type.id }}>
          {type.plural}
        </Link>
      </h2>
      <p className="quiet small">{type.about}</p>
      <div className="tally">
        <Link to="/records" search={{ type: type.id, state: openStates(type).join(",") }}>
          <b className="num">{count(counts?.open)}</b> {t("records.open")}
        </Link>
        <Link to="/records" search={{ type: type.id, due: "overdue" }} className={counts?.overdue ? "p2-ink" : "quiet"}>
          {counts?.overdue ? <Mark priority={2} quiet /> : null} <b className="num">{count(counts?.overdue)}</b>{" "}
          {t("records.overdue")}
        </Link>
        <Link
          to="/records"
          search={{ type: type.id, approval: "waiting" }}
          className={counts?.waiting ? "p3-ink" : "quiet"}
        >
          {counts?.waiting ? <Mark priority={3} quiet /> : null} <b className="num">{count(counts?.waiting)}</b>{" "}
          {t("records.waiting")}
        </Link>
      </div>
      {write && (
        <Link className="btn small" to="/records/new" search={{ type: type.id }}>
          {type.texts.new || t("records.new", { type: noun(type.title) })}
        </Link>
      )}
    </li>
  );
}
