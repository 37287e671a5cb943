import i18next from "i18next";
import { afterAll, expect, it } from "vitest";
import { inWords } from "./record-words";

const type = {
  id: "change",
  title: "Change",
  fields: [{ id: "kind", title: "Kind", choices: [{ id: "normal", title: "Normal", help: "Approved before" }] }],
  links: [{ rel: "on", title: "Changes", inverse: "Changed by", to: ["asset"] }],
  texts: { new: "Write down a change" },
};

afterAll(() => i18next.changeLanguage("en"));

it("says what is translated and leaves the rest", async () => {
  i18next.addResourceBundle("da", "content", {
    "record|change|title": "Ændring",
    "record|change|fields.kind.title": "Slags",
    "record|change|fields.kind.choices.normal.help": "Godkendt før",
    "record|change|links.on.inverse": "Ændret af",
    "record|change|texts.new": "Skriv en ændring ned",
  });
  await i18next.changeLanguage("da");
  const da = inWords(type);
  expect(da.title).toBe("Ændring");
  expect(da.fields[0]?.title).toBe("Slags");
  expect(da.fields[0]?.choices[0]?.title).toBe("Normal");
  expect(da.fields[0]?.choices[0]?.help).toBe("Godkendt før");
  expect(da.links[0]?.inverse).toBe("Ændret af");
  expect(da.links[0]?.to).toEqual(["asset"]);
  expect(da.texts.new).toBe("Skriv en ændring ned");
  expect(da.id).toBe("change");
});
