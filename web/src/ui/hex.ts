// Bytes as an analyst reads them: offset, sixteen bytes, and the characters they would be.

export type HexByte = { hex: string; char: string; marked: boolean };
export type HexRow = { offset: string; bytes: HexByte[] };

/** Turns "0a1b…" into bytes; anything that is not hexadecimal is refused with null. */
export function parseHex(text: string): number[] | null {
  const clean = text.replaceAll(/[\s:]/g, "");
  if (clean.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(clean)) return null;
  const out: number[] = [];
  for (let i = 0; i < clean.length; i += 2) out.push(Number.parseInt(clean.slice(i, i + 2), 16));
  return out;
}

/** Rows of sixteen; `from` and `length` mark the bytes that prove something. */
export function hexRows(bytes: number[], from = -1, length = 0, width = 16): HexRow[] {
  const rows: HexRow[] = [];
  for (let start = 0; start < bytes.length; start += width) {
    rows.push({
      offset: start.toString(16).padStart(4, "0"),
      bytes: bytes.slice(start, start + width).map((b, i) => ({
        hex: b.toString(16).padStart(2, "0"),
        // Only printable ASCII: bytes of the wire must not become text that does something.
        char: b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "·",
        marked: from >= 0 && start + i >= from && start + i < from + length,
      })),
    });
  }
  return rows;
}

/** Where the proving bytes begin in the packet: the stated offset when they are there, else the first place that holds them. */
export function locate(packet: number[], proof: number[], offset: number): number {
  if (proof.length === 0 || proof.length > packet.length) return -1;
  const at = (start: number) => proof.every((b, i) => packet[start + i] === b);
  if (offset >= 0 && offset + proof.length <= packet.length && at(offset)) return offset;
  for (let start = 0; start + proof.length <= packet.length; start++) if (at(start)) return start;
  return -1;
}
