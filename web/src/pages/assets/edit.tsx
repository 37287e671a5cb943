import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "../../api/client";
import { zones } from "../../api/queries";
import type { Asset } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { notify } from "../../ui/toast";
import { type Changes, changesOf, levels, roles } from "./changes";

/** What a person decides about an asset. Overruling a role or level asks for the reason, which stands beside it from then on. */
export function EditAsset({ asset, etag, onClose }: { asset: Asset; etag: string; onClose: () => void }) {
  const client = useQueryClient();
  const zoneList = useQuery(zones(asset.site_id));
  const save = useMutation({
    mutationFn: (body: Changes) =>
      api.PATCH("/assets/{id}", { params: { path: { id: asset.id }, header: { "If-Match": etag } }, body }),
    onSuccess: async () => {
      notify(t("asset.saved"));
      onClose();
      for (const key of ["asset", "assets", "facets", "asset-history", "plant"])
        await client.invalidateQueries({ queryKey: [key] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = Object.fromEntries([...new FormData(event.currentTarget)].map(([k, v]) => [k, String(v)]));
    const body = changesOf(asset, form);
    if (Object.keys(body).length === 0) onClose();
    else save.mutate(body);
  };
  return (
    <Dialog title={t("asset.edit_title")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Text name="name" value={asset.name} />
        <div className="pair">
          <Choice name="role" value={asset.role} options={roles.map((r) => [r, word("asset_role", r)])} />
          <Choice
            name="level"
            value={asset.level}
            options={[["", t("common.unknown")], ...levels.map((l) => [l, word("purdue", l)] as [string, string])]}
          />
        </div>
        <Text name="reason" value="" hint={t("asset.reason_hint")} />
        <div className="pair">
          <Choice
            name="zone"
            value={asset.zone?.id ?? ""}
            options={[
              ["", t("assets.no_zone")],
              ...(zoneList.data?.items ?? []).map((z) => [z.id, z.name] as [string, string]),
            ]}
          />
          <Choice
            name="criticality"
            value={String(asset.criticality ?? 0)}
            options={["0", "1", "2", "3", "4"].map((c) => [c, c === "0" ? t("asset.not_set") : word("criticality", c)])}
          />
        </div>
        <Text name="owner" value={asset.owner} />
        <div className="pair">
          <Text name="end_of_sale" type="date" value={asset.end_of_sale?.slice(0, 10) ?? ""} />
          <Text name="end_of_support" type="date" value={asset.end_of_support?.slice(0, 10) ?? ""} />
        </div>
        <div className="pair">
          <Choice
            name="spare"
            value={asset.spare ?? ""}
            options={[
              ["", t("asset.not_set")],
              ["held", word("spare", "held")],
              ["none", word("spare", "none")],
            ]}
          />
          <Choice
            name="state"
            value={asset.state}
            options={["new", "accepted", "rejected", "retired"].map((s) => [s, word("asset_state", s)])}
          />
        </div>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("common.save")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Text({ name, value, type = "text", hint }: { name: string; value: string; type?: string; hint?: string }) {
  return (
    <div className="field">
      <label htmlFor={`edit-${name}`}>{word("field", name)}</label>
      <input className="input" id={`edit-${name}`} name={name} type={type} defaultValue={value} />
      {hint && <small className="quiet">{hint}</small>}
    </div>
  );
}

function Choice({ name, value, options }: { name: string; value: string; options: [string, string][] }) {
  // A select that does not offer its own value would silently change it.
  const all = options.some(([v]) => v === value) ? options : [[value, value] as [string, string], ...options];
  return (
    <div className="field">
      <label htmlFor={`edit-${name}`}>{word("field", name)}</label>
      <select className="input" id={`edit-${name}`} name={name} defaultValue={value}>
        {all.map(([v, label]) => (
          <option key={v} value={v}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
