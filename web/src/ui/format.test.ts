import { describe, expect, it } from "vitest";
import { ago, bytes, count, date, exactTime, figure, share } from "./format";

describe("numbers", () => {
  it("never turns unknown into zero", () => {
    for (const show of [count, figure, share, bytes]) {
      expect(show(null)).toBe("–");
      expect(show(undefined)).toBe("–");
    }
    expect(count(0)).toBe("0");
  });
  it("groups by thousands without a comma", () => expect(count(1412000)).toBe("1\u202f412\u202f000"));
  it.each([
    [0.999, "99\u202f%"],
    [1, "100\u202f%"],
    [0.57, "57\u202f%"],
    [0.29, "29\u202f%"],
    [0, "0\u202f%"],
  ])("rounds the share %f down", (n, text) => expect(share(n)).toBe(text));
  it.each([
    [999, "999 B"],
    [1000, "1 kB"],
    [48_211_000, "48 MB"],
    [1.25e9, "1.3 GB"],
    [5e15, "5\u202f000 TB"],
  ])("says %d bytes", (n, text) => expect(bytes(n)).toBe(text));
  it("gives a figure its unit", () => {
    expect(figure(3, "min")).toBe("3 min");
    expect(figure(95.25, "%")).toBe("95.3\u202f%");
  });
});

describe("times", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  it.each([
    ["2026-11-23T11:59:58Z", "now"],
    ["2026-11-23T11:59:30Z", "30 s"],
    ["2026-11-23T11:46:00Z", "14 min"],
    ["2026-11-23T01:00:00Z", "11 h"],
    ["2026-11-21T12:00:00Z", "2 d"],
    ["2026-01-05T12:00:00Z", "5 Jan 2026"],
  ])("says how long ago %s was", (at, text) => expect(ago(at, now)).toBe(text));
  it("does not call a broken or missing time an age", () => {
    expect(ago(null, now)).toBe("–");
    expect(ago("yesterday", now)).toBe("–");
    expect(date("")).toBe("–");
  });
  it("shows a time in the future as itself, not as an age", () =>
    expect(ago("2026-11-23T18:00:00Z", now)).toContain("2026"));
  it("keeps a packet's microseconds", () =>
    expect(exactTime("2026-11-23T11:46:00.123456Z")).toBe("2026-11-23 11:46:00.123456 UTC"));
});
