import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { changeView, dropView, saveView, type View, views } from "../api/records";
import { t } from "../texts";
import { Dialog } from "./dialog";
import { ErrorNote, sentence } from "./page";
import { stringifySearch } from "./search";
import { notify } from "./toast";
import "./saved-views.css";

type Search = Record<string, string | undefined>;
type Props = {
  /** The list's path: "/assets" */
  page: string;
  /** What narrows it now, as it stands in the address */
  search: Search;
  /** Belongs to the page itself (a record's type): only views with the same are offered */
  within?: Record<string, string>;
};

/** A list's filters under a name: one's own, or shared with everybody who sees the page. */
export function SavedViews({ page, search, within = {} }: Props) {
  const router = useRouter();
  const client = useQueryClient();
  const list = useQuery(views(page));
  const [saving, setSaving] = useState(false);
  const box = useRef<HTMLDetailsElement>(null);
  const mine = (list.data?.items ?? []).filter((v) =>
    Object.entries(within).every(([k, value]) => v.search[k] === value),
  );
  const here = plain(search);
  const current = mine.find((v) => same(v.search, here));
  const narrowed = Object.keys(here).some((key) => !(key in within));
  const close = () => {
    if (box.current) box.current.open = false;
  };
  const refresh = () => client.invalidateQueries({ queryKey: ["views"] });
  const change = useMutation({
    mutationFn: (act: { view: View; shared?: boolean; drop?: boolean }) =>
      act.drop ? dropView(act.view.id) : changeView(act.view.id, { shared: act.shared ?? false }),
    onSuccess: async (_, act) => {
      if (act.drop) notify(t("views.dropped", { name: act.view.name }));
      await refresh();
    },
    onError: (error) => notify(sentence(error)),
  });
  return (
    <>
      <details
        className="views noprint"
        ref={box}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !box.current?.open) return;
          close();
          box.current.querySelector("summary")?.focus();
        }}
        onBlur={(event) => {
          if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget)) close();
        }}
      >
        <summary className="btn">
          {current ? <b className="strong cut">{current.name}</b> : t("views.title")}
          <span aria-hidden>▾</span>
        </summary>
        <div className="viewbox">
          {mine.length === 0 && <p className="quiet small">{t("views.none")}</p>}
          <ul>
            {mine.map((view) => (
              <li key={view.id}>
                <a
                  href={page + stringifySearch(view.search)}
                  aria-current={view === current ? "true" : undefined}
                  onClick={(event) => {
                    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                    event.preventDefault();
                    close();
                    router.history.push(page + stringifySearch(view.search));
                  }}
                >
                  <span className="cut">{view.name}</span>
                  <small className="quiet">
                    {t(view.shared ? (view.mine ? "views.shared_mine" : "views.shared") : "views.own")}
                  </small>
                </a>
                {view.mine && (
                  <span className="line">
                    <button
                      type="button"
                      className="btn plain small"
                      onClick={() => change.mutate({ view, shared: !view.shared })}
                    >
                      {t(view.shared ? "views.unshare" : "views.share")}
                      <span className="hidden"> {view.name}</span>
                    </button>
                    <button
                      type="button"
                      className="btn plain small"
                      onClick={() => change.mutate({ view, drop: true })}
                    >
                      {t("common.remove")}
                      <span className="hidden"> {view.name}</span>
                    </button>
                  </span>
                )}
              </li>
            ))}
          </ul>
          {list.error && <ErrorNote error={list.error} />}
          <button
            type="button"
            className="btn small"
            disabled={!narrowed || current !== undefined}
            onClick={() => {
              close();
              setSaving(true);
            }}
          >
            {t("views.save")}
          </button>
          {!narrowed && <p className="quiet small">{t("views.narrow_first")}</p>}
        </div>
      </details>
      {saving && <Save page={page} search={here} onClose={() => setSaving(false)} onSaved={refresh} />}
    </>
  );
}

type SaveProps = { page: string; search: Record<string, string>; onClose: () => void; onSaved: () => unknown };

function Save({ page, search, onClose, onSaved }: SaveProps) {
  const save = useMutation({
    mutationFn: (form: FormData) =>
      saveView({
        page,
        search,
        name: String(form.get("name") ?? "").trim(),
        shared: form.get("shared") === "on",
      }),
    onSuccess: async (_, form) => {
      notify(t("views.saved", { name: String(form.get("name")) }));
      await onSaved();
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog title={t("views.save")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p className="quiet">{t("views.save_lead")}</p>
        <div className="field">
          <label htmlFor="view-name">{t("views.name")}</label>
          <input className="input" id="view-name" name="name" required maxLength={80} />
        </div>
        <label className="check">
          <input type="checkbox" name="shared" /> {t("views.share_all")}
        </label>
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

function plain(search: Search): Record<string, string> {
  return Object.fromEntries(Object.entries(search).filter((e): e is [string, string] => Boolean(e[1])));
}

function same(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
