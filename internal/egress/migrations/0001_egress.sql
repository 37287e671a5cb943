-- +goose Up
-- Where this installation may connect to. An empty table: nowhere.
CREATE TABLE egress_allow (
	allow_id {{.Text}} NOT NULL PRIMARY KEY,
	host     {{.Text}} NOT NULL, -- a name, an address or a prefix, in lower case
	port     {{.Int}} NOT NULL,
	inside   {{.Bool}} NOT NULL, -- a name that may stand for a private or local address
	note     {{.Text}} NOT NULL, -- what for
	made_at  {{.Time}} NOT NULL,
	made_by  {{.Text}} NOT NULL,
	UNIQUE (host, port)
) {{.Strict}};
