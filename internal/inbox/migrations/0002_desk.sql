-- +goose Up
-- What happens to an item after it was asked.
ALTER TABLE inbox_item ADD COLUMN zone_no {{.Int}} NOT NULL DEFAULT 0; -- 0: of the whole site
ALTER TABLE inbox_item ADD COLUMN snoozed_until {{.Time}};
ALTER TABLE inbox_item ADD COLUMN handed_at {{.Time}};                   -- a person gave it to user_id: who asks again keeps that
ALTER TABLE inbox_item ADD COLUMN level {{.Int}} NOT NULL DEFAULT 0;    -- 0 asked, 1 deputy, 2 on call, 3 security officer
ALTER TABLE inbox_item ADD COLUMN next_at {{.Time}};                     -- of the next step of escalation; NULL: due_at
ALTER TABLE inbox_item ADD COLUMN comment {{.Text}} NOT NULL DEFAULT ''; -- of who answered
CREATE INDEX inbox_item_ref ON inbox_item (ref_kind, ref_id);
CREATE INDEX inbox_item_done ON inbox_item (done_at) WHERE done_at IS NOT NULL;

-- Every step of an item, and whom it reached by that.
CREATE TABLE inbox_step (
	step_id {{.Text}} NOT NULL PRIMARY KEY,
	item_id {{.Text}} NOT NULL,
	at      {{.Time}} NOT NULL,
	kind    {{.Text}} NOT NULL, -- handed, snoozed, deputy, on-call, gap, officer, returned, answered, reopened
	by_id   {{.Text}} NOT NULL, -- '' : by itself
	by_name {{.Text}} NOT NULL,
	to_user {{.Text}} NOT NULL,
	to_role {{.Text}} NOT NULL,
	note    {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX inbox_step_item ON inbox_step (item_id, step_id);

-- Who saw it, and when first.
CREATE TABLE inbox_seen (
	item_id {{.Text}} NOT NULL,
	user_id {{.Text}} NOT NULL,
	name    {{.Text}} NOT NULL,
	at      {{.Time}} NOT NULL,
	PRIMARY KEY (item_id, user_id)
) {{.NoRow}};

-- Who stands in for whom, always…
CREATE TABLE inbox_deputy (
	user_id   {{.Text}} NOT NULL PRIMARY KEY,
	deputy_id {{.Text}} NOT NULL
) {{.Strict}};

-- …and while somebody is away.
CREATE TABLE inbox_absence (
	absence_id {{.Text}} NOT NULL PRIMARY KEY,
	user_id    {{.Text}} NOT NULL,
	deputy_id  {{.Text}} NOT NULL,
	from_at    {{.Time}} NOT NULL,
	to_at      {{.Time}} NOT NULL,
	note       {{.Text}} NOT NULL,
	made_by    {{.Text}} NOT NULL,
	made_at    {{.Time}} NOT NULL,
	ended_at   {{.Time}}        -- called off, or back earlier
) {{.Strict}};
CREATE INDEX inbox_absence_user ON inbox_absence (user_id, to_at);
CREATE INDEX inbox_absence_deputy ON inbox_absence (deputy_id, to_at);

-- Who is on call. The times are the site's own (2026-11-23T07:00): they hold through a
-- change of summer time and are compared with the site's clock when they are used.
CREATE TABLE inbox_duty (
	duty_id    {{.Text}} NOT NULL PRIMARY KEY,
	site_no    {{.Int}} NOT NULL,
	from_local {{.Text}} NOT NULL,
	to_local   {{.Text}} NOT NULL,
	user_id    {{.Text}} NOT NULL, -- a person…
	role       {{.Text}} NOT NULL, -- …or whoever has this role
	made_by    {{.Text}} NOT NULL,
	made_at    {{.Time}} NOT NULL
) {{.Strict}};
CREATE INDEX inbox_duty_site ON inbox_duty (site_no, from_local);

-- A shift's hand-over, as both signed it.
CREATE TABLE inbox_handover (
	handover_id {{.Text}} NOT NULL PRIMARY KEY,
	site_no     {{.Int}} NOT NULL,
	from_at     {{.Time}} NOT NULL,
	to_at       {{.Time}} NOT NULL,
	notes       {{.Text}} NOT NULL,
	picture     {{.JSON}} NOT NULL, -- what the page showed when it was signed
	giver_id    {{.Text}} NOT NULL,
	giver_name  {{.Text}} NOT NULL,
	given_at    {{.Time}} NOT NULL,
	taker_id    {{.Text}} NOT NULL DEFAULT '',
	taker_name  {{.Text}} NOT NULL DEFAULT '',
	taken_at    {{.Time}},
	remark      {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX inbox_handover_site ON inbox_handover (site_no, given_at);
