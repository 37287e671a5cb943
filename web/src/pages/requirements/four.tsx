import { type Key, t } from "../../texts";
import { share } from "../../ui/format";

/** Coverage, effectiveness, freshness and declarations: always together, never averaged. */
export function Four(values: { c: number | null; e: number | null; f: number | null; d: number | null }) {
  const rows: { key: keyof typeof values; name: Key; says: Key }[] = [
    { key: "c", name: "four.coverage", says: "four.coverage_says" },
    { key: "e", name: "four.effect", says: "four.effect_says" },
    { key: "f", name: "four.fresh", says: "four.fresh_says" },
    { key: "d", name: "four.declared", says: "four.declared_says" },
  ];
  return (
    <dl className="four">
      {rows.map(({ key, name, says }) => {
        const value = values[key];
        return (
          <div key={key} title={t(says)}>
            <dt>{t(name)}</dt>
            <dd>
              <b className={value === null ? "quiet" : "num"}>{value === null ? t("common.unknown") : share(value)}</b>
              <span className={value === null ? "bar none" : "bar"}>
                <i style={{ width: `${(value ?? 0) * 100}%` }} />
              </span>
              <small className="quiet">{t(says)}</small>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
