import { expect, it } from "vitest";
import type { Cell, RequirementRow } from "../../api/types";
import { chosen, worstSite } from "./choose";

const cell = (state: Cell["state"], level: number | null = 3): Cell => ({ level, state, target: 3, why: "", lift: "" });
const row = (id: string, part: Partial<RequirementRow> = {}): RequirementRow => ({
  id,
  area: id.split(".")[0] ?? "",
  title: `Title ${id}`,
  key: false,
  mode: "measured",
  scope: "site",
  alias_of: "",
  sites: {},
  entity: cell("at"),
  ...part,
});
const rows = [
  row("5.3", { entity: cell("contradicted"), sites: { a: cell("contradicted"), b: cell("at") } }),
  row("5.10", { sites: { a: cell("unknown", null), b: cell("at") } }),
  row("6.1", { sites: { b: cell("below") } }),
  row("6.9", { alias_of: "5.3" }),
];
const ids = (filter: Parameters<typeof chosen>[1]) => chosen(rows, filter).map((r) => r.id);

it("keeps the catalogue's order and narrows by area and words", () => {
  expect(ids({})).toEqual(["5.3", "5.10", "6.1", "6.9"]);
  expect(ids({ area: "5" })).toEqual(["5.3", "5.10"]);
  expect(ids({ q: "TITLE 6" })).toEqual(["6.1", "6.9"]);
});

it("counts what a headline counted: the entity's state, without aliases", () => {
  expect(ids({ state: "contradicted" })).toEqual(["5.3"]);
  expect(ids({ state: "at" })).toEqual(["5.10", "6.1"]);
});

it("judges by the site when one is chosen; a site without a cell is unknown", () => {
  expect(ids({ state: "at", site: "b" })).toEqual(["5.3", "5.10"]);
  expect(ids({ state: "unknown", site: "a" })).toEqual(["5.10", "6.1"]);
});

it("begins at the site that needs a person most", () => {
  const at = (site: string, c: Cell) => ({
    site,
    cell: c,
    c: 1,
    e: 1,
    f: 1,
    d: 1,
    level: c.level ?? 0,
    level_name: "",
    at: "",
    since: "",
    measured: true,
    why: [],
    lift: [],
    caps: [],
  });
  expect(worstSite([at("a", cell("at")), at("b", cell("below", 2)), at("c", cell("key_below", 1))])).toBe("c");
  expect(worstSite([at("a", cell("below", 2)), at("b", cell("below", 1))])).toBe("b");
  expect(worstSite([])).toBeUndefined();
});
