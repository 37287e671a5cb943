import { expect, it } from "vitest";
import type { RecordType } from "../../api/records";
import { groupsOf, within } from "./groups";

const state = (id: string, kind: "open" | "done") => ({ id, title: id.toUpperCase(), kind });
const type = (group: string) =>
  ({
    list: { columns: [], sort: "title", group },
    states: [state("open", "open"), state("work", "open"), state("closed", "done")],
    fields: [
      {
        id: "kind",
        choices: [
          { id: "b", title: "Bee" },
          { id: "a", title: "Ay" },
        ],
      },
    ],
  }) as unknown as RecordType;
const facet = (id: string, count: number, title = "") => ({ id, title, count });

it("orders states and choices as the type does, and names what has none last", () => {
  const states = groupsOf(type("state"), [facet("closed", 9), facet("work", 1), facet("open", 4)], "-");
  expect(states.map((g) => [g.title, g.count, g.closed])).toEqual([
    ["OPEN", 4, false],
    ["WORK", 1, false],
    ["CLOSED", 9, true],
  ]);
  const kinds = groupsOf(type("kind"), [facet("", 3), facet("a", 2), facet("b", 1)], "nothing");
  expect(kinds.map((g) => g.title)).toEqual(["Bee", "Ay", "nothing"]);
});

it("orders sites and owners by name", () => {
  const sites = groupsOf(type("site"), [facet("1", 1, "Malmö"), facet("", 7), facet("2", 5, "Aarhus")], "company");
  expect(sites.map((g) => g.title)).toEqual(["Aarhus", "Malmö", "company"]);
});

it("groups nothing where the type does not, or where there are too many", () => {
  expect(groupsOf(type(""), [facet("open", 1)], "-")).toEqual([]);
  const many = Array.from({ length: 200 }, (_, i) => facet(String(i), 1));
  expect(groupsOf(type("owner"), many, "-")).toEqual([]);
});

it("narrows to one group beside what narrows already", () => {
  expect(within({ type: "x", state: "open,work" }, "state", "open")).toEqual({ type: "x", state: "open" });
  expect(within({ owner: "me" }, "site", "")).toEqual({ owner: "me", site: "none" });
  expect(within({ fields: { risk: "high" } }, "kind", "")).toEqual({ fields: { risk: "high", kind: "" } });
});
