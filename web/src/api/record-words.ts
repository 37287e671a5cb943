// A record type in the reader's language. Its texts are content, found by where they
// stand: "record|change|fields.kind.title". What has no translation stays English.
import { said } from "../texts";

const spoken = new Set(["title", "plural", "about", "help", "inverse"]);

/** Walks a type and says each of its texts; lists are walked by id, relation or place. */
export function inWords<T>(type: T & { id: string }): T {
  const walk = (node: unknown, path: string[], key: string): unknown => {
    if (typeof node === "string") {
      return spoken.has(key) || path.at(-2) === "texts" ? said(["record", type.id, path.join(".")], node) : node;
    }
    if (Array.isArray(node)) {
      return node.map((one, i) => {
        const own = one as { id?: string; rel?: string } | null;
        return walk(one, [...path, (typeof own === "object" && (own?.id ?? own?.rel)) || String(i)], "");
      });
    }
    if (node && typeof node === "object") {
      return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, walk(v, [...path, k], k)]));
    }
    return node;
  };
  return walk(type, [], "") as T;
}
