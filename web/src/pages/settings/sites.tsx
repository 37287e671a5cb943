import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { entities, sites } from "../../api/queries";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, Empty, ErrorNote } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { notify } from "../../ui/toast";
import { Subnets } from "./subnets";
import { Zones } from "./zones";

export function Sites({ site: wanted }: { site: string | undefined }) {
  const list = useQuery(sites);
  const navigate = useNavigate({ from: "/settings" });
  const may = useMay("org:write");
  const [adding, setAdding] = useState(false);
  const site = wanted ?? list.data?.items[0]?.id ?? "";
  const pick = (id: string) => navigate({ search: { tab: "sites", site: id }, replace: true });
  return (
    <Ask of={list}>
      {(data) => (
        <div className="stack">
          <div className="line">
            {data.items.length > 0 && <SitePicker value={site} onPick={pick} />}
            {may && (
              <button type="button" className="btn" onClick={() => setAdding(true)}>
                {t("posture.add_site")}
              </button>
            )}
          </div>
          {data.items.length === 0 && (
            <Empty title={t("posture.no_site")}>
              <p>{t("posture.no_site_why")}</p>
            </Empty>
          )}
          {site && (
            <>
              <Zones site={site} may={may} />
              <Subnets key={site} site={site} may={may} />
            </>
          )}
          {adding && <AddSite onClose={() => setAdding(false)} onMade={pick} />}
        </div>
      )}
    </Ask>
  );
}

function AddSite({ onClose, onMade }: { onClose: () => void; onMade: (id: string) => void }) {
  const client = useQueryClient();
  const companies = useQuery(entities);
  const save = useMutation({
    mutationFn: (body: components["schemas"]["SiteInBody"]) => answer(api.POST("/sites", { body })),
    onSuccess: async (made) => {
      notify(t("settings.site_added"));
      await client.invalidateQueries();
      onClose();
      if (made?.id) onMade(made.id);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      entity_id: String(form.get("entity")),
      name: String(form.get("name")),
      country: String(form.get("country")).toUpperCase(),
      tz: String(form.get("tz")),
      critical: form.get("critical") === "on",
    });
  };
  return (
    <Dialog title={t("posture.add_site")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="site-name">{t("settings.name")}</label>
          <input className="input" id="site-name" name="name" required />
        </div>
        <div className="field">
          <label htmlFor="site-entity">{t("start.company")}</label>
          <select className="input" id="site-entity" name="entity" required>
            {(companies.data?.items ?? []).map((entity) => (
              <option key={entity.id} value={entity.id}>
                {entity.name}
              </option>
            ))}
          </select>
        </div>
        <div className="pair">
          <div className="field">
            <label htmlFor="site-country">{t("settings.country")}</label>
            <input
              className="input"
              id="site-country"
              name="country"
              maxLength={2}
              pattern="[A-Za-z]{2}"
              placeholder="DK"
            />
          </div>
          <div className="field">
            <label htmlFor="site-tz">{t("settings.tz")}</label>
            <input
              className="input"
              id="site-tz"
              name="tz"
              defaultValue={Intl.DateTimeFormat().resolvedOptions().timeZone}
              required
            />
          </div>
        </div>
        <label className="check">
          <input type="checkbox" name="critical" /> {t("settings.critical_site")}
        </label>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("common.add")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
