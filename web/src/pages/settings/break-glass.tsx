import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { breakGlass } from "../../api/queries";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { When } from "../../ui/when";

type Sheet = components["schemas"]["AdminSheet"];

/** Printed one-time codes: how many are left, and a new sheet. */
export function BreakGlass() {
  const client = useQueryClient();
  const state = useQuery(breakGlass);
  const may = useMay("user:write");
  const [sheet, setSheet] = useState<Sheet>();
  const print = useMutation({
    mutationFn: () => answer(api.POST("/break-glass", { body: {} })),
    onSuccess: async (made) => {
      setSheet(made);
      await client.invalidateQueries({ queryKey: breakGlass.queryKey });
    },
  });
  return (
    <Panel title={t("signin.envelope")}>
      <p className="quiet">{t("signin.envelope_why")}</p>
      <Ask of={state}>
        {(data) =>
          data.made_at ? (
            <p>
              {t("signin.sheet_left", { count: data.left, total: data.total })} {t("signin.sheet_of")}{" "}
              <When at={data.made_at} />.
            </p>
          ) : (
            <p>{t("signin.sheet_none")}</p>
          )
        }
      </Ask>
      {print.error && <ErrorNote error={print.error} />}
      {may && (
        <p>
          <button
            type="button"
            className="btn"
            disabled={print.isPending}
            onClick={() => (!state.data?.made_at || window.confirm(t("signin.sheet_sure"))) && print.mutate()}
          >
            {t("signin.sheet_make")}
          </button>
        </p>
      )}
      {sheet && (
        <Dialog title={t("signin.sheet")} kind="box wide" onClose={() => setSheet(undefined)}>
          <div className="form sheet">
            <p>
              Skanse · {window.location.host} · <When at={sheet.made_at} />
            </p>
            <p>{t("signin.sheet_how")}</p>
            <ol className="codes mono">
              {sheet.codes.map((code) => (
                <li key={code}>{code}</li>
              ))}
            </ol>
            <p className="quiet noprint">{t("signin.sheet_once")}</p>
            <button type="button" className="btn primary noprint" onClick={() => window.print()}>
              {t("signin.sheet_print")}
            </button>
          </div>
        </Dialog>
      )}
    </Panel>
  );
}
