import { Link } from "@tanstack/react-router";
import { t } from "../texts";
import { Empty, Page } from "./page";

export function NotFound() {
  return (
    <Page title={t("missing.title")}>
      <Empty title={t("missing.nothing")}>
        <p>{t("missing.why")}</p>
        <Link className="btn" to="/posture">
          {t("missing.back")}
        </Link>
      </Empty>
    </Page>
  );
}
