import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api } from "../../api/client";
import type { AssetRow } from "../../api/types";
import { t } from "../../texts";
import { sentence } from "../../ui/page";
import { notify } from "../../ui/toast";

type Props = { rows: AssetRow[]; chosen: ReadonlySet<string>; onDone: () => void };

/** Accepts the ticked assets one by one, with progress and a way to stop; each is its own entry in the audit log. */
export function BulkAccept({ rows, chosen, onDone }: Props) {
  const client = useQueryClient();
  const [done, setDone] = useState<number | null>(null);
  const stop = useRef(false);
  if (chosen.size === 0 && done === null) return null;

  const accept = async () => {
    const work = rows.filter((row) => chosen.has(row.id));
    stop.current = false;
    let changed = 0;
    let failure: unknown;
    setDone(0);
    for (const row of work) {
      if (stop.current) break;
      try {
        const path = { id: row.id };
        const { response } = await api.GET("/assets/{id}", { params: { path } });
        const header = { "If-Match": response.headers.get("ETag") ?? "" };
        await api.PATCH("/assets/{id}", { params: { path, header }, body: { state: "accepted" } });
        changed++;
      } catch (error) {
        failure = error;
      }
      setDone((n) => (n ?? 0) + 1);
    }
    setDone(null);
    notify(t("assets.accepted", { count: changed }));
    if (failure) notify(sentence(failure));
    onDone();
    for (const key of ["assets", "facets", "sites"]) client.invalidateQueries({ queryKey: [key] });
  };

  if (done !== null)
    return (
      <>
        <span role="status" className="quiet num">
          {t("assets.accepting", { done, all: chosen.size })}
        </span>
        <button type="button" className="btn" onClick={() => (stop.current = true)}>
          {t("common.cancel")}
        </button>
      </>
    );
  return (
    <button type="button" className="btn primary" onClick={accept}>
      {t("assets.accept", { count: chosen.size })}
    </button>
  );
}
