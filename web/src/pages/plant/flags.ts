import type { ConduitFlag } from "../../api/types";
import type { Priority } from "../../ui/mark";

const priorities: Partial<Record<ConduitFlag, Priority>> = { remote: 1, internet: 1, it_ot: 2, new: 3 };

/** How urgently a conduit needs a person; null: it is as it always was. */
export const flagPriority = (flag: ConduitFlag): Priority | null => priorities[flag] ?? null;
