import i18next from "i18next";
import en from "./en.json";

type Plural<K extends string> = K extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : K;
type Keys<T> = {
  [K in keyof T & string]: T[K] extends string ? Plural<K> : `${K}.${Keys<T[K]>}`;
}[keyof T & string];

/** Every key of the catalogue, without its plural endings: a missing text does not compile. */
export type Key = Keys<typeof en>;

/** The languages of the interface, each by its own name. */
export const languages = { en: "English", da: "Dansk", de: "Deutsch" } as const;
export type Language = keyof typeof languages;

// English is read at once: the first page must not wait for its words, and it
// stands in where another language has none.
i18next.init({
  lng: "en",
  fallbackLng: "en",
  resources: { en: { translation: en } },
  interpolation: { escapeValue: false }, // React escapes
  initAsync: false,
  showSupportNotice: false,
});

const remembered = "skanse.language";
const isLanguage = (code: string | null | undefined): code is Language => !!code && Object.hasOwn(languages, code);

export const language = () => i18next.language as Language;

/** The language chosen here before, else the first of the browser's that we speak. */
export function preferred(): Language {
  try {
    const chosen = localStorage.getItem(remembered);
    if (isLanguage(chosen)) return chosen;
  } catch {
    // Storage may be forbidden; the browser's own languages then decide.
  }
  return navigator.languages.map((l) => l.slice(0, 2)).find(isLanguage) ?? "en";
}

/** Speaks a language from now on; pages show it when they are drawn anew. */
export async function speak(to: Language, remember = false) {
  if (to !== "en" && !i18next.hasResourceBundle(to, "translation")) {
    const [texts, content] = await Promise.all(
      to === "da"
        ? [import("./da.json"), import("./content.da.json")]
        : [import("./de.json"), import("./content.de.json")],
    );
    i18next.addResourceBundle(to, "translation", texts.default);
    i18next.addResourceBundle(to, "content", content.default);
  }
  await i18next.changeLanguage(to);
  document.documentElement.lang = to;
  try {
    if (remember) localStorage.setItem(remembered, to);
  } catch {
    // Not remembered then.
  }
}

export function t(key: Key, options?: Record<string, unknown>): string {
  return i18next.t(key, options ?? {});
}

/** The catalogue's word for a code that the server sent; the code itself when there is none yet. */
export function word(group: string, code: string | null | undefined): string {
  if (!code) return "";
  const key = `${group}.${code.replaceAll(/[.-]/g, "_")}`;
  return i18next.exists(key) ? i18next.t(key) : code;
}

/** A noun inside a sentence: small, but in German, where nouns are not. */
export const noun = (text: string) => (language() === "de" ? text : text.toLowerCase());

/**
 * A text of the content that ships with the server (a requirement's title, a record
 * type's field) in the reader's language; the server's English where there is none.
 */
export function said(path: readonly string[], english: string): string {
  const found = i18next.getResource(i18next.language, "content", path.join("|"));
  return typeof found === "string" ? found : english;
}
