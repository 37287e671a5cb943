// A small capture of our own: an engineering station asks an S7 controller who it is (SZL 0x0011), and it answers.
// Made anew each time with other addresses and times, since the same file twice changes nothing.

export const orderCode = "6ES7 315-2EH14-0AB0";

const ask = "0300002102f080320700000001000800080001120411440100ff09000400110000";
const tell =
  "0300009902f080320700000001000c007c000112081284010100000000ff09007800110000001c0004000136455337203331" +
  "352d32454831342d304142302000c000030001000636455337203331352d32454831342d304142302000c000030001000720" +
  "2020202020202020202020202020202020202000c05603020c0081426f6f74204c6f61646572202020202020202020000041" +
  "200909";

/** @param {Buffer} bytes */
function checksum(bytes) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** @typedef {{mac: Buffer, ip: Buffer, port: number, seq: number}} End */

/** @param {End} from @param {End} to @param {number} flags @param {Buffer} body */
function frame(from, to, flags, body) {
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(from.port, 0);
  tcp.writeUInt16BE(to.port, 2);
  tcp.writeUInt32BE(from.seq, 4);
  tcp.writeUInt32BE(flags & 0x10 ? to.seq : 0, 8);
  tcp.writeUInt16BE(0x5000 | flags, 12);
  tcp.writeUInt16BE(8192, 14);
  const length = Buffer.alloc(4);
  length.writeUInt16BE(6, 0);
  length.writeUInt16BE(20 + body.length, 2);
  tcp.writeUInt16BE(checksum(Buffer.concat([from.ip, to.ip, length, tcp, body])), 16);
  const ip = Buffer.from("45000000000040004006000000000000" + "00000000", "hex");
  ip.writeUInt16BE(40 + body.length, 2);
  from.ip.copy(ip, 12);
  to.ip.copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  from.seq += body.length + (flags & 0x02 ? 1 : 0);
  return Buffer.concat([to.mac, from.mac, Buffer.from("0800", "hex"), ip, tcp, body]);
}

/** The bytes of a pcap file. */
export function makeCapture(now = Date.now()) {
  const [a, b, c] = [(now >> 16) & 0xff, (now >> 8) & 0xff, now & 0xff];
  const station = { mac: Buffer.from([0, 0x50, 0x56, a, b, c]), ip: Buffer.from([10, 99, b, 10]), port: 49152, seq: 1 };
  const plc = {
    mac: Buffer.from([0, 0x1b, 0x1b, a, b, c]),
    ip: Buffer.from([10, 99, b, 20 + (c % 200)]),
    port: 102,
    seq: 9,
  };
  return pcap(
    now,
    talk(station, plc, [
      { out: true, hex: ask },
      { out: false, hex: tell },
    ]),
  );
}

/** One line of a conversation: who says it, and its bytes. @typedef {{out: boolean, hex: string}} Said */

/** A TCP conversation that one end opens. @param {End} client @param {End} server @param {Said[]} said */
function talk(client, server, said) {
  const none = Buffer.alloc(0);
  return [
    frame(client, server, 0x02, none),
    frame(server, client, 0x12, none),
    frame(client, server, 0x10, none),
    ...said.map(({ out, hex }) =>
      out ? frame(client, server, 0x18, Buffer.from(hex, "hex")) : frame(server, client, 0x18, Buffer.from(hex, "hex")),
    ),
  ];
}

/** @param {number} now @param {Buffer[]} frames */
function pcap(now, frames) {
  const head = Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");
  const records = frames.flatMap((bytes, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(Math.floor(now / 1000), 0);
    record.writeUInt32LE(i * 1000, 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return [record, bytes];
  });
  return Buffer.concat([head, ...records]);
}

/** The messages of a dissector's own test: "> hex" is said by the client, "< hex" by the server. @param {string} text */
const saidIn = (text) =>
  [...text.matchAll(/^([<>]) ((?:[0-9a-f ]+\n(?: {2}(?=[0-9a-f]))?)+)/gm)].map(([, way, hex]) => ({
    out: way === ">",
    hex: (hex ?? "").replace(/\s/g, ""),
  }));

/** An engineering station that saves a program (UMAS) and talks to a port that nobody knows. @param {string} umas */
export function makeTraffic(umas, now = Date.now()) {
  const [a, b, c] = [(now >> 16) & 0xff, (now >> 8) & 0xff, now & 0xff];
  /** @param {number} last @param {number} port */
  const end = (last, port) => ({
    mac: Buffer.from([0, 0x80, 0xf4, a ^ last, b, c]),
    ip: Buffer.from([10, 98, b, last]),
    port,
    seq: 1,
  });
  const strange = Array.from({ length: 6 }, (_, i) => [
    { out: true, hex: `5a5a07${"0".repeat(8)}0${i}c3d4` },
    { out: false, hex: `5a5a87${"0".repeat(8)}0${i}a1b2c3` },
  ]).flat();
  const frames = [...talk(end(10, 49200), end(20, 502), saidIn(umas)), ...talk(end(10, 49201), end(21, 9077), strange)];
  return { bytes: pcap(now, frames), controller: `10.98.${b}.20`, port: 9077 };
}
