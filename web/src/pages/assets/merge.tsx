import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { assets } from "../../api/queries";
import type { Asset, AssetRow } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { SearchBox } from "../../ui/search-box";
import { notify } from "../../ui/toast";
import { Ago } from "../../ui/when";

type Props = { asset: Asset; name: string; onClose: () => void };

/** Makes another asset part of this one: found by search, chosen, with the reason. */
export function Merge({ asset, name, onClose }: Props) {
  const client = useQueryClient();
  const [q, setQ] = useState("");
  const [other, setOther] = useState<AssetRow>();
  const found = useInfiniteQuery({
    ...assets({ site: asset.site_id, q, sort: "-last_at" }, 20),
    enabled: q.length > 1,
  });
  const merge = useMutation({
    mutationFn: ({ from, reason }: { from: AssetRow; reason: string }) =>
      api.POST("/assets/merge", { body: { into: asset.id, from: [from.id], reason } }),
    onSuccess: async (_, { from }) => {
      notify(t("merge.done", { other: called(from), name }));
      onClose();
      await changed(client);
      document.getElementById("history")?.scrollIntoView({ block: "center" });
    },
  });
  const rows = (q.length > 1 ? (found.data?.pages[0]?.items ?? []) : []).filter((row) => row.id !== asset.id);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason") ?? "");
    if (other) merge.mutate({ from: other, reason });
  };
  return (
    <Dialog title={t("merge.title", { name })} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p className="quiet">{t("merge.lead")}</p>
        <SearchBox
          value={q}
          label={t("merge.search")}
          hint={t("merge.hint")}
          onChange={(text) => {
            setQ(text);
            setOther(undefined);
          }}
        />
        {found.error && <ErrorNote error={found.error} />}
        <fieldset className="candidates">
          <legend className="hidden">{t("merge.search")}</legend>
          {q.length < 2 && <p className="quiet small">{t("merge.first")}</p>}
          {found.data && rows.length === 0 && q.length > 1 && <p className="quiet small">{t("merge.none")}</p>}
          {rows.map((row) => (
            <label key={row.id}>
              <input type="radio" name="other" checked={other?.id === row.id} onChange={() => setOther(row)} />
              <span>
                <b className="strong">{called(row)}</b>{" "}
                <span className="quiet small">
                  {word("asset_role", row.role)} · {[...row.ips.slice(0, 1), ...row.macs.slice(0, 1)].join(" · ")} ·{" "}
                  <Ago at={row.last_at} full />
                </span>
              </span>
            </label>
          ))}
        </fieldset>
        <div className="field">
          <label htmlFor="merge-reason">{t("merge.why")}</label>
          <input className="input" id="merge-reason" name="reason" required maxLength={500} />
          <small className="quiet">{t("merge.why_hint")}</small>
        </div>
        {merge.error && <ErrorNote error={merge.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={!other || merge.isPending}>
            {other ? t("merge.do", { other: called(other), name }) : t("merge.do_none")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const called = (row: AssetRow) => row.name || row.ips[0] || row.macs[0] || t("assets.unnamed");

/** Identity moved: whatever shows assets, addresses or who talked with whom is old. */
export async function changed(client: ReturnType<typeof useQueryClient>) {
  const keys = ["asset", "asset-history", "conversations", "assets", "facets", "plant", "posture"];
  await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
}
