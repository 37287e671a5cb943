import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { asset, session } from "../../api/queries";
import { createRecord, type Data, type FirstInput, type RecordType, recordTypes } from "../../api/records";
import { noun, t, word } from "../../texts";
import { Ask, Page } from "../../ui/page";
import type { Search } from "../../ui/search";
import { notify } from "../../ui/toast";
import { type Draft, emptyDraft, inputOf, RecordForm } from "./form";
import "./records.css";

/** A new record, from the type's own form; what the page it was begun on knows stands in the address. */
export default function NewRecord() {
  const search: Search = useSearch({ from: "/records/new" });
  const types = useQuery(recordTypes);
  // An asset brings its site and zone along.
  const thing = useQuery({ ...asset(search.asset ?? ""), enabled: Boolean(search.asset) });
  return (
    <Ask of={types}>
      {(data) => {
        const type = data.items.find((one) => one.id === search.type);
        if (!type) return <Choose types={data.items} search={search} />;
        if (search.asset && thing.isPending) return <Page title="">{null}</Page>;
        const of = thing.data?.value;
        return (
          <New
            key={JSON.stringify(search)}
            type={type}
            search={{
              ...search,
              ...(of && { site: search.site ?? of.site_id, ...(of.zone && { zone: search.zone ?? of.zone.id }) }),
            }}
            assetName={of?.name || of?.ips[0]}
          />
        );
      }}
    </Ask>
  );
}

function Choose({ types, search }: { types: RecordType[]; search: Search }) {
  const who = useQuery(session);
  const may = new Set<string>(who.data?.user?.permissions ?? []);
  return (
    <Page title={t("records.what_new")} crumbs={<Link to="/records">{t("records.title")}</Link>}>
      <ul className="hub">
        {types
          .filter((type) => may.has(type.write))
          .map((type) => (
            <li key={type.id} className="panel">
              <h2>
                <Link to="/records/new" search={{ ...search, type: type.id }}>
                  {type.title}
                </Link>
              </h2>
              <p className="quiet small">{type.about}</p>
            </li>
          ))}
      </ul>
    </Page>
  );
}

type NewProps = { type: RecordType; search: Search; assetName: string | undefined };

function New({ type, search, assetName }: NewProps) {
  const navigate = useNavigate();
  const router = useRouter();
  const client = useQueryClient();
  const links = linksOf(type, search.link);
  const save = useMutation({
    mutationFn: (body: FirstInput) => createRecord(body),
    onSuccess: async (made) => {
      notify(t("records.made", { ref: made.ref }));
      for (const key of ["records", "record-facets", "record-counts", "record-calendar"])
        client.invalidateQueries({ queryKey: [key] });
      await navigate({ to: "/records/$id", params: { id: made.id }, replace: true });
    },
  });
  return (
    <Page
      title={type.texts.new || t("records.new", { type: noun(type.title) })}
      crumbs={
        <>
          <Link to="/records">{t("records.title")}</Link> ›{" "}
          <Link to="/records" search={{ type: type.id }}>
            {type.plural}
          </Link>
        </>
      }
      sub={type.about}
    >
      <div className="panel recnew">
        <RecordForm
          type={type}
          first={draftOf(type, search)}
          names={{ asset: assetName }}
          submit={type.texts.save || t("records.save_new", { type: noun(type.title) })}
          busy={save.isPending}
          error={save.error}
          onSubmit={(draft) => save.mutate({ ...inputOf(draft), type: type.id, links })}
          onCancel={() => router.history.back()}
        >
          {links.length > 0 && (
            <p className="quiet small">
              {t("records.will_link")}{" "}
              {links
                .map(
                  (one) => `${type.links.find((l) => l.rel === one.rel)?.title}: ${word("kind", one.kind)} ${one.id}`,
                )
                .join(", ")}
            </p>
          )}
        </RecordForm>
      </div>
    </Page>
  );
}

/** "requirement:5.3" becomes the first relation of the type that may lead there. */
export function linksOf(type: RecordType, link: string | undefined) {
  const [kind = "", ...rest] = (link ?? "").split(":");
  const id = rest.join(":");
  const rule = type.links.find((one) => one.to.includes(kind));
  const outside = ["asset", "requirement", "check", "conversation", "zone", "site", "event"].includes(kind);
  return rule && id ? [{ rel: rule.rel, kind: outside ? kind : "record", id }] : [];
}

function draftOf(type: RecordType, search: Search): Draft {
  const data: Data = {};
  for (const field of type.fields) {
    if (field.default !== undefined && field.default !== null) data[field.id] = field.default;
    const given = search[`f.${field.id}`];
    if (given === undefined) continue;
    if (field.kind === "bool") data[field.id] = given === "true";
    else if (field.kind === "choices") data[field.id] = given.split(",");
    else data[field.id] = ["number", "money", "duration"].includes(field.kind) ? Number(given) : given;
  }
  return {
    ...emptyDraft,
    title: search.title ?? "",
    site: search.site ?? "",
    zone: search.zone ?? "",
    asset: search.asset ?? "",
    owner: search.owner ?? "",
    data,
  };
}
