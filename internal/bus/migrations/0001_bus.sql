-- Events of changes, written in the transaction of the change. On PostgreSQL
-- transactions become visible out of the order of seq; txid is what a reader
-- can bound by the oldest running transaction, so it leads the order.
CREATE TABLE bus_event (
	seq     {{.Serial}},
	txid    {{.Int}} NOT NULL DEFAULT {{if .PG}}(pg_current_xact_id()::text::bigint){{else}}0{{end}},
	topic   {{.Text}} NOT NULL,
	site_no {{.Int}} NOT NULL,
	refs    {{.JSON}} NOT NULL,
	at      {{.Time}} NOT NULL
) {{.Strict}};
CREATE INDEX bus_event_order ON bus_event (txid, seq);

CREATE TABLE bus_cursor (
	consumer {{.Text}} NOT NULL PRIMARY KEY,
	txid     {{.Int}} NOT NULL,
	seq      {{.Int}} NOT NULL
) {{.Strict}};
