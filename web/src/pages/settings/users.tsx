import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { users } from "../../api/queries";
import type { components } from "../../api/schema";
import type { UserRow } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago } from "../../ui/when";

type Link = { name: string; url: string };
/** The link works on this Skanse's own address, so that it is right whatever name the plant uses for it.
 * The token stands behind the #: no server or proxy writes that into its log. */
export const linkOf = (token: string, origin: string) => `${origin}/link#token=${encodeURIComponent(token)}`;

export function Users() {
  const list = useQuery(users);
  const may = useMay("user:write");
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [link, setLink] = useState<Link>();
  const make = useMutation({
    mutationFn: async (user: { id: string; name: string }) => {
      const made = await answer(api.POST("/users/{id}/link", { params: { path: { id: user.id } } }));
      return { name: user.name, url: linkOf(made.token, window.location.origin) };
    },
    onSuccess: setLink,
  });
  return (
    <Panel
      title={t("settings.users")}
      side={
        may && (
          <button type="button" className="btn small" onClick={() => setAdding(true)}>
            {t("settings.add_user")}
          </button>
        )
      }
    >
      <Ask of={list}>
        {(data) => <Table rows={data.items} onLink={may ? (user) => make.mutate(user) : undefined} />}
      </Ask>
      {make.error && <ErrorNote error={make.error} />}
      {adding && (
        <AddUser
          onClose={() => setAdding(false)}
          onMade={async (user) => {
            setAdding(false);
            await client.invalidateQueries({ queryKey: users.queryKey });
            make.mutate(user);
          }}
        />
      )}
      {link && <ShowLink link={link} onClose={() => setLink(undefined)} />}
    </Panel>
  );
}

function Table({ rows, onLink }: { rows: UserRow[]; onLink: ((user: UserRow) => void) | undefined }) {
  return (
    <Scroll label={t("settings.users")}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("settings.name")}</th>
            <th scope="col">{t("start.email")}</th>
            <th scope="col">{t("settings.role")}</th>
            <th scope="col">{t("settings.last_sign_in")}</th>
            <th scope="col">
              <span className="hidden">{t("settings.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.length === 0 && (
            <tr>
              <td colSpan={5} className="quiet">
                {t("settings.no_users")}
              </td>
            </tr>
          )}
          {rows.map((user) => (
            <tr key={user.id}>
              <td>
                {user.name} {user.disabled && <span className="tag">{t("settings.disabled")}</span>}
              </td>
              <td>{user.email}</td>
              <td>{word("role", user.role)}</td>
              <td>
                <Ago at={user.signed_in_at} />
              </td>
              <td className="right">
                {onLink && (
                  <button type="button" className="btn small" onClick={() => onLink(user)}>
                    {t("settings.make_link")}
                    <span className="hidden"> {user.name}</span>
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function ShowLink({ link, onClose }: { link: Link; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <Dialog title={t("settings.link_for", { name: link.name })} kind="box" onClose={onClose}>
      <div className="form">
        <p>{t("settings.link_once")}</p>
        <input
          className="input mono"
          readOnly
          value={link.url}
          aria-label={t("start.link")}
          onFocus={(event) => event.target.select()}
        />
        <button
          type="button"
          className="btn"
          onClick={async () => {
            await navigator.clipboard?.writeText(link.url);
            setCopied(true);
          }}
        >
          {t(copied ? "settings.copied" : "settings.copy")}
        </button>
      </div>
    </Dialog>
  );
}

type AddProps = { onClose: () => void; onMade: (user: { id: string; name: string }) => void };

function AddUser({ onClose, onMade }: AddProps) {
  const save = useMutation({
    mutationFn: (body: components["schemas"]["UserInBody"]) => answer(api.POST("/users", { body })),
    onSuccess: onMade,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      name: String(form.get("name")),
      email: String(form.get("email")),
      role: String(form.get("role")),
      sees_all: true,
    });
  };
  return (
    <Dialog title={t("settings.add_user")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="user-name">{t("settings.name")}</label>
          <input className="input" id="user-name" name="name" required />
        </div>
        <div className="field">
          <label htmlFor="user-email">{t("start.email")}</label>
          <input className="input" id="user-email" name="email" type="email" required />
        </div>
        <div className="field">
          <label htmlFor="user-role">{t("settings.role")}</label>
          <select className="input" id="user-role" name="role" defaultValue="reader">
            {["reader", "editor", "administrator"].map((role) => (
              <option key={role} value={role}>
                {word("role", role)}
              </option>
            ))}
          </select>
        </div>
        <p className="quiet small">{t("settings.user_link")}</p>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("common.add")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
