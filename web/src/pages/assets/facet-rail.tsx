import type { Facet, Facets } from "../../api/types";
import { t, word } from "../../texts";
import { FacetGroup, type FacetValue } from "../../ui/facets";

export type FacetKey = "site" | "state" | "role" | "level" | "zone" | "vendor" | "planned";

type Props = {
  facets: Facets | undefined;
  filter: { [K in FacetKey]?: string };
  onPick: (facet: FacetKey, value: string | undefined) => void;
};

/** What the list is made of, with counts; a press narrows it, a second press takes that back. */
export function FacetRail({ facets, filter, onPick }: Props) {
  const groups: { key: FacetKey; values: FacetValue[] }[] = [
    { key: "site", values: named(facets?.site) },
    { key: "state", values: named(facets?.state, "asset_state") },
    { key: "planned", values: named(facets?.planned, "planned").filter((v) => v.value !== "none") },
    { key: "role", values: named(facets?.role, "asset_role") },
    { key: "level", values: named(facets?.level, "purdue") },
    { key: "zone", values: named(facets?.zone) },
    { key: "vendor", values: named(facets?.vendor) },
  ];
  return (
    <aside className="facets" aria-label={t("assets.filters")}>
      {groups.map(({ key, values }) => (
        <FacetGroup
          key={key}
          title={word("facet", key)}
          values={values}
          chosen={filter[key]}
          onPick={(v) => onPick(key, v)}
        />
      ))}
    </aside>
  );
}

function named(values: Facet[] | null | undefined, group?: string): FacetValue[] {
  return (values ?? [])
    .filter((v) => v.value !== "")
    .map((v) => ({
      value: v.value,
      label: v.value === "none" ? t("common.unknown") : group ? word(group, v.value) : v.label || v.value,
      count: v.count,
    }));
}
