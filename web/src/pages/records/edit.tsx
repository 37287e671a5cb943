import { useMutation } from "@tanstack/react-query";
import { changeRecord, type RecordInput } from "../../api/records";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { notify } from "../../ui/toast";
import { changedData, toLocal } from "./fields";
import { type Draft, inputOf, RecordForm } from "./form";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";

/** Changes a record; only what was changed is sent. */
export function EditRecord({ record, type, etag, onClose }: Shown & { onClose: () => void }) {
  const refresh = useRefresh();
  const first: Draft = {
    title: record.title,
    site: record.site_id ?? "",
    zone: record.zone?.id ?? "",
    asset: record.asset?.id ?? "",
    owner: record.owner?.id ?? "",
    valid_from: toLocal(record.valid_from),
    valid_until: toLocal(record.valid_until),
    due_at: toLocal(record.due_at),
    data: record.data,
  };
  const save = useMutation({
    mutationFn: (body: RecordInput) => changeRecord(record.id, etag, body),
    onSuccess: async () => {
      notify(t("records.saved", { ref: record.ref }));
      onClose();
      await refresh();
    },
  });
  const submit = (draft: Draft) => {
    const before = inputOf(first);
    const after = inputOf(draft);
    const body: RecordInput = {};
    if (before.title !== after.title) body.title = draft.title.trim();
    for (const key of ["zone", "asset", "owner", "valid_from", "valid_until", "due_at"] as const)
      if (before[key] !== after[key]) body[key] = after[key] || null;
    const data = changedData(first.data, draft.data);
    if (Object.keys(data).length > 0) body.data = data;
    if (Object.keys(body).length === 0) onClose();
    else save.mutate(body);
  };
  return (
    <Dialog title={t("records.edit_title", { ref: record.ref })} onClose={onClose}>
      {record.approval === "approved" && <p className="quiet small">{t("records.edit_approved")}</p>}
      <RecordForm
        type={type}
        first={first}
        names={{ asset: record.asset?.name, owner: record.owner }}
        fixed
        submit={t("common.save")}
        busy={save.isPending}
        error={save.error}
        onSubmit={submit}
        onCancel={onClose}
      />
    </Dialog>
  );
}
