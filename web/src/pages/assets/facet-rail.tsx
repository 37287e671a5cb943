import type { Facet, Facets } from "../../api/types";
import { t, word } from "../../texts";
import { count } from "../../ui/format";

export type FacetKey = "site" | "state" | "role" | "level" | "zone" | "vendor";
type Value = { value: string; label: string; count: number | null };

type Props = {
  facets: Facets | undefined;
  filter: { [K in FacetKey]?: string };
  onPick: (facet: FacetKey, value: string | undefined) => void;
};

/** What the list is made of, with counts; a press narrows it, a second press takes that back. */
export function FacetRail({ facets, filter, onPick }: Props) {
  const groups: { key: FacetKey; values: Value[] }[] = [
    { key: "site", values: named(facets?.site) },
    { key: "state", values: named(facets?.state, "asset_state") },
    { key: "role", values: named(facets?.role, "asset_role") },
    { key: "level", values: named(facets?.level, "purdue") },
    { key: "zone", values: named(facets?.zone) },
    { key: "vendor", values: named(facets?.vendor) },
  ];
  return (
    <aside className="facets" aria-label={t("assets.filters")}>
      {groups.map(
        ({ key, values }) =>
          values.length > 0 && (
            <Group
              key={key}
              title={word("facet", key)}
              values={values}
              chosen={filter[key]}
              onPick={(v) => onPick(key, v)}
            />
          ),
      )}
    </aside>
  );
}

function named(values: Facet[] | null | undefined, group?: string): Value[] {
  return (values ?? [])
    .filter((v) => v.value !== "")
    .map((v) => ({
      value: v.value,
      label: v.value === "none" ? t("common.unknown") : group ? word(group, v.value) : v.label || v.value,
      count: v.count,
    }));
}

type GroupProps = {
  title: string;
  values: Value[];
  chosen: string | undefined;
  onPick: (value: string | undefined) => void;
};

function Group({ title, values, chosen, onPick }: GroupProps) {
  const few = 7;
  const shown = values.slice(0, few);
  const rest = values.slice(few);
  const row = (v: Value) => (
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
  return (
    <details open>
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
