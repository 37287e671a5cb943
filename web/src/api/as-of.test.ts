import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { takesDay } from "./as-of";

type Operation = { parameters?: { name: string; in: string }[] };
const api = JSON.parse(readFileSync("src/api/openapi.json", "utf8")) as {
  paths: Record<string, { get?: Operation }>;
};

it("asks for a day wherever the server takes one, and nowhere else", () => {
  const wrong = Object.entries(api.paths).flatMap(([path, { get }]) => {
    if (!get) return [];
    const takes = get.parameters?.some((p) => p.in === "query" && p.name === "as_of") ?? false;
    const example = path.replaceAll(/\{[^}]+\}/g, "0191");
    return takes === takesDay(example) ? [] : [`${path}: the server ${takes ? "takes" : "refuses"} as_of`];
  });
  expect(wrong).toEqual([]);
});
