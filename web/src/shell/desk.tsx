import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { inboxCounts } from "../api/desk";
import { useMay } from "../api/may";
import { t } from "../texts";

const active = { "aria-current": "page" } as const;

/** What asks for a person stands first; the number is asked for every half a minute. */
export function Desk({ demo }: { demo: boolean }) {
  const counts = useQuery({ ...inboxCounts, enabled: useMay("org:read") });
  const posted = useMay("posture:read");
  const records = useMay("record:read");
  const n = counts.data;
  const waits = demo ? n?.all : n?.mine;
  return (
    <ul>
      <li>
        <Link to="/inbox" activeProps={active}>
          {t("inbox.title")}
          {n && n.urgent > 0 ? (
            <span className="count" title={t("inbox.urgent", { count: n.urgent })}>
              {waits}
            </span>
          ) : (
            <small className="num">{waits || ""}</small>
          )}
        </Link>
      </li>
      {posted && (
        <li>
          <Link to="/since" activeProps={active}>
            {t("since.rail")}
          </Link>
        </li>
      )}
      {records && (
        <li>
          <Link to="/handover" activeProps={active}>
            {t("handover.rail")}
          </Link>
        </li>
      )}
    </ul>
  );
}
