import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { conversations } from "../../api/queries";
import { t, word } from "../../texts";
import { ConversationTable } from "../../ui/conversation-table";
import { More } from "../../ui/more";
import { Ask, Empty, Page } from "../../ui/page";
import { SavedViews } from "../../ui/saved-views";
import { SearchBox } from "../../ui/search-box";
import { SitePicker } from "../../ui/site-picker";

/** Who talks to whom: one row a pair of addresses and a service, however many packets that was. */
export default function ConversationsPage() {
  const filter = useSearch({ from: "/conversations" });
  const navigate = useNavigate({ from: "/conversations" });
  const list = useInfiniteQuery(conversations(filter));
  const set = (change: Partial<typeof filter>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const narrowed = (["asset", "from_zone", "to_zone", "protocol"] as const).filter((key) => filter[key]);
  return (
    <Page
      title={t("conversations.title")}
      sub={t("conversations.lead")}
      actions={
        <Link className="btn" to="/conversations/unknown" search={{ site: filter.site }}>
          {t("unknown.title")}
        </Link>
      }
    >
      <div className="line tools">
        <SitePicker
          all
          value={filter.site ?? ""}
          onPick={(site) => navigate({ search: { site: site || undefined, q: filter.q } })}
        />
        <SearchBox
          value={filter.q ?? ""}
          label={t("conversations.search")}
          hint={t("conversations.search_hint")}
          onChange={(q) => set({ q: q || undefined })}
        />
        <SavedViews page="/conversations" search={filter} />
        {narrowed.map((key) => (
          <button type="button" key={key} className="btn small" onClick={() => set({ [key]: undefined })}>
            <span className="quiet">{word("conversation_filter", key)}</span>{" "}
            {key === "protocol" ? word("protocol", filter[key]) : ""} <span aria-hidden>×</span>
            <span className="hidden">{t("assets.drop_filter")}</span>
          </button>
        ))}
      </div>
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          if (rows.length === 0)
            return (
              <Empty title={t("conversations.none")}>
                <p>{t("conversations.none_why")}</p>
                <Link className="btn" to="/captures">
                  {t("posture.drop_capture")}
                </Link>
              </Empty>
            );
          return (
            <div className="panel">
              <ConversationTable rows={rows} />
              <More of={list} />
            </div>
          );
        }}
      </Ask>
    </Page>
  );
}
