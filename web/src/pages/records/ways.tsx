import { Link } from "@tanstack/react-router";
import type { RecordType } from "../../api/records";
import { t } from "../../texts";
import type { Search } from "../../ui/search";
import { keep } from "./address";

type Props = { type: RecordType; search: Search; at: "list" | "board" | "calendar" };

/** The same records as a list, on a board, in a calendar: as far as the type has them. */
export function Ways({ type, search, at }: Props) {
  if (!type.board && !type.calendar) return null;
  // A list's path is the head of the board's, so the router's own idea of an active link would mark both.
  const props = (way: Props["at"]) => ({
    activeProps: {},
    ...(way === at && ({ className: "active", "aria-current": "page" } as const)),
  });
  return (
    <nav className="tabs noprint" aria-label={t("records.ways")}>
      <Link to="/records" search={keep(search, "type", "state", "site", "owner", "q")} {...props("list")}>
        {t("records.list")}
      </Link>
      {type.board && (
        <Link to="/records/board" search={keep(search, "type", "site", "owner", "q")} {...props("board")}>
          {type.texts.board || t("records.board")}
        </Link>
      )}
      {type.calendar && (
        <Link to="/records/calendar" search={keep(search, "type", "site")} {...props("calendar")}>
          {type.texts.calendar || t("records.calendar")}
        </Link>
      )}
    </nav>
  );
}
