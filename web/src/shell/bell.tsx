import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { prefix } from "../api/client";
import { type Unread, unread } from "../api/notices";
import { t } from "../texts";

const Panel = lazy(() => import("./bell-panel"));

/** Keeps the number beside the bell right: the server tells it, and again when it is there again. */
export function useLiveNotices() {
  const client = useQueryClient();
  useEffect(() => {
    let stream: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      stream = new EventSource(`${prefix}/notices/live`);
      stream.addEventListener("unread", (event) => {
        client.setQueryData(unread.queryKey, JSON.parse(event.data) as Unread);
        client.invalidateQueries({ queryKey: ["notices", "mine"] });
        client.invalidateQueries({ queryKey: ["inbox", "counts"] });
      });
      stream.addEventListener("alerts", () => {
        client.invalidateQueries({ queryKey: ["alerts"] });
        client.invalidateQueries({ queryKey: ["inbox", "counts"] });
      });
      stream.onerror = () => {
        // A browser tries again by itself, but not where it was refused (a restart, a session that ended).
        if (stream?.readyState !== EventSource.CLOSED) return;
        clearTimeout(again);
        again = setTimeout(open, 15_000);
      };
    };
    open();
    return () => {
      clearTimeout(again);
      stream?.close();
    };
  }, [client]);
}

/** How many notices wait, and the way to them. The number is said too, not only drawn. */
export function Bell() {
  const [open, setOpen] = useState(false);
  const count = useQuery(unread).data?.unread ?? 0;
  const label = count > 0 ? t("bell.unread", { count }) : t("bell.none_unread");
  return (
    <>
      <button
        type="button"
        className="btn plain bell"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={`${t("bell.title")}: ${label}`}
        title={label}
        onClick={() => setOpen(true)}
      >
        <svg viewBox="0 0 18 18" aria-hidden="true">
          <path
            d="M9 1.8a4.6 4.6 0 0 0-4.6 4.6c0 4-1.6 5.4-1.6 5.4v.9h12.4v-.9s-1.6-1.4-1.6-5.4A4.6 4.6 0 0 0 9 1.8ZM7.2 14.6a1.9 1.9 0 0 0 3.6 0"
            fill="none"
            stroke="currentColor"
            strokeWidth="1.5"
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        </svg>
        {count > 0 && (
          <span className="badge num" aria-hidden="true">
            {count > 99 ? "99+" : count}
          </span>
        )}
      </button>
      {open &&
        // Beside the page, not inside the way to it: its head is no head of the pages' list.
        createPortal(
          <Suspense>
            <Panel onClose={() => setOpen(false)} />
          </Suspense>,
          document.body,
        )}
    </>
  );
}
