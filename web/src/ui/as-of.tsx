import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { showsDay } from "../api/as-of";
import { t } from "../texts";
import { date } from "./format";

const today = () => new Date().toISOString().slice(0, 10);

function useDay() {
  const { as_of: day = "" } = useSearch({ strict: false }) as { as_of?: string };
  const navigate = useNavigate();
  const pick = (to: string) =>
    navigate({
      to: ".",
      search: ((before: Record<string, unknown>) => ({
        ...before,
        as_of: to && to < today() ? to : undefined,
      })) as never,
      replace: true,
    });
  return { day, pick };
}

/** The same page as it was on another day. */
export function AsOf() {
  const { day, pick } = useDay();
  const { pathname } = useLocation();
  if (!showsDay(pathname)) return null;
  return (
    <label className="line noprint">
      <span className="quiet small">{t("asof.day")}</span>
      <input
        className="input picker"
        type="date"
        value={day || today()}
        max={today()}
        onChange={(event) => pick(event.target.value)}
      />
    </label>
  );
}

/** Says on every page that it is not of today; nothing is changed in the past. */
export function AsOfBar() {
  const { day, pick } = useDay();
  const { pathname } = useLocation();
  if (!day) return null;
  return (
    <div className="asof" role="status">
      <span>{showsDay(pathname) ? t("asof.shown", { day: date(day) }) : t("asof.not_here", { day: date(day) })}</span>
      <button type="button" className="btn small noprint" onClick={() => pick("")}>
        {t("asof.now")}
      </button>
    </div>
  );
}
