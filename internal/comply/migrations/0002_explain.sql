-- +goose Up
-- A person's word on why something was done: one form for observed changes and contradictions.
CREATE TABLE comply_explanation (
	explanation_id {{.Text}} NOT NULL PRIMARY KEY,
	site_no        {{.Int}} NOT NULL,  -- 0: of the whole entity
	entity_id      {{.Text}} NOT NULL,
	who            {{.Text}} NOT NULL, -- who did it
	why            {{.Text}} NOT NULL,
	record_id      {{.Text}} NOT NULL, -- the change record; '' : none
	emergency      {{.Int}} NOT NULL,  -- 1: the record was made by this form, after the fact
	made_by        {{.Text}} NOT NULL,
	made_name      {{.Text}} NOT NULL,
	made_at        {{.Time}} NOT NULL
) {{.Strict}};
CREATE INDEX comply_explanation_at ON comply_explanation (site_no, made_at);

CREATE TABLE comply_explained_event (
	site_no        {{.Int}} NOT NULL,
	event_no       {{.Int}} NOT NULL,
	explanation_id {{.Text}} NOT NULL,
	PRIMARY KEY (site_no, event_no)
) {{.NoRow}};

CREATE TABLE comply_explained_finding (
	finding_id     {{.Text}} NOT NULL PRIMARY KEY,
	explanation_id {{.Text}} NOT NULL
) {{.Strict}};
