-- +goose Up
-- Records of every type, their versions and what hangs on them. Times are µs UTC.
-- site_no 0 is the whole entity. The versions are called revisions: <slice>_version
-- is the name of the migrations' own table.

CREATE TABLE record_record (
  record_id    {{.Text}} PRIMARY KEY,
  type         {{.Text}} NOT NULL,               -- id in catalog/records
  ref          {{.Text}} NOT NULL UNIQUE,        -- FND-2026-0014
  title        {{.Text}} NOT NULL,
  entity_id    {{.Text}} NOT NULL,
  site_no      {{.Int}} NOT NULL,                -- 0: the whole entity
  zone_no      {{.Int}} NOT NULL,                -- 0: none
  asset_id     {{.Text}} NOT NULL,               -- '': none
  owner_id     {{.Text}} NOT NULL,               -- '': nobody yet
  state        {{.Text}} NOT NULL,
  data         {{.JSON}} NOT NULL,
  data_version {{.Int}} NOT NULL,                -- of the type, as the data was written
  version      {{.Int}} NOT NULL,
  valid_from   {{.Time}},
  valid_until  {{.Time}},
  review_at    {{.Time}},
  due_at       {{.Time}},
  created_at   {{.Time}} NOT NULL,
  created_by   {{.Text}} NOT NULL,
  updated_at   {{.Time}} NOT NULL,
  updated_by   {{.Text}} NOT NULL,
  closed_at    {{.Time}},
  approval     {{.Text}} NOT NULL DEFAULT 'none',
  second_due   {{.Time}},                        -- approved by one: until when another must look
  links        {{.Int}} NOT NULL DEFAULT 0,
  attachments  {{.Int}} NOT NULL DEFAULT 0,
  comments     {{.Int}} NOT NULL DEFAULT 0,
  hash         {{.Text}} NOT NULL DEFAULT ''     -- of the newest revision
) {{.Strict}};
CREATE INDEX record_record_updated ON record_record (type, updated_at, record_id);
CREATE INDEX record_record_state ON record_record (type, state, updated_at, record_id);
CREATE INDEX record_record_site ON record_record (site_no, type, updated_at, record_id);
CREATE INDEX record_record_ref ON record_record (type, ref);
CREATE INDEX record_record_due ON record_record (type, COALESCE(due_at, 9223372036854775807), record_id);
CREATE INDEX record_record_owner ON record_record (owner_id, type);
CREATE INDEX record_record_asset ON record_record (asset_id) WHERE asset_id <> '';
CREATE INDEX record_record_review ON record_record (review_at) WHERE review_at IS NOT NULL AND closed_at IS NULL;
CREATE INDEX record_record_until ON record_record (valid_until) WHERE valid_until IS NOT NULL AND closed_at IS NULL;

-- How many records stand where: lists and boards show totals without counting rows.
CREATE TABLE record_tally (
  type      {{.Text}} NOT NULL,
  state     {{.Text}} NOT NULL,
  entity_id {{.Text}} NOT NULL,
  site_no   {{.Int}} NOT NULL,
  zone_no   {{.Int}} NOT NULL,
  n         {{.Int}} NOT NULL,
  PRIMARY KEY (type, state, entity_id, site_no, zone_no)
) {{.NoRow}};

CREATE TABLE record_number (
  series {{.Text}} PRIMARY KEY,                  -- FND-2026
  last   {{.Int}} NOT NULL
) {{.Strict}};

-- A record as it was. hash chains the revisions of one record: it covers the ids of
-- this row and content_hash, which covers the salted free text, so that text can be
-- erased without breaking the chain.
CREATE TABLE record_revision (
  record_id    {{.Text}} NOT NULL,
  version      {{.Int}} NOT NULL,
  at           {{.Time}} NOT NULL,
  by_id        {{.Text}} NOT NULL,
  action       {{.Text}} NOT NULL,               -- create, change, a transition's id, approval …
  reason       {{.Text}} NOT NULL,
  type         {{.Text}} NOT NULL,
  ref          {{.Text}} NOT NULL,
  title        {{.Text}} NOT NULL,
  entity_id    {{.Text}} NOT NULL,
  site_no      {{.Int}} NOT NULL,
  zone_no      {{.Int}} NOT NULL,
  asset_id     {{.Text}} NOT NULL,
  owner_id     {{.Text}} NOT NULL,
  state        {{.Text}} NOT NULL,
  data         {{.JSON}} NOT NULL,
  data_version {{.Int}} NOT NULL,
  valid_from   {{.Time}},
  valid_until  {{.Time}},
  review_at    {{.Time}},
  due_at       {{.Time}},
  closed_at    {{.Time}},
  approval     {{.Text}} NOT NULL,
  second_due   {{.Time}},
  salt         {{.Text}} NOT NULL,
  content_hash {{.Text}} NOT NULL,
  prev_hash    {{.Text}} NOT NULL,
  hash         {{.Text}} NOT NULL,
  PRIMARY KEY (record_id, version)
) {{.Strict}};
CREATE INDEX record_revision_at ON record_revision (type, at);

-- to_kind record: to_id is a record; else a thing of another part (asset, requirement …).
CREATE TABLE record_link (
  link_id {{.Text}} PRIMARY KEY,
  from_id {{.Text}} NOT NULL REFERENCES record_record (record_id),
  rel     {{.Text}} NOT NULL,
  to_kind {{.Text}} NOT NULL,
  to_id   {{.Text}} NOT NULL,
  made_at {{.Time}} NOT NULL,
  made_by {{.Text}} NOT NULL,
  UNIQUE (from_id, rel, to_kind, to_id)
) {{.Strict}};
CREATE INDEX record_link_to ON record_link (to_kind, to_id, rel);

-- Links that were taken away, for a look at an earlier day.
CREATE TABLE record_unlinked (
  link_id  {{.Text}} PRIMARY KEY,
  from_id  {{.Text}} NOT NULL,
  rel      {{.Text}} NOT NULL,
  to_kind  {{.Text}} NOT NULL,
  to_id    {{.Text}} NOT NULL,
  made_at  {{.Time}} NOT NULL,
  made_by  {{.Text}} NOT NULL,
  ended_at {{.Time}} NOT NULL,
  ended_by {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX record_unlinked_from ON record_unlinked (from_id);

-- How much of four eyes a company can keep: small, normal, group.
CREATE TABLE record_profile (
  entity_id {{.Text}} PRIMARY KEY,
  profile   {{.Text}} NOT NULL CHECK (profile IN ('small', 'normal', 'group')),
  set_at    {{.Time}} NOT NULL,
  set_by    {{.Text}} NOT NULL
) {{.Strict}};

-- A transition that waits for others. version is what they are asked about.
CREATE TABLE record_request (
  request_id   {{.Text}} PRIMARY KEY,
  record_id    {{.Text}} NOT NULL REFERENCES record_record (record_id),
  version      {{.Int}} NOT NULL,
  transition   {{.Text}} NOT NULL,
  from_state   {{.Text}} NOT NULL,
  requested_by {{.Text}} NOT NULL,
  requested_at {{.Time}} NOT NULL,
  reason       {{.Text}} NOT NULL,
  profile      {{.Text}} NOT NULL,
  needed       {{.Int}} NOT NULL,                -- approvals by different people
  state        {{.Text}} NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected', 'reopened', 'withdrawn')),
  second_due   {{.Time}},                        -- carried out already; until when a second person must look
  second_at    {{.Time}},                        -- when one did
  closed_at    {{.Time}}
) {{.Strict}};
CREATE INDEX record_request_record ON record_request (record_id, requested_at);
CREATE UNIQUE INDEX record_request_open ON record_request (record_id) WHERE state = 'waiting';

-- Nobody approves what they asked for: requested_by is the request's, and the two may not be one.
CREATE TABLE record_approval (
  approval_id  {{.Text}} PRIMARY KEY,
  request_id   {{.Text}} NOT NULL REFERENCES record_request (request_id),
  record_id    {{.Text}} NOT NULL,
  version      {{.Int}} NOT NULL,
  requested_by {{.Text}} NOT NULL,
  by_id        {{.Text}} NOT NULL,
  outside      {{.Text}} NOT NULL,               -- name and organisation of a person without account; by_id wrote it down
  whole        {{.Bool}} NOT NULL,               -- the approver answers for the whole entity
  decision     {{.Text}} NOT NULL CHECK (decision IN ('approve', 'reject')),
  comment      {{.Text}} NOT NULL,
  at           {{.Time}} NOT NULL,
  UNIQUE (request_id, version, by_id, outside),
  CHECK (by_id <> requested_by OR outside <> '')
) {{.Strict}};
CREATE INDEX record_approval_record ON record_approval (record_id, at);

CREATE TABLE record_attachment (
  attachment_id {{.Text}} PRIMARY KEY,
  record_id     {{.Text}} NOT NULL REFERENCES record_record (record_id),
  name          {{.Text}} NOT NULL,
  bytes         {{.Int}} NOT NULL,
  sha256        {{.Text}} NOT NULL,
  media_type    {{.Text}} NOT NULL,
  scan          {{.Text}} NOT NULL CHECK (scan IN ('clean', 'infected', 'unscanned')),
  finding       {{.Text}} NOT NULL,              -- what the scanner called it
  scanned_at    {{.Time}},
  added_at      {{.Time}} NOT NULL,
  added_by      {{.Text}} NOT NULL,
  removed_at    {{.Time}},
  removed_by    {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX record_attachment_record ON record_attachment (record_id, added_at);
CREATE INDEX record_attachment_file ON record_attachment (sha256);
CREATE INDEX record_attachment_unscanned ON record_attachment (scan) WHERE scan = 'unscanned' AND removed_at IS NULL;

-- Reviews count from the last one, not from the day that was planned.
CREATE TABLE record_schedule (
  record_id      {{.Text}} PRIMARY KEY REFERENCES record_record (record_id),
  months         {{.Int}} NOT NULL,
  last_review_at {{.Time}},
  last_review_by {{.Text}} NOT NULL,
  last_comment   {{.Text}} NOT NULL
) {{.Strict}};

-- How far people were reminded of a due date.
CREATE TABLE record_reminder (
  record_id {{.Text}} NOT NULL REFERENCES record_record (record_id),
  kind      {{.Text}} NOT NULL,                  -- review, due, expiry, second
  at        {{.Time}} NOT NULL,                  -- the date it is about
  stage     {{.Int}} NOT NULL,
  PRIMARY KEY (record_id, kind)
) {{.NoRow}};

CREATE TABLE record_comment (
  comment_id {{.Text}} PRIMARY KEY,
  record_id  {{.Text}} NOT NULL REFERENCES record_record (record_id),
  at         {{.Time}} NOT NULL,
  by_id      {{.Text}} NOT NULL,
  text       {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX record_comment_record ON record_comment (record_id, at);

-- Saved views of any page: its search, under a name.
CREATE TABLE record_view (
  view_id    {{.Text}} PRIMARY KEY,
  page       {{.Text}} NOT NULL,
  name       {{.Text}} NOT NULL,
  search     {{.JSON}} NOT NULL,
  shared     {{.Bool}} NOT NULL,
  owner_id   {{.Text}} NOT NULL,
  site_id    {{.Text}} NOT NULL,                 -- of its search: who does not see the site does not see the view
  created_at {{.Time}} NOT NULL,
  UNIQUE (owner_id, page, name)
) {{.Strict}};
CREATE INDEX record_view_page ON record_view (page, name);
