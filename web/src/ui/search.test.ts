import { describe, expect, it } from "vitest";
import { nextSort, only, parseSearch, stringifySearch, withFields } from "./search";

describe("filters in the address", () => {
  it("come back as they were written", () => {
    const search = { q: "6ES7 315-2EH14 & co", site: "018f", level: "3.5" };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });
  it("leave no trace when they are cleared", () => {
    expect(stringifySearch({ q: "", site: undefined, zone: null })).toBe("");
    expect(parseSearch("?q=&site=a")).toEqual({ site: "a" });
  });
  it("stay words: a number is not turned into another one", () => {
    expect(parseSearch("?level=1.0&q=007")).toEqual({ level: "1.0", q: "007" });
    expect(only("level")({ level: 3.5 })).toEqual({ level: "3.5" });
  });
  it("drop what a page does not know", () => expect(only("q")({ q: "x", admin: "1", page: {} })).toEqual({ q: "x" }));
});

it("sorts up, then down, then not", () => {
  expect(nextSort(undefined, "name")).toBe("name");
  expect(nextSort("name", "name")).toBe("-name");
  expect(nextSort("-name", "name")).toBeUndefined();
  expect(nextSort("-name", "zone")).toBe("zone");
});

it("keeps the fields of a record beside the named keys", () => {
  expect(withFields("f.", "type")({ type: "change", "f.risk": "high", "f.empty": "", other: "x" })).toEqual({
    type: "change",
    "f.risk": "high",
  });
});
