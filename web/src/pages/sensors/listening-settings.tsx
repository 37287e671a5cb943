import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useDeferredValue, useState } from "react";
import { answer, api } from "../../api/client";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { notify } from "../../ui/toast";
import type { Listener } from "./listening";

type Ring = Listener["settings"]["ring"];
const rings = ["memory", "disk", "off"] as const;

/** How an interface listens: the filter is checked while it is written. */
export function ListeningSettings({ of, onClose }: { of: Listener; onClose: () => void }) {
  const client = useQueryClient();
  const [filter, setFilter] = useState(of.settings.filter);
  const [ring, setRing] = useState<Ring>(of.settings.ring);
  const asked = useDeferredValue(filter);
  const check = useQuery({
    queryKey: ["filter-check", asked],
    queryFn: ({ signal }) => answer(api.GET("/filter-check", { params: { query: { text: asked } }, signal })),
    placeholderData: (before) => before,
    retry: false,
  });
  const save = useMutation({
    mutationFn: (form: FormData) =>
      api.PATCH("/listening/{id}", {
        params: { path: { id: of.id }, header: { "If-Match": of.etag } },
        body: {
          filter,
          ring,
          beyond: Number(form.get("beyond")),
          ...(ring === "memory" ? { memory_mib: Number(form.get("mib")) } : {}),
          ...(ring === "disk" ? { disk_mib: Number(form.get("mib")) } : {}),
        },
      }),
    onSuccess: async () => {
      notify(t("listening.saved"));
      onClose();
      await client.invalidateQueries({ queryKey: ["listening"] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  const wrong = check.data && !check.data.ok ? check.data : undefined;
  return (
    <Dialog title={of.name} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="listening-filter">{t("listening.filter")}</label>
          <textarea
            className="input mono"
            id="listening-filter"
            rows={2}
            maxLength={4096}
            spellCheck={false}
            value={filter}
            aria-invalid={wrong ? true : undefined}
            aria-describedby="listening-filter-said"
            placeholder="not (host 10.0.0.5 and port 3389)"
            onChange={(event) => setFilter(event.target.value)}
          />
          <p className="small" id="listening-filter-said" role="status">
            {wrong ? (
              <>
                <code>
                  {asked.slice(Math.max(0, wrong.at - 20), wrong.at)}
                  <mark>{asked.slice(wrong.at, wrong.at + 20) || "▁"}</mark>
                </code>{" "}
                {wrong.message}
              </>
            ) : (
              <span className="quiet">{filter.trim() ? t("listening.filter_good") : t("listening.filter_help")}</span>
            )}
          </p>
        </div>
        <div className="pair">
          <div className="field">
            <label htmlFor="listening-ring">{t("listening.keep")}</label>
            <select
              className="input"
              id="listening-ring"
              value={ring}
              onChange={(event) => setRing(event.target.value as Ring)}
            >
              {rings.map((kind) => (
                <option key={kind} value={kind}>
                  {t(`listening.keep_${kind}`)}
                </option>
              ))}
            </select>
          </div>
          {ring !== "off" && (
            <div className="field">
              <label htmlFor="listening-mib">{t("listening.mib")}</label>
              <input
                className="input"
                id="listening-mib"
                name="mib"
                type="number"
                key={ring}
                min={ring === "disk" ? 16 : 2}
                max={ring === "disk" ? 16777216 : 65536}
                defaultValue={ring === "disk" ? of.settings.disk_mib : of.settings.memory_mib}
                required
              />
            </div>
          )}
        </div>
        <div className="field">
          <label htmlFor="listening-beyond">{t("listening.beyond")}</label>
          <input
            className="input"
            id="listening-beyond"
            name="beyond"
            type="number"
            min={0}
            max={65535}
            defaultValue={of.settings.beyond}
            required
          />
        </div>
        <p className="quiet small">{t(`listening.about_${ring}`)}</p>
        {of.away && <p className="quiet small">{t("listening.about_away")}</p>}
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending || wrong !== undefined}>
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
