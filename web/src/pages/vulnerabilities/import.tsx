import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { takeAdvisories } from "../../api/vulnerabilities";
import { t } from "../../texts";
import { ErrorNote } from "../../ui/page";

/** Takes a file of advisories in: a CSAF document, an archive of them, a list. */
export function ImportButton() {
  const input = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const take = useMutation({
    mutationFn: takeAdvisories,
    onSettled: () => client.invalidateQueries({ queryKey: ["vulnerabilities"] }),
  });
  return (
    <>
      <button type="button" className="btn primary" disabled={take.isPending} onClick={() => input.current?.click()}>
        {t("vuln.import")}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={t("vuln.import")}
        accept=".json,.jsonl,.csv,.zip,.gz,.tgz,.tar"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) take.mutate(file);
        }}
      />
      {take.data && (
        <span role="status" className="quiet">
          {t("vuln.taken", {
            fresh: take.data.new,
            changed: take.data.changed,
            same: take.data.same,
            facts: take.data.facts,
            refusals: take.data.refusals,
          })}
        </span>
      )}
      {take.error && <ErrorNote error={take.error} />}
    </>
  );
}
