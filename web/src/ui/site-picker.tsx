import { useQuery } from "@tanstack/react-query";
import { sites } from "../api/queries";
import { t } from "../texts";

type Props = { value: string; onPick: (site: string) => void; all?: boolean; label?: string };

/** The site that a page speaks of. */
export function SitePicker({ value, onPick, all = false, label }: Props) {
  const list = useQuery(sites);
  return (
    <label className="line">
      <span className="quiet small">{label ?? t("facet.site")}</span>
      <select className="input picker" value={value} onChange={(event) => onPick(event.target.value)}>
        {all && <option value="">{t("posture.all_sites")}</option>}
        {(list.data?.items ?? []).map((site) => (
          <option key={site.id} value={site.id}>
            {site.name}
          </option>
        ))}
      </select>
    </label>
  );
}
