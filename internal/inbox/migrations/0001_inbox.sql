-- +goose Up
-- What asks a person for something. One row a question; it stays after it was answered.
CREATE TABLE inbox_item (
	item_id   {{.Text}} NOT NULL PRIMARY KEY,
	item_key  {{.Text}} NOT NULL UNIQUE, -- who asks, about what: asking again changes the row, and adds none
	kind      {{.Text}} NOT NULL,
	site_no   {{.Int}} NOT NULL,         -- 0: of the whole entity
	entity_id {{.Text}} NOT NULL,        -- '' where site_no says it
	role      {{.Text}} NOT NULL,        -- who is asked; '' where user_id says it
	user_id   {{.Text}} NOT NULL,
	severity  {{.Int}} NOT NULL,         -- 1 now, 2 today, 3 this week, 4 for information
	title     {{.Text}} NOT NULL,
	detail    {{.Text}} NOT NULL,
	ref_kind  {{.Text}} NOT NULL,
	ref_id    {{.Text}} NOT NULL,
	action    {{.Text}} NOT NULL,        -- the one primary action: decide, approve, renew, explain, look
	opened_at {{.Time}} NOT NULL,
	due_at    {{.Time}},
	done_at   {{.Time}},
	done_by   {{.Text}} NOT NULL DEFAULT '',
	outcome   {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX inbox_item_open ON inbox_item (site_no, due_at) WHERE done_at IS NULL;
