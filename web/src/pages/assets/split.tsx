import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { answer, api } from "../../api/client";
import type { Asset } from "../../api/types";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { changed } from "./merge";

type Props = { asset: Asset; name: string; address: string; onClose: () => void };

/** Takes one address out of an asset: it becomes one of its own, and a link leads there. */
export function Split({ asset, name, address, onClose }: Props) {
  const client = useQueryClient();
  const split = useMutation({
    mutationFn: (reason: string) =>
      answer(api.POST("/assets/{id}/split", { params: { path: { id: asset.id } }, body: { address, reason } })),
    onSuccess: () => changed(client),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    split.mutate(String(new FormData(event.currentTarget).get("reason") ?? ""));
  };
  return (
    <Dialog title={t("split.title", { address, name })} kind="box" onClose={onClose}>
      {split.data ? (
        <div className="stack">
          <p role="status">{t("split.done", { address })}</p>
          <div className="line">
            <Link className="btn primary" to="/assets/$id" params={{ id: split.data.id }} onClick={onClose}>
              {t("split.show")}
            </Link>
          </div>
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <p className="quiet">{t("split.lead", { address })}</p>
          <div className="field">
            <label htmlFor="split-reason">{t("split.why")}</label>
            <input className="input" id="split-reason" name="reason" required maxLength={500} />
            <small className="quiet">{t("merge.why_hint")}</small>
          </div>
          {split.error && <ErrorNote error={split.error} />}
          <div className="line">
            <button type="submit" className="btn primary" disabled={split.isPending}>
              {t("split.do")}
            </button>
            <button type="button" className="btn" onClick={onClose}>
              {t("common.cancel")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
