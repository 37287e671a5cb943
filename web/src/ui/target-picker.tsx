import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { assets, conversations, requirements, search } from "../api/queries";
import { records, recordTypes } from "../api/records";
import { t, word } from "../texts";
import { nameOf, protocolOf } from "./conversation-table";
import { ErrorNote } from "./page";
import { SearchBox } from "./search-box";
import "./target-picker.css";

export type Target = { kind: string; id: string; label: string; detail?: string };
type Props = {
  /** What may be chosen: "asset", "requirement", "conversation", "zone", "site" or a record type */
  kinds: string[];
  site?: string | undefined;
  chosen: Target | undefined;
  onPick: (target: Target | undefined) => void;
};

const least = 2;

/** Finds the other end of a link by what it is called. */
export function TargetPicker({ kinds, site, chosen, onPick }: Props) {
  const types = useQuery(recordTypes);
  const [kind, setKind] = useState(kinds[0] ?? "");
  const [q, setQ] = useState("");
  const called = (id: string) => types.data?.items.find((one) => one.id === id)?.title ?? word("kind", id);
  const isRecord = types.data?.items.some((one) => one.id === kind) ?? false;
  const found = useFound(kind, isRecord, q, site);
  const typed = q.length >= least;
  return (
    <div className="picks">
      <div className="line">
        {kinds.length > 1 && (
          <select
            className="input picker"
            aria-label={t("records.link_kind")}
            value={kind}
            onChange={(event) => {
              setKind(event.target.value);
              onPick(undefined);
            }}
          >
            {kinds.map((one) => (
              <option key={one} value={one}>
                {called(one)}
              </option>
            ))}
          </select>
        )}
        <SearchBox
          value={q}
          label={t("records.link_search", { kind: called(kind) })}
          hint={t("records.link_search", { kind: called(kind) })}
          onChange={(text) => {
            setQ(text);
            onPick(undefined);
          }}
        />
      </div>
      {Boolean(found.error) && <ErrorNote error={found.error} />}
      <fieldset>
        <legend className="hidden">{t("records.link_found")}</legend>
        {!typed && <p className="quiet small">{t("records.link_type")}</p>}
        {typed && found.done && found.items.length === 0 && (
          <p className="quiet small">{t("records.link_none", { q })}</p>
        )}
        {typed &&
          found.items.map((item) => (
            <label key={item.id}>
              <input
                type="radio"
                name="target"
                checked={chosen?.kind === item.kind && chosen.id === item.id}
                onChange={() => onPick(item)}
              />
              <span>
                <b className="strong">{item.label}</b> <span className="quiet small">{item.detail}</span>
              </span>
            </label>
          ))}
      </fieldset>
    </div>
  );
}

type Found = { items: Target[]; done: boolean; error: unknown };

/** One question is asked, the one of the kind that is chosen. */
function useFound(kind: string, isRecord: boolean, q: string, site: string | undefined): Found {
  const on = q.length >= least;
  const inAssets = useInfiniteQuery({ ...assets({ ...(site && { site }), q }, 20), enabled: on && kind === "asset" });
  const inTalks = useInfiniteQuery({
    ...conversations({ ...(site && { site }), q }, 20),
    enabled: on && kind === "conversation",
  });
  const inRecords = useInfiniteQuery({ ...records({ type: kind, q }, 20), enabled: on && isRecord });
  const inRequirements = useQuery({ ...requirements, enabled: on && kind === "requirement" });
  const elsewhere = !isRecord && !["asset", "conversation", "requirement"].includes(kind);
  const anywhere = useQuery({ ...search(q), enabled: on && elsewhere });
  if (kind === "asset")
    return {
      items: (inAssets.data?.pages[0]?.items ?? []).map((row) => ({
        kind,
        id: row.id,
        label: row.name || row.ips[0] || row.macs[0] || t("assets.unnamed"),
        detail: [word("asset_role", row.role), row.ips[0], row.zone?.name].filter(Boolean).join(" · "),
      })),
      done: inAssets.isFetched,
      error: inAssets.error,
    };
  if (kind === "conversation")
    return {
      items: (inTalks.data?.pages[0]?.items ?? []).map((row) => ({
        kind,
        id: row.id,
        label: `${nameOf(row.client)} → ${nameOf(row.server)}`,
        detail: protocolOf(row),
      })),
      done: inTalks.isFetched,
      error: inTalks.error,
    };
  if (kind === "requirement") {
    const needle = q.toLowerCase();
    return {
      items: (inRequirements.data?.items ?? [])
        .filter((row) => !row.alias_of && `${row.id} ${row.title}`.toLowerCase().includes(needle))
        .slice(0, 20)
        .map((row) => ({ kind, id: row.id, label: `${row.id} ${row.title}`, detail: "" })),
      done: inRequirements.isFetched,
      error: inRequirements.error,
    };
  }
  if (isRecord)
    return {
      items: (inRecords.data?.pages[0]?.items ?? []).map((row) => ({
        kind,
        id: row.id,
        label: `${row.ref} ${row.title}`,
        detail: row.state,
      })),
      done: inRecords.isFetched,
      error: inRecords.error,
    };
  return {
    items: (anywhere.data?.items ?? [])
      .filter((item) => item.kind === kind)
      .map((item) => ({ kind, id: item.id, label: item.label, detail: item.detail })),
    done: anywhere.isFetched,
    error: anywhere.error,
  };
}
