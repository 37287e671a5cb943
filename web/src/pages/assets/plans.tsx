import type { Asset } from "../../api/types";
import { t, word } from "../../texts";
import { dateTime } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Panel } from "../../ui/page";

/** What engineering projects say of the asset, and where the wire says otherwise. */
export function Plans({ asset }: { asset: Asset }) {
  if (asset.plans.length === 0) return null;
  return (
    <Panel title={t("plan.title")}>
      <ul className="stack">
        {asset.plans.map((plan) => (
          <li key={`${plan.project_id} ${plan.line}`}>
            <div className="line">
              <b>{plan.name}</b>
              <span className={asset.seen ? "tag" : "tag unknown"}>{t(asset.seen ? "plan.seen" : "plan.unseen")}</span>
              {plan.safety && <span className="tag">{t("plan.safety")}</span>}
            </div>
            <div>
              {[plan.vendor, plan.model, plan.order_code, plan.firmware, plan.config, ...plan.addresses]
                .filter(Boolean)
                .join(" · ")}
            </div>
            {plan.differs.map((d) => (
              <div key={d.field} className="line">
                <Mark priority={2} />
                <span>{t("plan.differs", { field: word("field", d.field), found: d.found, planned: d.planned })}</span>
              </div>
            ))}
            <div className="quiet small">
              {[plan.place, plan.parent && t("plan.under", { parent: plan.parent })].filter(Boolean).join(" · ")}
            </div>
            <div className="quiet small">
              {t("plan.source", {
                project: plan.project,
                file: plan.file,
                line: plan.line,
                who: plan.loaded_by,
                at: dateTime(plan.loaded_at),
              })}
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
