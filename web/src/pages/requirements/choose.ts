import type { CellState, Requirement, RequirementRow } from "../../api/types";

type Filter = { area?: string; site?: string; state?: string; q?: string };

/** The requirements that a filter leaves. With a site, its state counts; without, the entity's. */
export function chosen(rows: RequirementRow[], filter: Filter): RequirementRow[] {
  const needle = (filter.q ?? "").toLowerCase();
  return rows.filter((row) => {
    if (filter.area && row.area !== filter.area) return false;
    if (needle && !`${row.id} ${row.title}`.toLowerCase().includes(needle)) return false;
    if (filter.state) {
      if (row.alias_of) return false;
      const cell = filter.site ? row.sites[filter.site] : row.entity;
      if ((cell?.state ?? "unknown") !== filter.state) return false;
    }
    return true;
  });
}

const order: CellState[] = ["contradicted", "key_below", "below", "unknown", "at", "not_applicable"];

/** The site that needs a person most: where a page begins when its address names none. */
export function worstSite(sites: Requirement["sites"]): string | undefined {
  return [...sites].sort(
    (a, b) => order.indexOf(a.cell.state) - order.indexOf(b.cell.state) || a.level - b.level || a.e - b.e,
  )[0]?.site;
}
