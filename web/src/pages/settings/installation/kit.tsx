import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../../api/client";
import { t } from "../../../texts";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote } from "../../../ui/page";

/** Makes the recovery kit and shows it once, to be printed. */
export function MakeKit({ replace, onClose }: { replace: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: () => answer(api.POST("/system/recovery-kit", { body: { replace } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["system"] }),
  });
  const sheet = make.data;
  return (
    <Dialog title={t("care.kit")} kind="box wide" onClose={onClose}>
      {sheet ? (
        <div className="kit-sheet">
          <p>
            <strong>{t("care.kit_once")}</strong>
          </p>
          <div className="line">
            <img className="qr" alt={t("care.kit_qr")} src={`data:image/svg+xml,${encodeURIComponent(sheet.qr)}`} />
            <table className="table mono">
              <tbody>
                {sheet.lines.map((line) => (
                  <tr key={line.number}>
                    <td>{line.number}</td>
                    <td>{line.text}</td>
                    <td>{line.word}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p>{t("care.kit_use")}</p>
          <p className="care-key">skanse snapshot restore SNAPSHOT --data FOLDER --kit -</p>
          <p className="quiet small">{t("care.kit_lines")}</p>
          <p className="quiet small care-key">{sheet.recipient}</p>
          <div className="line">
            <button type="button" className="btn primary" onClick={() => window.print()}>
              {t("care.print")}
            </button>
          </div>
        </div>
      ) : (
        <div className="form">
          <p>{t("care.kit_why")}</p>
          {replace && <p>{t("care.kit_replace_why")}</p>}
          {make.error && <ErrorNote error={make.error} />}
          <div className="line">
            <button type="button" className="btn primary" disabled={make.isPending} onClick={() => make.mutate()}>
              {t(replace ? "care.kit_replace" : "care.kit_make")}
            </button>
            <button type="button" className="btn" onClick={onClose}>
              {t("common.cancel")}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
