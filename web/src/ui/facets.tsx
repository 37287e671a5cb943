import { t } from "../texts";
import { count } from "./format";
import "./facets.css";

export type FacetValue = { value: string; label: string; count: number | null };
type GroupProps = {
  title: string;
  values: FacetValue[];
  chosen: string | undefined;
  /** Shut until it is opened, unless something in it is chosen */
  closed?: boolean;
  onPick: (value: string | undefined) => void;
};

/** One way to narrow a list, with counts; a press narrows it, a second press takes that back. */
export function FacetGroup({ title, values, chosen, closed = false, onPick }: GroupProps) {
  const few = 7;
  const shown = values.slice(0, few);
  const rest = values.slice(few);
  const row = (v: FacetValue) => (
    <li key={v.value}>
      <button
        type="button"
        aria-pressed={v.value === chosen}
        onClick={() => onPick(v.value === chosen ? undefined : v.value)}
      >
        <span className="cut">{v.label}</span>
        <span className="quiet num small">{v.count === null ? "" : count(v.count)}</span>
      </button>
    </li>
  );
  if (values.length === 0) return null;
  return (
    <details open={!closed || chosen !== undefined}>
      <summary>{title}</summary>
      <ul>{shown.map(row)}</ul>
      {rest.length > 0 && (
        <details open={rest.some((v) => v.value === chosen)}>
          <summary className="more">{t("assets.more", { count: rest.length })}</summary>
          <ul>{rest.map(row)}</ul>
        </details>
      )}
    </details>
  );
}
