import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import en from "./en.json";
import { t, word } from "./index";

function keysOf(node: object, prefix = ""): string[] {
  return Object.entries(node).flatMap(([key, value]) =>
    typeof value === "string" ? [prefix + key] : keysOf(value as object, `${prefix}${key}.`),
  );
}

const source = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.includes(".test."))
  .map((name) => readFileSync(`src/${name}`, "utf8"))
  .join("\n");

it("holds no text that no page uses", () => {
  // Groups looked up by a code of the server, and the few keys that are put together.
  const groups = new Set([...source.matchAll(/word\(\s*"(\w+)"/g)].map((m) => m[1]));
  const built = [...source.matchAll(/`([a-z_]+\.[\w.]*)\$\{/g)].map((m) => m[1] ?? "");
  const quoted = new Set([...source.matchAll(/"([\w.-]+)"/g)].map((m) => m[1])); // once: 2,000 searches through all pages take seconds
  const unused = keysOf(en)
    .map((key) => key.replace(/_(one|other)$/, ""))
    .filter(
      (key) =>
        !quoted.has(key) && !groups.has(key.split(".")[0] ?? "") && !built.some((start) => key.startsWith(start)),
    );
  expect(unused).toEqual([]);
});

it("fills every blank of a text, wherever it is said", () => {
  const texts = new Map(
    keysOf(en).map((key) => {
      const text = key.split(".").reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], en);
      return [key, [...String(text).matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1] ?? "")];
    }),
  );
  const wrong: string[] = [];
  for (const [, key = "", given] of source.matchAll(/\bt\(\s*"([\w.]+)"\s*(?:,\s*\{([^{}]*)\}\s*,?\s*)?\)/g)) {
    if (given?.includes("...")) continue;
    const names = (given ?? "").split(",").map((one) => one.split(":")[0]?.trim());
    for (const blank of texts.get(key) ?? texts.get(`${key}_other`) ?? [])
      if (!names.includes(blank)) wrong.push(`${key}: nothing fills {{${blank}}}`);
  }
  expect(wrong).toEqual([]);
});

it("counts in the singular and the plural", () => {
  expect(t("plant.zones", { count: 1 })).toBe("1 zone");
  expect(t("plant.zones", { count: 8 })).toBe("8 zones");
});

it("shows a code that the catalogue does not know as itself", () => {
  expect(word("asset_role", "remote-gateway")).toBe("Remote access gateway");
  expect(word("purdue", "3.5")).toBe("3.5 · DMZ");
  expect(word("asset_role", "toaster")).toBe("toaster");
  expect(word("asset_role", "")).toBe("");
});

// The content that ships with the server: what a requirement, a check or an area is called.
it.each(["da", "de"])("calls every requirement and check something in %s", (code) => {
  const content = JSON.parse(readFileSync(`src/texts/content.${code}.json`, "utf8")) as Record<string, string>;
  const wanted: string[] = [];
  for (const file of readdirSync("../catalog/requirements").filter((name) => /^\d/.test(name))) {
    const text = readFileSync(`../catalog/requirements/${file}`, "utf8");
    for (const m of text.matchAll(/^area: (\d+)$/gm)) wanted.push(`area|${m[1]}|name`);
    for (const m of text.matchAll(/^- id: "?([\w.]+)"?$/gm))
      wanted.push(`requirement|${m[1]}|title`, `requirement|${m[1]}|text`);
    for (const m of text.matchAll(/^ {2}- id: ([\w.]+)$/gm)) wanted.push(`check|${m[1]}|title`);
  }
  expect(wanted.length).toBeGreaterThan(300);
  expect(wanted.filter((key) => !content[key])).toEqual([]);
  expect(
    Object.keys(content).filter((key) => /^(area|requirement|check)\|/.test(key) && !wanted.includes(key)),
  ).toEqual([]);
});

it.each(["da", "de"])("says everything in %s, with the same blanks to fill", (code) => {
  const other = JSON.parse(readFileSync(`src/texts/${code}.json`, "utf8")) as object;
  const texts = (node: object, prefix = ""): [string, string][] =>
    Object.entries(node).flatMap(([key, value]) =>
      typeof value === "string" ? [[prefix + key, value] as [string, string]] : texts(value, `${prefix}${key}.`),
    );
  const theirs = new Map(texts(other));
  const blanks = (text: string) =>
    [...text.matchAll(/\{\{\w+\}\}/g)]
      .map((m) => m[0])
      .sort()
      .join();
  const wrong: string[] = [];
  for (const [key, english] of texts(en)) {
    const said = theirs.get(key);
    if (said === undefined) wrong.push(`${key} is missing`);
    else if (blanks(said) !== blanks(english)) wrong.push(`${key}: ${said}`);
    theirs.delete(key);
  }
  expect(wrong).toEqual([]);
  expect([...theirs.keys()]).toEqual([]);
});

it.each(["da", "de"])("calls every record type and its parts something in %s", (code) => {
  const content = JSON.parse(readFileSync(`src/texts/content.${code}.json`, "utf8")) as Record<string, string>;
  const wanted: string[] = [];
  for (const file of readdirSync("../catalog/records").filter((name) => name.endsWith(".yaml"))) {
    const text = readFileSync(`../catalog/records/${file}`, "utf8");
    const type = /^id: ([\w-]+)$/m.exec(text)?.[1];
    wanted.push(`record|${type}|title`, `record|${type}|plural`, `record|${type}|about`);
    for (const part of ["groups", "fields", "states", "transitions"]) {
      const block = new RegExp(`^${part}:\\n((?: .*\\n)+)`, "m").exec(text)?.[1] ?? "";
      for (const m of block.matchAll(/^ {2}- \{id: "?([\w-]+)"?,/gm))
        wanted.push(`record|${type}|${part}.${m[1]}.title`);
    }
  }
  expect(wanted.length).toBeGreaterThan(150);
  expect(wanted.filter((key) => !content[key])).toEqual([]);
});
