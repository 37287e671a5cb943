// Fails the build when the script of the first load passes its budget: what index.html
// pulls in before a page's own chunk, compressed as the server sends it.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 250 * 1024;
const dist = new URL("../dist/", import.meta.url);
/** @type {Record<string, {file: string, imports?: string[], dynamicImports?: string[], isEntry?: boolean, css?: string[]}>} */
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** @param {string} file */
const size = (file) => gzipSync(readFileSync(new URL(file, dist))).length;
/** @param {string} key @param {Set<string>} seen */
function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key]?.imports ?? []) closure(next, seen);
  return seen;
}

const entry = Object.keys(manifest).find((key) => manifest[key]?.isEntry);
if (!entry) throw new Error("dist/.vite/manifest.json names no entry: run vite build first");
const first = closure(entry);
let total = 0;
for (const key of first) total += size(/** @type {{file: string}} */ (manifest[key]).file);
const kb = (/** @type {number} */ n) => `${(n / 1024).toFixed(1)} KB`;
console.log(`first load: ${kb(total)} of ${kb(budget)} compressed script`);
for (const page of manifest[entry]?.dynamicImports ?? []) {
  let own = 0;
  for (const key of closure(page)) if (!first.has(key)) own += size(/** @type {{file: string}} */ (manifest[key]).file);
  console.log(`  ${page.padEnd(40)} ${kb(own)}`);
}
if (total > budget) {
  console.error("The first load is over its budget: make a page lazy or drop a library.");
  process.exit(1);
}
