import { useQueries, useQuery } from "@tanstack/react-query";
import { entities, sites, zones } from "../../api/queries";
import { t } from "../../texts";

export type ScopeChoice = { sees_all: boolean; entities: string[]; sites: string[]; zones: string[] };

type Kind = "entities" | "sites" | "zones";

/** What part of the tree a person sees: everything, companies, sites, or only zones. */
export function ScopeField({
  value,
  onChange,
  name,
}: {
  value: ScopeChoice;
  onChange: (value: ScopeChoice) => void;
  name: string;
}) {
  const companies = useQuery(entities).data?.items ?? [];
  const places = useQuery(sites).data?.items ?? [];
  const ofSites = useQueries({ queries: value.sees_all ? [] : places.map((site) => zones(site.id)) });
  const toggle = (kind: Kind, id: string, on: boolean) =>
    onChange({ ...value, [kind]: on ? [...value[kind], id] : value[kind].filter((one) => one !== id) });
  const box = (kind: Kind, id: string, label: string, inside: string) => (
    <label className={`check ${inside}`} key={id}>
      <input
        type="checkbox"
        checked={value[kind].includes(id)}
        onChange={(event) => toggle(kind, id, event.target.checked)}
      />{" "}
      {label}
    </label>
  );
  return (
    <fieldset className="scope">
      <legend>{t("signin.scope")}</legend>
      <label className="check">
        <input
          type="radio"
          name={name}
          checked={value.sees_all}
          onChange={() => onChange({ sees_all: true, entities: [], sites: [], zones: [] })}
        />{" "}
        {t("signin.scope_all")}
      </label>
      <label className="check">
        <input
          type="radio"
          name={name}
          checked={!value.sees_all}
          onChange={() => onChange({ ...value, sees_all: false })}
        />{" "}
        {t("signin.scope_some")}
      </label>
      {!value.sees_all && (
        <div className="tree">
          {companies.map((company) => (
            <div key={company.id}>
              {box("entities", company.id, company.name, "")}
              {places.map((site, i) =>
                site.entity_id === company.id ? (
                  <div key={site.id}>
                    {box("sites", site.id, site.name, "in")}
                    {ofSites[i]?.data?.items.map((zone) => box("zones", zone.id, zone.name, "in in2"))}
                  </div>
                ) : null,
              )}
            </div>
          ))}
        </div>
      )}
      <small className="quiet">{t("signin.scope_why")}</small>
    </fieldset>
  );
}
