import { useSearch } from "@tanstack/react-router";
import { Hub } from "./hub";
import { RecordList } from "./list";
import "./records.css";

/** All record types; or, as soon as the address narrows it, the list. */
export default function RecordsPage() {
  const search = useSearch({ from: "/records" });
  return Object.keys(search).every((key) => key === "as_of") ? <Hub /> : <RecordList search={search} />;
}
