import { expect, it } from "vitest";
import { decode } from "./decode";

it.each([
  ["UTF-8", [0x50, 0xc3, 0xb8]],
  ["UTF-8 with a mark", [0xef, 0xbb, 0xbf, 0x50, 0xc3, 0xb8]],
  ["Windows-1252", [0x50, 0xf8]],
  ["UTF-16", [0xff, 0xfe, 0x50, 0x00, 0xf8, 0x00]],
])("reads a list in %s", (_, bytes) => {
  expect(decode(new Uint8Array(bytes))).toBe("Pø");
});
