// What a sensor's row says in a word, and how urgent that is. Normal is quiet.
import type { Priority } from "../../ui/mark";
import type { Edge } from "./ask";

export type Standing = { word: string; priority: Priority | null };

/** The worst of what is true of a sensor. */
export function standing(edge: Edge): Standing {
  if (edge.state === "revoked") return { word: "revoked", priority: null };
  if (edge.state === "quarantined") return { word: "quarantined", priority: 1 };
  if (edge.health.witness) return { word: "witness", priority: 1 };
  if (edge.silent) return { word: "silent", priority: 2 };
  if (edge.health.queue.dropped_whole > 0) return { word: "dropped", priority: 2 };
  if (edge.refused > 0) return { word: "refused", priority: 2 };
  if (edge.config_error) return { word: "config_error", priority: 2 };
  if (edge.health.ports.some((port) => port.transmitted > 0)) return { word: "sends", priority: 1 };
  if (Math.abs(edge.skew_seconds ?? 0) > 2) return { word: "skew", priority: 3 };
  if (edge.gaps.length > 0) return { word: "gaps", priority: 3 };
  if (edge.config_version > edge.config_applied) return { word: "pending", priority: null };
  return { word: "running", priority: null };
}

/** How far a clock is off, with its direction, in the largest unit that says it. */
export function skew(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "+";
  if (size < 0.1) return "0 s";
  if (size < 120) return `${sign}${size.toFixed(1)} s`;
  if (size < 7200) return `${sign}${Math.round(size / 60)} min`;
  if (size < 172_800) return `${sign}${Math.round(size / 3600)} h`;
  return `${sign}${Math.round(size / 86_400)} d`;
}

/** Microseconds since 1970, as the server counts inside a sensor's health, to what the page's clock reads. */
export const fromMicros = (us: number): string | null => (us > 0 ? new Date(us / 1000).toISOString() : null);
