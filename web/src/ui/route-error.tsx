import type { ErrorComponentProps } from "@tanstack/react-router";
import { t } from "../texts";
import { ErrorNote, Page } from "./page";

/** A page that broke says so; after an update of the server its old chunk may be gone, and a reload brings the new one. */
export function RouteError({ error }: ErrorComponentProps) {
  return (
    <Page title={t("error.title")}>
      <ErrorNote error={error} retry={() => window.location.reload()} />
    </Page>
  );
}
