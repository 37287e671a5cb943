import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { roles } from "../../api/queries";
import type { UserRow } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { notify } from "../../ui/toast";
import { dayOf, endOfDay } from "./day";
import { type ScopeChoice, ScopeField } from "./scope-field";

type Props = {
  /** Nobody yet: a new person. */
  user?: UserRow;
  onClose: () => void;
  onSaved: (user: { id: string; name: string }) => void;
};

/** A person's name, role and last day; what the role allows stands below it in one sentence. */
export function UserForm({ user, onClose, onSaved }: Props) {
  const known = useQuery(roles);
  const [role, setRole] = useState(user?.role ?? "reader");
  const [scope, setScope] = useState<ScopeChoice>({
    sees_all: user?.sees_all ?? true,
    entities: user?.entities ?? [],
    sites: user?.sites ?? [],
    zones: user?.zones ?? [],
  });
  const ends = known.data?.items.find((one) => one.id === role)?.ends ?? false;
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const day = String(form.get("end") ?? "");
      const body = { name: String(form.get("name")), email: String(form.get("email")), role, ...scope };
      const end = day ? endOfDay(day) : undefined;
      if (!user) return answer(api.POST("/users", { body: { ...body, ...(end && { end_at: end }) } }));
      // A day that stays is not sent: the account may end at another hour of it.
      const change = day === dayOf(user.end_at) ? {} : { end_at: end ?? "" };
      return answer(
        api.PATCH("/users/{id}", {
          params: { path: { id: user.id } },
          body: { ...body, ...change, disabled: form.get("disabled") === "on" },
        }),
      );
    },
    onSuccess: onSaved,
  });
  const reset = useMutation({
    mutationFn: (id: string) => api.DELETE("/users/{id}/totp", { params: { path: { id } } }),
    onSuccess: () => notify(t("second.reset_done")),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog title={user?.name ?? t("settings.add_user")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="user-name">{t("settings.name")}</label>
          <input className="input" id="user-name" name="name" defaultValue={user?.name} required />
        </div>
        <div className="field">
          <label htmlFor="user-email">{t("start.email")}</label>
          <input className="input" id="user-email" name="email" type="email" defaultValue={user?.email} required />
        </div>
        <div className="field">
          <label htmlFor="user-role">{t("settings.role")}</label>
          <select
            className="input"
            id="user-role"
            value={role}
            onChange={(event) => setRole(event.target.value)}
            aria-describedby="user-role-about"
          >
            {(known.data?.items ?? [{ id: role, title: word("role", role) }]).map((one) => (
              <option key={one.id} value={one.id}>
                {named(one)}
              </option>
            ))}
          </select>
          <small className="quiet" id="user-role-about">
            {about(role)}
          </small>
        </div>
        <ScopeField name="user-scope" value={scope} onChange={setScope} />
        {user?.managed_by && <p className="quiet small">{t("signin.managed")}</p>}
        <div className="field">
          <label htmlFor="user-end">{t("settings.end_date")}</label>
          <input
            className="input"
            id="user-end"
            name="end"
            type="date"
            required={ends}
            defaultValue={dayOf(user?.end_at)}
            aria-describedby="user-end-hint"
          />
          <small className="quiet" id="user-end-hint">
            {t(ends ? "settings.end_needed" : "settings.end_hint")}
          </small>
        </div>
        {user ? (
          <label className="check">
            <input type="checkbox" name="disabled" defaultChecked={user.disabled} /> {t("settings.disable")}
          </label>
        ) : (
          <p className="quiet small">{t("settings.user_link")}</p>
        )}
        {user && (user.second_step || user.passkeys > 0) && !reset.isSuccess && (
          <button
            type="button"
            className="btn"
            disabled={reset.isPending}
            onClick={() => window.confirm(t("second.reset_sure", { name: user.name })) && reset.mutate(user.id)}
          >
            {t("second.reset")}
          </button>
        )}
        {reset.error && <ErrorNote error={reset.error} />}
        {(save.error ?? known.error) && <ErrorNote error={save.error ?? known.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t(user ? "common.save" : "common.add")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The catalogue's word for a role, or the role's own title where somebody added one. */
function named(role: { id: string; title: string }): string {
  const text = word("role", role.id);
  return text === role.id ? role.title : text;
}

function about(role: string): string {
  const text = word("role_about", role);
  return text === role ? "" : text;
}
