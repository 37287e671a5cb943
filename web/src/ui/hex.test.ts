import { describe, expect, it } from "vitest";
import { hexRows, locate, parseHex } from "./hex";

describe("parseHex", () => {
  it("reads bytes with and without separators", () => {
    expect(parseHex("0a 1B:ff")).toEqual([10, 27, 255]);
    expect(parseHex("")).toEqual([]);
  });
  it.each(["0", "zz", "<script>"])("refuses %s", (text) => expect(parseHex(text)).toBeNull());
});

describe("hexRows", () => {
  it("breaks at sixteen and marks the proof across rows", () => {
    const rows = hexRows(
      Array.from({ length: 20 }, (_, i) => i + 0x3c),
      14,
      4,
    );
    expect(rows.map((row) => row.offset)).toEqual(["0000", "0010"]);
    expect(rows[0]?.bytes.map((b) => b.marked).lastIndexOf(false)).toBe(13);
    expect(rows[1]?.bytes.map((b) => b.marked)).toEqual([true, true, false, false]);
  });
  it("shows only printable ASCII as characters", () => {
    const [row] = hexRows([0x1b, 0x41, 0x7f, 0xe9, 0x20]);
    expect(row?.bytes.map((b) => b.char).join("")).toBe("·A·· ");
  });
  it("marks nothing without a place", () => expect(hexRows([1, 2], -1, 2)[0]?.bytes.some((b) => b.marked)).toBe(false));
});

describe("locate", () => {
  const packet = [1, 2, 3, 2, 3, 4];
  it("trusts the stated offset when the bytes are there", () => expect(locate(packet, [2, 3], 3)).toBe(3));
  it("searches when they are not", () => expect(locate(packet, [2, 3], 0)).toBe(1));
  it("says so when they are nowhere", () => {
    expect(locate(packet, [9], 0)).toBe(-1);
    expect(locate(packet, [], 0)).toBe(-1);
    expect(locate([1], [1, 2], 0)).toBe(-1);
  });
});
