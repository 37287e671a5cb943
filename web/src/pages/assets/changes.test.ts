import { expect, it } from "vitest";
import type { Asset } from "../../api/types";
import { changesOf } from "./changes";

const asset = {
  name: "Filler PLC",
  role: "plc",
  level: "1",
  zone: { id: "z1", name: "Filling" },
  criticality: null,
  owner: "",
  end_of_sale: "2023-10-01T00:00:00Z",
  end_of_support: null,
  spare: "",
  state: "new",
} as Asset;
const same = {
  name: "Filler PLC",
  role: "plc",
  level: "1",
  zone: "z1",
  criticality: "0",
  owner: "",
  end_of_sale: "2023-10-01",
  end_of_support: "",
  spare: "",
  state: "new",
  reason: "",
};

it("sends nothing when nothing was changed, reason or not", () => {
  expect(changesOf(asset, same)).toEqual({});
  expect(changesOf(asset, { ...same, reason: "because" })).toEqual({});
});

it("sends only what was changed, with the reason", () => {
  expect(changesOf(asset, { ...same, role: "gateway", reason: "It forwards Modbus." })).toEqual({
    role: "gateway",
    reason: "It forwards Modbus.",
  });
});

it("takes a zone away and sets numbers and dates", () => {
  expect(changesOf(asset, { ...same, zone: "", criticality: "3", end_of_support: "2030-01-01" })).toEqual({
    zone: "",
    criticality: 3,
    end_of_support: "2030-01-01",
  });
});
