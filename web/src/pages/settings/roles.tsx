import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { permissions, roles, session } from "../../api/queries";
import type { components } from "../../api/schema";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";

type Role = components["schemas"]["AuthRole"];
const named = (role: Role) => (word("role", role.id) === role.id ? role.title : word("role", role.id));
const may = (permission: string) => word("permission", permission.replace(":", "_"));

/** What each role allows: data, not code. An administrator makes more of the same permissions. */
export function Roles() {
  const list = useQuery(roles);
  const write = useMay("user:write");
  const [editing, setEditing] = useState<Role | "new">();
  return (
    <Panel
      title={t("signin.roles")}
      side={
        write && (
          <button type="button" className="btn small" onClick={() => setEditing("new")}>
            {t("signin.role_add")}
          </button>
        )
      }
    >
      <Ask of={list}>
        {(data) => (
          <Table
            label={t("signin.roles")}
            heads={[t("settings.role"), t("settings.token_may"), t("settings.users")]}
            acts
          >
            {data.items.map((role) => (
              <tr key={role.id}>
                <td>
                  {named(role)}
                  {role.ends && <div className="quiet small">{t("signin.role_ends")}</div>}
                </td>
                <td>{role.id === "administrator" ? t("signin.role_all") : role.permissions.map(may).join(", ")}</td>
                <td className="num">{role.users}</td>
                <td className="right">
                  {write && role.id !== "administrator" && (
                    <button type="button" className="btn small" onClick={() => setEditing(role)}>
                      {t("asset.edit")}
                      <span className="hidden"> {named(role)}</span>
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Ask>
      {editing && <RoleForm role={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />}
    </Panel>
  );
}

function RoleForm({ role, onClose }: { role: Role | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const all = useQuery(permissions);
  const own = useQuery(session).data?.user?.permissions ?? [];
  const done = async () => {
    await client.invalidateQueries();
    onClose();
  };
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const title = String(form.get("title"));
      const body = { title, permissions: form.getAll("may").map(String) };
      if (role) return answer(api.PUT("/roles/{id}", { params: { path: { id: role.id } }, body }));
      const id = title
        .toLowerCase()
        .normalize("NFD")
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, 40);
      return answer(api.POST("/roles", { body: { id, ...body } }));
    },
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: (id: string) => api.DELETE("/roles/{id}", { params: { path: { id } } }),
    onSuccess: done,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  const error = save.error ?? remove.error ?? all.error;
  return (
    <Dialog title={role ? named(role) : t("signin.role_add")} kind="box wide" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="role-title">{t("settings.name")}</label>
          <input className="input" id="role-title" name="title" defaultValue={role?.title} required maxLength={60} />
        </div>
        <fieldset className="checks">
          <legend>{t("settings.token_may")}</legend>
          {all.data?.items.map((one) => (
            <label className="check" key={one}>
              <input
                type="checkbox"
                name="may"
                value={one}
                defaultChecked={role?.permissions.includes(one)}
                disabled={!own.includes(one)}
              />{" "}
              {may(one)}
            </label>
          ))}
        </fieldset>
        <small className="quiet">{t("signin.role_own")}</small>
        {error && <ErrorNote error={error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t(role ? "common.save" : "common.add")}
          </button>
          {role && !role.built_in && (
            <button type="button" className="btn" onClick={() => remove.mutate(role.id)}>
              {t("common.remove")}
            </button>
          )}
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
