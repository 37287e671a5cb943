import { expect, it } from "vitest";
import type { Field } from "../../api/records";
import { asks, changedData, faultsByField, fromLocal, isVisible, parts, toLocal, waysOut, wrongIn } from "./fields";

const field = (id: string, more: Partial<Field> = {}): Field => ({
  id,
  title: id,
  kind: "text",
  required: false,
  free: false,
  ...more,
});
const says = { needed: "needed", number: (f: Field) => `number ${f.max ?? ""}`, link: "link" };

it("asks a field only while the other has the named value, also two steps deep", () => {
  const fields = [
    field("kind"),
    field("reason", { visible_when: { field: "kind", in: ["emergency"] } }),
    field("who", { visible_when: { field: "reason", in: ["fire"] } }),
  ];
  const [, reason, who] = fields as [Field, Field, Field];
  expect(isVisible(reason, { kind: "normal" }, fields)).toBe(false);
  expect(isVisible(reason, { kind: "emergency" }, fields)).toBe(true);
  expect(isVisible(who, { kind: "normal", reason: "fire" }, fields)).toBe(false);
  expect(isVisible(who, { kind: "emergency", reason: "fire" }, fields)).toBe(true);
});

it("does not run for ever on fields that hang on each other", () => {
  const fields = [
    field("a", { visible_when: { field: "b", in: ["x"] } }),
    field("b", { visible_when: { field: "a", in: ["x"] } }),
  ];
  expect(isVisible(fields[0] as Field, { a: "x", b: "x" }, fields)).toBe(false);
});

it("says what is missing, and asks nothing that is not shown", () => {
  const fields = [
    field("kind", { required: true }),
    field("reason", { required: true, visible_when: { field: "kind", in: ["emergency"] } }),
    field("cost", { kind: "money" }),
    field("share", { kind: "number", max: 100 }),
    field("page", { kind: "link" }),
    field("close", {}),
  ];
  expect(wrongIn(fields, {}, [], says)).toEqual({ kind: "needed" });
  expect(
    wrongIn(fields, { kind: "emergency", cost: "many", share: 101, page: "javascript:x" }, ["close"], says),
  ).toEqual({
    reason: "needed",
    cost: "number ",
    share: "number 100",
    page: "link",
    close: "needed",
  });
});

it("sends only what was changed, and takes away what was emptied", () => {
  expect(changedData({ a: "1", b: "2", c: [] }, { a: "1", b: "", c: [], d: true })).toEqual({ b: null, d: true });
});

it("finds the field that the server complains of", () => {
  const type = { fields: [field("reason")] } as never;
  expect(
    faultsByField(
      [
        { where: "body.data.reason", message: "is empty" },
        { where: "body.what", message: "?" },
        { where: "title", message: "too long" },
      ],
      type,
    ),
  ).toEqual({ reason: "is empty", title: "too long" });
});

it("puts fields under the headings of their type, what has none first", () => {
  const groups = [
    { id: "what", title: "What" },
    { id: "risk", title: "Risk" },
    { id: "empty", title: "Empty" },
  ];
  const fields = [field("a", { group: "risk" }), field("b"), field("c", { group: "what" })];
  expect(parts({ groups, fields }).map((p) => [p.title, p.fields.map((f) => f.id)])).toEqual([
    ["", ["b"]],
    ["What", ["c"]],
    ["Risk", ["a"]],
  ]);
});

it("asks for a date only where the type makes use of it", () => {
  const type = {
    list: { columns: ["ref", "due_at"] },
    calendar: { from: "valid_from", to: "ends" },
    transitions: [{ needs: ["owner"] }],
  } as never;
  expect(["owner", "due_at", "valid_from", "valid_until"].map((head) => asks(type, head as never))).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

it("offers the ways out of a state, and those that hang on a field only with its value", () => {
  const emergency = { field: "kind", in: ["emergency"] };
  const type = {
    transitions: [
      { id: "a", from: ["open"] },
      { id: "b", from: ["open"], when: emergency },
      { id: "c", from: ["done"] },
    ],
  } as never;
  expect(waysOut(type, "open", { kind: "normal" }).map((one) => one.id)).toEqual(["a"]);
  expect(waysOut(type, "open", { kind: "emergency" }).map((one) => one.id)).toEqual(["a", "b"]);
});

it("reads a time back as it was written", () => {
  const at = fromLocal("2026-11-23T06:30");
  expect(toLocal(at)).toBe("2026-11-23T06:30");
  expect(fromLocal("")).toBeNull();
  expect(fromLocal("nonsense")).toBeNull();
  expect(toLocal(fromLocal("2026-03-01"))).toBe("2026-03-01T23:59");
});
