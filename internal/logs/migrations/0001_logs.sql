-- +goose Up
-- Who is expected to tell of itself: the register of log sources.
CREATE TABLE logs_source (
  source_id      {{.Text}} PRIMARY KEY,
  site_no        {{.Int}} NOT NULL,
  realm_no       {{.Int}} NOT NULL DEFAULT 0,   -- 0: in any realm of the site
  asset_id       {{.Text}} NOT NULL DEFAULT '', -- empty: no asset of the inventory
  name           {{.Text}} NOT NULL,
  kind           {{.Text}} NOT NULL,            -- firewall, switch, windows, linux, controller, relay, other
  address        {{.Text}} NOT NULL DEFAULT '', -- that its lines come from; empty: behind a relay, or by file
  host           {{.Text}} NOT NULL DEFAULT '', -- that its lines name; empty: any
  clock          {{.Text}} NOT NULL DEFAULT '', -- IANA zone of times that name none; empty: the site's
  interval_s     {{.Int}} NOT NULL,             -- a line is expected at least so often
  retention_days {{.Int}} NOT NULL,             -- so long its lines are asked to be kept
  note           {{.Text}} NOT NULL DEFAULT '',
  version        {{.Int}} NOT NULL DEFAULT 1,
  created_at     {{.Time}} NOT NULL,
  created_by     {{.Text}} NOT NULL,
  removed_at     {{.Time}}
) {{.Strict}};
CREATE INDEX logs_source_site ON logs_source (site_no, source_id);

-- What each was last heard saying.
CREATE TABLE logs_heard (
  source_id  {{.Text}} PRIMARY KEY,
  site_no    {{.Int}} NOT NULL,
  last_at    {{.Time}},                         -- received
  lines      {{.Int}} NOT NULL DEFAULT 0,
  flooded    {{.Int}} NOT NULL DEFAULT 0,       -- not kept: came too fast
  lost       {{.Int}} NOT NULL DEFAULT 0,       -- not kept: no room
  offset_us  {{.Int}} NOT NULL DEFAULT 0,       -- its clock is so far ahead of ours
  offset_at  {{.Time}},                         -- NULL: never measured
  silent_at  {{.Time}}                          -- it was told to be silent
) {{.Strict}};

-- One file each: a source's lines of a day, chained.
CREATE TABLE logs_day (
  source_id {{.Text}} NOT NULL,
  day       {{.Int}} NOT NULL,                  -- from 1970, UTC
  site_no   {{.Int}} NOT NULL,
  lines     {{.Int}} NOT NULL,
  bytes     {{.Int}} NOT NULL,
  first_at  {{.Time}} NOT NULL,
  last_at   {{.Time}} NOT NULL,
  head      {{.Text}} NOT NULL,                 -- hash of line number lines
  seal      {{.Text}} NOT NULL DEFAULT '',      -- as the audit log has it; empty: the day is not over
  gone_at   {{.Time}},                          -- the file went for its age
  PRIMARY KEY (source_id, day)
) {{.NoRow}};
CREATE INDEX logs_day_site ON logs_day (site_no, day);

-- Who sends lines and is in no register: nothing of it is kept but this.
CREATE TABLE logs_stranger (
  site_no   {{.Int}} NOT NULL,
  realm_no  {{.Int}} NOT NULL,
  address   {{.Text}} NOT NULL,
  host      {{.Text}} NOT NULL,
  transport {{.Text}} NOT NULL,
  lines     {{.Int}} NOT NULL,
  first_at  {{.Time}} NOT NULL,
  last_at   {{.Time}} NOT NULL,
  sample    {{.Text}} NOT NULL,                 -- its newest line
  PRIMARY KEY (site_no, realm_no, address, host)
) {{.NoRow}};
