import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { unknownTraffic } from "../../api/queries";
import type { Stranger } from "../../api/types";
import { t } from "../../texts";
import { bytes, count, figure } from "../../ui/format";
import { Ask, Empty, ErrorNote, Page } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import "./conversations.css";

/** What nobody recognises, by what it looks like; a person gives it a name. */
export default function UnknownTrafficPage() {
  const filter = useSearch({ from: "/conversations/unknown" });
  const navigate = useNavigate({ from: "/conversations/unknown" });
  const list = useQuery(unknownTraffic(filter.site));
  return (
    <Page
      title={t("unknown.title")}
      sub={t("unknown.lead")}
      crumbs={<Link to="/conversations">{t("conversations.title")}</Link>}
    >
      <div className="line tools">
        <SitePicker
          all
          value={filter.site ?? ""}
          onPick={(site) => navigate({ search: { site: site || undefined }, replace: true })}
        />
      </div>
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title={t("unknown.none")}>
              <p>{t("unknown.none_why")}</p>
            </Empty>
          ) : (
            <div className="panel">
              <Scroll label={t("unknown.title")}>
                <table className="table strangers">
                  <thead>
                    <tr>
                      <th scope="col">{t("unknown.port")}</th>
                      <th scope="col">{t("unknown.client")}</th>
                      <th scope="col">{t("unknown.server")}</th>
                      <th scope="col">{t("unknown.period")}</th>
                      <th scope="col">{t("unknown.who")}</th>
                      <th scope="col" className="right">
                        {t("unknown.conversations")}
                      </th>
                      <th scope="col" className="right">
                        {t("unknown.volume")}
                      </th>
                      <th scope="col">{t("unknown.title_field")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.items.map((row) => (
                      <Row key={row.example} row={row} />
                    ))}
                  </tbody>
                </table>
              </Scroll>
            </div>
          )
        }
      </Ask>
    </Page>
  );
}

function Row({ row }: { row: Stranger }) {
  const port =
    row.transport === "ether" ? `0x${row.port.toString(16).padStart(4, "0")}` : row.port ? String(row.port) : "";
  return (
    <tr>
      <td>
        <Link to="/conversations/$id" params={{ id: row.example }}>
          {row.transport.toUpperCase()} {port}
        </Link>
      </td>
      <td>
        <Side of={row.print.client} />
      </td>
      <td>
        <Side of={row.print.server} />
      </td>
      <td>{row.print.period && row.print.period >= 5e7 ? figure(row.print.period / 1e9, "s") : ""}</td>
      <td>{row.servers.join(", ")}</td>
      <td className="right">{count(row.conversations)}</td>
      <td className="right">{bytes(row.bytes)}</td>
      <td>
        <Naming row={row} />
      </td>
    </tr>
  );
}

function Side({ of }: { of: Stranger["print"]["client"] }) {
  if (!of.messages) return null;
  return (
    <>
      <code className="num">{of.head || t("unknown.nothing")}</code>
      <br />
      <span className="quiet small">
        {of.shortest === of.longest
          ? bytes(of.longest)
          : t("unknown.sizes", { from: of.shortest ?? 0, to: of.longest ?? 0 })}
      </span>
    </>
  );
}

function Naming({ row }: { row: Stranger }) {
  const may = useMay("edge:write");
  const [title, setTitle] = useState("");
  const name = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/unknown-traffic/names", {
          body: {
            title,
            transport: row.transport as "tcp",
            port: row.port,
            client_head: row.print.client.head ?? "",
            server_head: row.print.server.head ?? "",
          },
        }),
      ),
  });
  if (!may || !row.entry) return null;
  if (name.data) return <span>{t("unknown.named", { name: name.data.protocol, file: name.data.file })}</span>;
  return (
    <form
      className="line naming"
      onSubmit={(event) => {
        event.preventDefault();
        name.mutate();
      }}
    >
      <input
        className="input"
        aria-label={t("unknown.title_field")}
        value={title}
        minLength={2}
        maxLength={60}
        required
        onChange={(event) => setTitle(event.target.value)}
      />
      <button type="submit" className="btn small" disabled={name.isPending}>
        {t("unknown.name")}
      </button>
      {name.error && <ErrorNote error={name.error} />}
    </form>
  );
}
