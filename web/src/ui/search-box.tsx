import { useEffect, useState } from "react";

type Props = { value: string; label: string; hint: string; onChange: (value: string) => void };

/** Waits for the end of a word, so that typing does not ask the server for each letter. */
export function SearchBox({ value, label, hint, onChange }: Props) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onChange(text.trim()), 250);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <input
      className="input search"
      type="search"
      aria-label={label}
      placeholder={hint}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}
