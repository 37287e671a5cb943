import type { components } from "../api/schema";
import { language, t } from "../texts";
import { Mark } from "./mark";

type Said = components["schemas"]["ListenSentence"];

const priorities = { alarm: 1, mend: 2, note: 4, good: 4 } as const;

/** The server's own words in English; in other languages those of the texts, with the same figures. */
export function MirrorSentence({ of }: { of: Said }) {
  const own = language() === "en" || !of.values || "why" in of.values;
  const text = own ? of.text : t(`mirror.${of.id}` as "mirror.good", of.values);
  const todo = own || !of.do ? of.do : t(`mirror_do.${of.id}` as "mirror_do.no_traffic", of.values);
  return (
    <li>
      <Mark priority={priorities[of.weight]} quiet />
      <div>
        <span className={of.weight === "alarm" || of.weight === "mend" ? "strong" : undefined}>{text}</span>
        {todo && <div className="quiet">{todo}</div>}
      </div>
    </li>
  );
}
