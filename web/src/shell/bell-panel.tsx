import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../api/client";
import { myInbox, type Told, unread } from "../api/notices";
import { t, word } from "../texts";
import { Dialog } from "../ui/dialog";
import { Mark, type Priority } from "../ui/mark";
import { More } from "../ui/more";
import { Ask, Empty, ErrorNote } from "../ui/page";
import { Ago } from "../ui/when";

const marks: Record<Told["severity"], Priority> = { now: 1, today: 2, "this-week": 3, information: 4 };

/** What was sent to the reader, newest first: what, where, when, and whether it still asks. */
export default function BellPanel({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const list = useInfiniteQuery(myInbox);
  const read = useMutation({
    mutationFn: (ids?: string[]) => answer(api.POST("/notices/mine/read", { body: ids ? { ids } : {} })),
    onSuccess: (now) => {
      client.setQueryData(unread.queryKey, now);
      client.invalidateQueries({ queryKey: ["notices", "mine"] });
    },
  });
  return (
    <Dialog title={t("bell.title")} onClose={onClose}>
      <div className="row bell-bar">
        <button type="button" className="btn small" disabled={read.isPending} onClick={() => read.mutate(undefined)}>
          {t("bell.read_all")}
        </button>
        <Link className="small" to="/settings" search={{ tab: "mine" }} onClick={onClose}>
          {t("bell.wishes")}
        </Link>
      </div>
      {read.error && <ErrorNote error={read.error} />}
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          return rows.length === 0 ? (
            <Empty title={t("bell.nothing")}>
              <p className="quiet">{t("bell.nothing_why")}</p>
            </Empty>
          ) : (
            <>
              <ul className="bell-list" aria-label={t("bell.title")}>
                {rows.map((row) => (
                  <li key={row.id}>
                    <Link
                      className={row.seen_at || row.done_at ? "told" : "told unread"}
                      to="/inbox"
                      search={{ item: row.item_id, whose: "all", state: row.done_at ? "any" : undefined }}
                      onClick={() => {
                        if (!row.seen_at) read.mutate([row.id]);
                        onClose();
                      }}
                    >
                      <Mark priority={marks[row.severity]} />
                      <span>
                        <b>{row.title}</b>
                        <span className="quiet small">
                          {[row.site || t("bell.everywhere"), word("inbox_kind", row.kind)].join(" · ")}
                        </span>
                        <span className="quiet small">
                          <Ago at={row.at} full />
                          {row.ways.length > 0 &&
                            ` · ${row.ways.map((w) => word("notice_kind", w.channel)).join(", ")}`}
                          {" · "}
                          {row.done_at ? t("bell.answered") : row.seen_at ? t("bell.read") : t("bell.new")}
                        </span>
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
              <More of={list} />
            </>
          );
        }}
      </Ask>
    </Dialog>
  );
}
