import type { components } from "../../api/schema";
import type { Asset } from "../../api/types";

export type Changes = components["schemas"]["AssetPatch"];

export const roles = [
  "plc",
  "rtu",
  "io",
  "drive",
  "hmi",
  "scada",
  "engineering",
  "historian",
  "switch",
  "router",
  "gateway",
  "safety",
  "ied",
  "sensor",
  "camera",
  "printer",
  "phone",
  "server",
  "workstation",
  "it",
  "remote-gateway",
  "unknown",
];
export const levels = ["0", "1", "2", "3", "3.5", "4", "5"];

type Form = Record<string, string>;

/** Only what a person changed: an untouched field must stay measured, not become their word. */
export function changesOf(asset: Asset, form: Form): Changes {
  const before: Form = {
    name: asset.name,
    role: asset.role,
    level: asset.level,
    zone: asset.zone?.id ?? "",
    criticality: String(asset.criticality ?? 0),
    owner: asset.owner,
    end_of_sale: asset.end_of_sale?.slice(0, 10) ?? "",
    end_of_support: asset.end_of_support?.slice(0, 10) ?? "",
    spare: asset.spare ?? "",
    state: asset.state,
  };
  const out: Record<string, unknown> = {};
  for (const [key, old] of Object.entries(before)) {
    const value = form[key];
    if (value === undefined || value === old) continue;
    if (key === "criticality") out[key] = Number(value);
    else out[key] = value;
  }
  if (Object.keys(out).length > 0 && form.reason) out.reason = form.reason;
  return out as Changes;
}
