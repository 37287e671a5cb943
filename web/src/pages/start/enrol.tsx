import { useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { session } from "../../api/queries";
import { t } from "../../texts";
import { Enrol } from "../../ui/second-step";
import { Door } from "./door";

/** The role asks for a second step that the person has not: this comes before every page. */
export default function MustEnrol({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  return (
    <Door title={t("second.title")} lead={t("second.must")}>
      <Enrol onDone={onDone} />
      <p>
        <button
          type="button"
          className="btn plain small"
          onClick={async () => {
            await api.DELETE("/session").catch(() => undefined);
            client.clear();
            await client.invalidateQueries({ queryKey: session.queryKey });
          }}
        >
          {t("shell.sign_out")}
        </button>
      </p>
    </Door>
  );
}
