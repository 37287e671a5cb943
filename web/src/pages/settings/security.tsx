import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { roles, secondStep } from "../../api/queries";
import { t, word } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Enrol } from "../../ui/second-step";
import { notify } from "../../ui/toast";
import { When } from "../../ui/when";

/** The second step of one's own sign-in, and for administrators whose role must have it. */
export function Security() {
  const stands = useQuery(secondStep);
  const may = useMay("user:write");
  // Stays while the recovery codes are read, whatever the server says meanwhile.
  const [enrolling, setEnrolling] = useState(false);
  return (
    <>
      <Panel title={t("second.title")}>
        <Ask of={stands}>
          {(data) =>
            data.on && !enrolling ? (
              <>
                <p>
                  {t("second.on_since")} <When at={data.since} />. {t("second.left", { count: data.recovery_left })}
                </p>
                {data.required ? <p className="quiet">{t("second.required")}</p> : <TurnOff />}
              </>
            ) : enrolling ? (
              <Enrol onDone={() => setEnrolling(false)} />
            ) : (
              <>
                <p>{t("second.off")}</p>
                <button type="button" className="btn" onClick={() => setEnrolling(true)}>
                  {t("second.set_up")}
                </button>
              </>
            )
          }
        </Ask>
      </Panel>
      {may && <ByRole />}
    </>
  );
}

function TurnOff() {
  const client = useQueryClient();
  const off = useMutation({
    mutationFn: (code: string) => api.POST("/session/totp/off", { body: { code } }),
    onSuccess: async () => {
      notify(t("second.turned_off"));
      await client.invalidateQueries();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    off.mutate(String(new FormData(event.currentTarget).get("code")));
  };
  return (
    <form className="form" onSubmit={submit}>
      <div className="field">
        <label htmlFor="off-code">{t("second.off_code")}</label>
        <input className="input" id="off-code" name="code" required maxLength={40} autoComplete="one-time-code" />
      </div>
      {off.error && <ErrorNote error={off.error} />}
      <div className="line">
        <button type="submit" className="btn" disabled={off.isPending}>
          {t("second.turn_off")}
        </button>
      </div>
    </form>
  );
}

function ByRole() {
  const client = useQueryClient();
  // The tick shows what was asked for at once: the answer comes in a later frame, and a box that
  // jumps back in between looks as if the click had been missed.
  const [asked, setAsked] = useState<{ id: string; required: boolean }>();
  const list = useQuery(roles);
  const save = useMutation({
    mutationFn: ({ id, required }: { id: string; required: boolean }) =>
      api.PUT("/roles/{id}/second-step", { params: { path: { id } }, body: { required } }),
    onSettled: async () => {
      await client.invalidateQueries();
      setAsked(undefined);
    },
  });
  return (
    <Panel title={t("second.by_role")}>
      <p className="quiet">{t("second.by_role_why")}</p>
      <Ask of={list}>
        {(data) => (
          <div className="form">
            <div className="checks">
              {data.items.map((role) => (
                <label className="check" key={role.id}>
                  <input
                    type="checkbox"
                    checked={asked?.id === role.id ? asked.required : role.second_step}
                    disabled={asked !== undefined}
                    onChange={(event) => {
                      const change = { id: role.id, required: event.target.checked };
                      setAsked(change);
                      save.mutate(change);
                    }}
                  />{" "}
                  {word("role", role.id)}
                </label>
              ))}
            </div>
          </div>
        )}
      </Ask>
      {save.error && <ErrorNote error={save.error} />}
    </Panel>
  );
}
