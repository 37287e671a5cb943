import { useSyncExternalStore } from "react";
import { t } from "../texts";
import { ago, dateTime } from "./format";

// One clock for the whole page, so that no two ages on it disagree.
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 15_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export const useNow = () => useSyncExternalStore(subscribe, () => now);

/** An age in one unit, with the exact time in its title and for machines. */
export function Ago({ at, full = false }: { at: string | null | undefined; full?: boolean }) {
  const age = ago(at, useNow());
  if (!at) return <span className="quiet">{t("common.never")}</span>;
  const relative = /( s| min| h| d)$/.test(age);
  return (
    <time className="num nowrap" dateTime={at} title={dateTime(at)}>
      {full && relative ? t("common.ago", { age }) : age}
    </time>
  );
}

export function When({ at }: { at: string | null | undefined }) {
  return (
    <time className="num nowrap" dateTime={at ?? undefined} title={at ?? undefined}>
      {dateTime(at)}
    </time>
  );
}
