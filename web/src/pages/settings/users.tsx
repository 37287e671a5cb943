import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { users } from "../../api/queries";
import type { UserRow } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { Ago, When } from "../../ui/when";
import { UserForm } from "./user-form";

type Link = { name: string; url: string };
/** The link works on this Skanse's own address, so that it is right whatever name the plant uses for it.
 * The token stands behind the #: no server or proxy writes that into its log. */
export const linkOf = (token: string, origin: string) => `${origin}/link#token=${encodeURIComponent(token)}`;

export function Users() {
  const list = useQuery(users);
  const may = useMay("user:write");
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState<UserRow>();
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
        {(data) => (
          <UserTable
            rows={data.items}
            onLink={may ? (user) => make.mutate(user) : undefined}
            onEdit={may ? setEditing : undefined}
          />
        )}
      </Ask>
      {make.error && <ErrorNote error={make.error} />}
      {adding && (
        <UserForm
          onClose={() => setAdding(false)}
          onSaved={async (user) => {
            setAdding(false);
            await client.invalidateQueries({ queryKey: users.queryKey });
            make.mutate(user);
          }}
        />
      )}
      {editing && (
        <UserForm
          user={editing}
          onClose={() => setEditing(undefined)}
          onSaved={async () => {
            setEditing(undefined);
            await client.invalidateQueries({ queryKey: users.queryKey });
          }}
        />
      )}
      {link && <ShowLink link={link} onClose={() => setLink(undefined)} />}
    </Panel>
  );
}

type Press = ((user: UserRow) => void) | undefined;

function UserTable({ rows, onLink, onEdit }: { rows: UserRow[]; onLink: Press; onEdit: Press }) {
  return (
    <Table
      label={t("settings.users")}
      heads={[t("settings.name"), t("start.email"), t("settings.role"), t("settings.last_sign_in")]}
      acts
    >
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
          <td>
            {word("role", user.role)}
            {user.end_at && (
              <div className="quiet small">
                {t("settings.until")} <When at={user.end_at} />
              </div>
            )}
          </td>
          <td>
            <Ago at={user.signed_in_at} />
          </td>
          <td className="right nowrap">
            {onEdit && (
              <button type="button" className="btn small" onClick={() => onEdit(user)}>
                {t("asset.edit")}
                <span className="hidden"> {user.name}</span>
              </button>
            )}{" "}
            {onLink && (
              <button type="button" className="btn small" onClick={() => onLink(user)}>
                {t("settings.make_link")}
                <span className="hidden"> {user.name}</span>
              </button>
            )}
          </td>
        </tr>
      ))}
    </Table>
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
