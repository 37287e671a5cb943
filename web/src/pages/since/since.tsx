import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { since } from "../../api/desk";
import { t } from "../../texts";
import { dateTime } from "../../ui/format";
import { Ask, Page } from "../../ui/page";
import { SinceView } from "../../ui/since-view";
import { SitePicker } from "../../ui/site-picker";

const spans = ["", "visit", "1d", "3d", "7d"] as const;
const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);

/** "Since Friday": one page that says what happened, for the one who comes back. */
export default function SincePage() {
  const search = useSearch({ from: "/since" });
  const navigate = useNavigate({ from: "/since" });
  const span = search.since ?? "";
  const digest = useQuery(since(span, search.site ?? ""));
  const set = (change: Partial<typeof search>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const isDay = /^\d{4}-/.test(span);
  const s = digest.data;
  return (
    <Page
      title={t("since.title")}
      sub={
        s &&
        t("since.from", { from: dateTime(s.from), to: dateTime(s.to), sites: s.sites.map((x) => x.name).join(", ") })
      }
      actions={
        <button type="button" className="btn noprint" onClick={() => window.print()}>
          {t("since.print")}
        </button>
      }
    >
      <div className="line tools noprint">
        <label className="line">
          <span className="quiet small">{t("since.span")}</span>
          <select
            className="input picker"
            value={isDay ? "day" : span}
            onChange={(event) =>
              set({ since: event.target.value === "day" ? day(7) : event.target.value || undefined })
            }
          >
            {spans.map((x) => (
              <option key={x} value={x}>
                {t(`since.span_${x || "working_day"}`)}
              </option>
            ))}
            <option value="day">{t("since.span_day")}</option>
          </select>
        </label>
        {isDay && (
          <label className="line">
            <span className="quiet small">{t("since.day")}</span>
            <input
              className="input picker"
              type="date"
              value={span.slice(0, 10)}
              min={day(91)}
              max={day(1)}
              onChange={(event) => event.target.value && set({ since: event.target.value })}
            />
          </label>
        )}
        <SitePicker all value={search.site ?? ""} onPick={(site) => set({ site: site || undefined })} />
      </div>
      <Ask of={digest}>{(data) => <SinceView of={data} />}</Ask>
    </Page>
  );
}
