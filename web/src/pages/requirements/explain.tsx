import { useState } from "react";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ExplainForm } from "../../ui/explain";

/** Explains a requirement's open contradictions at a site. */
export function ExplainContradiction({ requirement, site }: { requirement: string; site: string }) {
  const may = useMay("record:write");
  const [open, setOpen] = useState(false);
  if (!may) return null;
  return (
    <>
      <button type="button" className="btn small" onClick={() => setOpen(true)}>
        {t("explain.open")}
      </button>
      {open && (
        <Dialog title={t("explain.contradiction")} kind="box" onClose={() => setOpen(false)}>
          <ExplainForm requirement={requirement} site={site} onDone={() => setOpen(false)} />
        </Dialog>
      )}
    </>
  );
}
