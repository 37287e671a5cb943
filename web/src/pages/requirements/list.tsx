import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { posture, requirements } from "../../api/queries";
import type { Posture, RequirementRow } from "../../api/types";
import { said, t, word } from "../../texts";
import { LevelCell } from "../../ui/cell";
import { Ask, Empty, Page } from "../../ui/page";
import { SavedViews } from "../../ui/saved-views";
import { Scroll } from "../../ui/scroll";
import { SearchBox } from "../../ui/search-box";
import { chosen } from "./choose";
import "./requirements.css";

/** The whole catalogue by area and site; what has no evidence stands here too, as unknown. */
export default function RequirementsPage() {
  const filter = useSearch({ from: "/requirements" });
  const navigate = useNavigate({ from: "/requirements" });
  const list = useQuery(requirements);
  const now = useQuery(posture);
  const set = (change: Partial<typeof filter>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <Page title={t("requirements.title")} sub={t("requirements.lead")}>
      <Ask of={now}>
        {(frame) => (
          <Ask of={list}>
            {(data) => {
              const rows = chosen(data.items, filter);
              return (
                <>
                  <div className="line tools noprint">
                    <SearchBox
                      value={filter.q ?? ""}
                      label={t("requirements.search")}
                      hint={t("requirements.search_hint")}
                      onChange={(q) => set({ q: q || undefined })}
                    />
                    <Pick
                      label={t("posture.area")}
                      value={filter.area}
                      options={frame.areas.map((a) => [a.id, `${a.id} ${said(["area", a.id, "name"], a.name)}`])}
                      onPick={(area) => set({ area })}
                    />
                    <Pick
                      label={t("facet.site")}
                      value={filter.site}
                      options={frame.sites.map((s) => [s.id, s.name])}
                      onPick={(site) => set({ site })}
                    />
                    <Pick
                      label={t("requirements.state")}
                      value={filter.state}
                      options={(["contradicted", "key_below", "below", "unknown", "at", "not_applicable"] as const).map(
                        (s) => [s, t(`state.${s}`)],
                      )}
                      onPick={(state) => set({ state })}
                    />
                    <SavedViews page="/requirements" search={filter} />
                  </div>
                  {rows.length === 0 ? (
                    <Empty title={t("requirements.none")}>
                      <Link className="btn" to="/requirements">
                        {t("assets.clear")}
                      </Link>
                    </Empty>
                  ) : (
                    <Table rows={rows} frame={frame} site={filter.site} />
                  )}
                </>
              );
            }}
          </Ask>
        )}
      </Ask>
    </Page>
  );
}

type PickProps = {
  label: string;
  value: string | undefined;
  options: [string, string][];
  onPick: (v: string | undefined) => void;
};

function Pick({ label, value, options, onPick }: PickProps) {
  return (
    <label className="line">
      <span className="quiet small">{label}</span>
      <select
        className="input picker"
        value={value ?? ""}
        onChange={(event) => onPick(event.target.value || undefined)}
      >
        <option value="">{t("common.all")}</option>
        {options.map(([v, text]) => (
          <option key={v} value={v}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Table({ rows, frame, site }: { rows: RequirementRow[]; frame: Posture; site: string | undefined }) {
  const sites = site ? frame.sites.filter((s) => s.id === site) : frame.sites;
  const areas = frame.areas.filter((area) => rows.some((row) => row.area === area.id));
  return (
    <div className="panel">
      <Scroll label={t("requirements.title")}>
        <table className="heat reqs">
          <thead>
            <tr>
              <th scope="col">{t("requirements.requirement")}</th>
              <th scope="col">{t("requirements.mode")}</th>
              <th scope="col">{t("posture.entity")}</th>
              {sites.map((s) => (
                <th scope="col" key={s.id}>
                  {s.name}
                </th>
              ))}
            </tr>
          </thead>
          {areas.map((area) => (
            <tbody key={area.id}>
              <tr className="areahead">
                <th scope="rowgroup" colSpan={3 + sites.length}>
                  {area.id} {said(["area", area.id, "name"], area.name)}
                </th>
              </tr>
              {rows
                .filter((row) => row.area === area.id)
                .map((row) => (
                  <tr key={row.id}>
                    <th scope="row">
                      <span className="named">
                        <Link to="/requirements/$id" params={{ id: row.alias_of || row.id }} search={{ site }}>
                          <span className="num quiet">{row.id}</span>{" "}
                          {said(["requirement", row.id, "title"], row.title)}
                        </Link>
                        {row.key && (
                          <span className="tag" title={t("requirements.key_title")}>
                            {t("requirements.key")}
                          </span>
                        )}
                      </span>
                    </th>
                    {row.alias_of ? (
                      <td colSpan={2 + sites.length} className="quiet small">
                        {t("requirements.alias", { id: row.alias_of })}
                      </td>
                    ) : (
                      <>
                        <td className="quiet small nowrap">{word("mode", row.mode)}</td>
                        <td>
                          <LevelCell
                            cell={row.entity}
                            label={`${row.id}, ${t("posture.entity")}`}
                            to={{ id: row.id }}
                          />
                        </td>
                        {sites.map((s) => (
                          <td key={s.id}>
                            <LevelCell
                              cell={row.sites[s.id]}
                              label={`${row.id}, ${s.name}`}
                              to={{ id: row.id, site: s.id }}
                            />
                          </td>
                        ))}
                      </>
                    )}
                  </tr>
                ))}
            </tbody>
          ))}
        </table>
      </Scroll>
    </div>
  );
}
