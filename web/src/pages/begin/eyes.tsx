import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { approvalProfiles } from "../../api/records";
import { t, word } from "../../texts";
import { ErrorNote } from "../../ui/page";
import { notify } from "../../ui/toast";
import "../../ui/desk.css";

const profiles = ["small", "normal", "group"] as const;
type Profile = (typeof profiles)[number];

/**
 * How many eyes each company can spare: one choice, which says what it means. Until
 * somebody chose, the one that fits a plant with one or two OT people is proposed.
 */
export function Eyes({ people }: { people: number }) {
  const list = useQuery(approvalProfiles);
  return list.data?.items.map((one) => <Choice key={one.entity_id} of={one} people={people} />);
}

type Of = { entity_id: string; name: string; profile: Profile; chosen: boolean };

function Choice({ of, people }: { of: Of; people: number }) {
  const client = useQueryClient();
  const may = useMay("org:write");
  const proposed: Profile = of.chosen ? of.profile : people <= 3 ? "small" : "normal";
  const [picked, setPicked] = useState<Profile>(proposed);
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/approval-profiles/{entity}", {
          params: { path: { entity: of.entity_id } },
          body: { profile: picked },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: approvalProfiles.queryKey });
      await client.invalidateQueries({ queryKey: ["first-hour"] });
      notify(t("begin.eyes_set", { company: of.name }));
    },
  });
  return (
    <fieldset className="choices">
      <legend className="small quiet">{of.name}</legend>
      {profiles.map((one) => (
        <label key={one} className="check">
          <input
            type="radio"
            name={`eyes-${of.entity_id}`}
            checked={picked === one}
            disabled={!may}
            onChange={() => setPicked(one)}
          />
          <span>
            <b>{word("profile_name", one)}</b>
            {!of.chosen && one === proposed && <span className="tag">{t("begin.eyes_proposed")}</span>}{" "}
            <span className="quiet small">{word("profile_says", one)}</span>
          </span>
        </label>
      ))}
      {save.error && <ErrorNote error={save.error} />}
      {may && (!of.chosen || picked !== of.profile) && (
        <button type="button" className="btn primary" disabled={save.isPending} onClick={() => save.mutate()}>
          {t("begin.eyes_take")}
        </button>
      )}
    </fieldset>
  );
}
