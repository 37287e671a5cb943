import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { search } from "../api/queries";
import type { SearchItem } from "../api/types";
import { type Key, t, word } from "../texts";
import { Dialog } from "../ui/dialog";
import { sentence } from "../ui/page";
import { hrefOf } from "../ui/target";
import "./palette.css";

type Entry = { key: string; label: string; detail: string; kind: string; href: string };

const places: { href: string; text: Key }[] = [
  { href: "/posture", text: "posture.title" },
  { href: "/requirements", text: "requirements.title" },
  { href: "/plant", text: "plant.title" },
  { href: "/assets", text: "assets.title" },
  { href: "/assets?state=new", text: "palette.new_assets" },
  { href: "/conversations", text: "conversations.title" },
  { href: "/records", text: "records.title" },
  { href: "/records/calendar", text: "records.calendar" },
  { href: "/captures", text: "captures.title" },
  { href: "/audit", text: "audit.title" },
  { href: "/settings", text: "settings.title" },
  { href: "/settings?tab=users", text: "settings.users" },
];

/** Ctrl K: type a name, an address, an order code, a requirement; Enter goes there. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 120);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery(search(asked));

  const entries = useMemo(() => {
    const needle = text.trim().toLowerCase();
    const out: Entry[] = places
      .map((p) => ({ key: p.href, label: t(p.text), detail: "", kind: "page", href: p.href }))
      .filter((p) => p.label.toLowerCase().includes(needle));
    for (const item of found.data?.items ?? []) out.push(entryOf(item));
    return out.slice(0, 30);
  }, [text, found.data]);
  const index = Math.min(chosen, Math.max(0, entries.length - 1));

  useEffect(() => {
    list.current?.children[index]?.scrollIntoView({ block: "nearest" });
  }, [index]);

  const go = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    router.history.push(entry.href);
  };

  return (
    <Dialog title={t("palette.title")} kind="box" onClose={onClose}>
      <input
        className="input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries[index] ? `palette-${index}` : undefined}
        aria-label={t("palette.title")}
        placeholder={t("palette.hint")}
        autoFocus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setChosen(Math.min(index + 1, entries.length - 1));
          else if (event.key === "ArrowUp") setChosen(Math.max(index - 1, 0));
          else if (event.key === "Enter") go(entries[index]);
          else return;
          event.preventDefault();
        }}
      />
      <div id="palette-list" className="palette" role="listbox" aria-label={t("palette.results")} ref={list}>
        {entries.map((entry, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus and points at the option
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the input
          <div
            key={entry.key}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === index}
            onClick={() => go(entry)}
            onMouseMove={() => setChosen(i)}
          >
            <span className="cut">{entry.label}</span>
            <span className="quiet small cut">{entry.detail}</span>
            <span className="quiet small">{word("kind", entry.kind)}</span>
          </div>
        ))}
      </div>
      <p className="quiet small" role="status">
        {found.error
          ? sentence(found.error)
          : asked.length > 1 && found.isFetched && entries.length === 0
            ? t("palette.nothing", { q: asked })
            : t("palette.keys")}
      </p>
    </Dialog>
  );
}

function entryOf(item: SearchItem): Entry {
  return {
    key: `${item.kind} ${item.id}`,
    label: item.label,
    detail: item.detail,
    kind: item.kind,
    href: hrefOf(item.kind, item.id, item.site_id),
  };
}
