import type { ReactNode } from "react";
import { t } from "../../texts";
import { Page } from "../../ui/page";
import "./start.css";

/** What stands around every way in. */
export function Door({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <main className="door" id="main">
      <p className="brand">SKANSE</p>
      <div className="panel">
        <Page title={title}>
          <p className="quiet lead">{lead}</p>
          {children}
        </Page>
      </div>
      <p className="quiet small">{t("start.local")}</p>
    </main>
  );
}
