import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { providers } from "../../api/queries";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";
import { ProviderForm } from "./provider-form";

export type Provider = components["schemas"]["AuthProvider"];

/** Where people are known besides here: OpenID Connect providers and LDAP directories. */
export function Providers() {
  const client = useQueryClient();
  const list = useQuery(providers);
  const may = useMay("user:write");
  const [editing, setEditing] = useState<Provider | "oidc" | "ldap">();
  const attempt = useMutation({
    mutationFn: (id: string) => api.POST("/providers/{id}/try", { params: { path: { id } } }),
    onSuccess: () => notify(t("signin.try_ok")),
  });
  return (
    <Panel
      title={t("signin.providers")}
      side={
        may && (
          <span className="line">
            <button type="button" className="btn small" onClick={() => setEditing("ldap")}>
              {t("signin.add_ldap")}
            </button>
            <button type="button" className="btn small" onClick={() => setEditing("oidc")}>
              {t("signin.add_oidc")}
            </button>
          </span>
        )
      }
    >
      <p className="quiet">{t("signin.providers_why")}</p>
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="quiet">{t("signin.no_providers")}</p>
          ) : (
            <Table
              label={t("signin.providers")}
              heads={[t("settings.name"), t("signin.address"), t("signin.unknown")]}
              acts
            >
              {data.items.map((one) => (
                <tr key={one.id}>
                  <td>
                    {one.name} {!one.enabled && <span className="tag">{t("signin.off")}</span>}
                  </td>
                  <td>{one.oidc?.issuer ?? one.ldap?.url}</td>
                  <td>
                    {t(one.unknown === "create" ? "signin.create" : "signin.refuse")}
                    <div className="quiet small">{t("signin.rules_count", { count: one.rules.length })}</div>
                  </td>
                  <td className="right nowrap">
                    {may && (
                      <>
                        <button
                          type="button"
                          className="btn small"
                          disabled={attempt.isPending}
                          onClick={() => attempt.mutate(one.id)}
                        >
                          {t("signin.try")}
                          <span className="hidden"> {one.name}</span>
                        </button>{" "}
                        <button type="button" className="btn small" onClick={() => setEditing(one)}>
                          {t("asset.edit")}
                          <span className="hidden"> {one.name}</span>
                        </button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Ask>
      {attempt.error && <ErrorNote error={attempt.error} />}
      {editing && (
        <ProviderForm
          provider={typeof editing === "string" ? undefined : editing}
          kind={typeof editing === "string" ? editing : editing.kind}
          onClose={() => setEditing(undefined)}
          onSaved={async () => {
            setEditing(undefined);
            await client.invalidateQueries();
          }}
        />
      )}
    </Panel>
  );
}
