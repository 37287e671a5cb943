import type { Would as Found } from "../../api/alerts";
import { t, word } from "../../texts";
import { Mark, priorityOf } from "../../ui/mark";
import { When } from "../../ui/when";

/** What a rule, or a setting of one, would have found in the last 30 days, and on what that was judged. */
export function Would({ of }: { of: Found }) {
  if (of.basis === "alerts" && of.hits === 0) {
    return <p className="quiet">{t("would.alerts_none", { days: of.days })}</p>;
  }
  return (
    <div className="would">
      <p>
        <b>{t("would.alerts", { count: of.alerts, days: of.days })}</b>{" "}
        <span className="quiet">
          {t("would.hits", { count: of.hits })}
          {of.quiet > 0 && `, ${t("would.quiet", { count: of.quiet })}`}
          {of.sites.length > 1 && ` · ${of.sites.map((s) => `${s.site} ${s.alerts}`).join(", ")}`}
        </span>
      </p>
      {of.examples.length > 0 && (
        <ul className="would-list small">
          {of.examples.map((x) => (
            <li key={`${x.at} ${x.client} ${x.server}`}>
              <Mark priority={priorityOf(x.severity)} quiet /> <When at={x.at} /> {x.site}: {x.client}
              {x.server && x.server !== x.client && ` → ${x.server}`}{" "}
              <span className="quiet">{x.facts.map((f) => `${word("alert_fact", f.name)} ${f.value}`).join(", ")}</span>
            </li>
          ))}
        </ul>
      )}
      <p className="quiet small">
        {word("would_basis", of.basis)} {of.notes.map((n) => word("would_note", n)).join(" ")}
      </p>
    </div>
  );
}
