import type { CellState, Severity } from "../api/types";
import { t } from "../texts";

export type Priority = 1 | 2 | 3 | 4;

const ofSeverity: Record<Severity, Priority> = { critical: 1, high: 2, medium: 3, low: 4, info: 4 };
const ofState: Partial<Record<CellState, Priority>> = { contradicted: 1, key_below: 2, below: 3 };

export const priorityOf = (severity: string): Priority => ofSeverity[severity as Severity] ?? 4;
export const priorityOfState = (state: CellState): Priority | null => ofState[state] ?? null;

const labels = { 1: "mark.first", 2: "mark.second", 3: "mark.third", 4: "mark.fourth" } as const;

/** A priority's own shape and colour: square, triangle, diamond, ring. Never colour alone. */
export function Mark({ priority, quiet = false }: { priority: Priority; quiet?: boolean }) {
  const name = quiet ? { "aria-hidden": true as const } : { role: "img", "aria-label": t(labels[priority]) };
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: named by aria-label, or beside words that say the same
    <svg className="mark" viewBox="0 0 14 14" {...name}>
      {priority === 1 && (
        <>
          <rect width="14" height="14" rx="1.5" fill="var(--p1)" />
          <path d="M5.4 4.1 7.3 3h.9v8" fill="none" stroke="var(--on-p1)" strokeWidth="1.6" />
        </>
      )}
      {priority === 2 && <path d="M7 .6 14 13.2H0z" fill="var(--p2)" />}
      {priority === 3 && <path d="M7 0l7 7-7 7-7-7z" fill="var(--p3)" />}
      {priority === 4 && <circle cx="7" cy="7" r="5" fill="none" stroke="var(--bar)" strokeWidth="1.8" />}
    </svg>
  );
}
