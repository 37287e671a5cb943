// Leaves of each script and style only its compressed form: the server sends that as it is,
// and the binary is a megabyte smaller. What nothing reads at run time goes.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const assets = new URL("assets/", dist);
for (const name of readdirSync(assets)) {
  if (!/\.(js|css)$/.test(name)) continue; // fonts are compressed already
  const file = new URL(name, assets);
  writeFileSync(new URL(`${name}.gz`, assets), gzipSync(readFileSync(file), { level: 9 }));
  rmSync(file);
}
rmSync(new URL(".vite/", dist), { recursive: true });
