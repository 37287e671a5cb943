import i18next from "i18next";
import en from "./en.json";

type Plural<K extends string> = K extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : K;
type Keys<T> = {
  [K in keyof T & string]: T[K] extends string ? Plural<K> : `${K}.${Keys<T[K]>}`;
}[keyof T & string];

/** Every key of the catalogue, without its plural endings: a missing text does not compile. */
export type Key = Keys<typeof en>;

// Read at once, not fetched: the first page must not wait for its words.
i18next.init({
  lng: "en",
  fallbackLng: "en",
  resources: { en: { translation: en } },
  interpolation: { escapeValue: false }, // React escapes
  initAsync: false,
  showSupportNotice: false,
});

export function t(key: Key, options?: Record<string, unknown>): string {
  return i18next.t(key, options ?? {});
}

/** The catalogue's word for a code that the server sent; the code itself when there is none yet. */
export function word(group: string, code: string | null | undefined): string {
  if (!code) return "";
  const key = `${group}.${code.replaceAll(/[.-]/g, "_")}`;
  return i18next.exists(key) ? i18next.t(key) : code;
}
