import { useQuery } from "@tanstack/react-query";
import { useMay } from "../api/may";
import { session } from "../api/queries";
import { type Named, recordPeople } from "../api/records";
import { t } from "../texts";

/** Who can be named: who may own a record, and whom the page knows already. */
export function usePeople(known: readonly (Named | null | undefined)[] = []): Named[] {
  const who = useQuery(session);
  const list = useQuery({ ...recordPeople, enabled: useMay("record:write") });
  const out = new Map<string, string>();
  for (const one of known) if (one) out.set(one.id, one.name);
  if (who.data?.user) out.set(who.data.user.id, who.data.user.name);
  for (const one of list.data?.items ?? []) out.set(one.id, one.name);
  return [...out].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name));
}

type Props = {
  id: string;
  value: string;
  onPick: (id: string) => void;
  known?: readonly (Named | null | undefined)[];
  wrong?: string | undefined;
};

export function PersonSelect({ id, value, onPick, known, wrong }: Props) {
  const people = usePeople(known);
  return (
    <select
      className="input"
      id={id}
      value={value}
      aria-invalid={wrong ? true : undefined}
      aria-describedby={wrong ? `${id}-wrong` : undefined}
      onChange={(event) => onPick(event.target.value)}
    >
      <option value="">{t("records.nobody")}</option>
      {value && !people.some((one) => one.id === value) && <option value={value}>{value}</option>}
      {people.map((one) => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}
