-- +goose Up
-- What others say is bad. Times are µs UTC.

-- A file of indicators, as it was imported.
CREATE TABLE detect_source (
  source_id {{.Text}} PRIMARY KEY,
  name      {{.Text}} NOT NULL,                  -- who says so; named in alerts
  format    {{.Text}} NOT NULL,                  -- stix, misp, list
  sha256    {{.Text}} NOT NULL,                  -- of the file
  days      {{.Int}} NOT NULL,                   -- how long what names no end is in force
  items     {{.Int}} NOT NULL,
  left_out  {{.JSON}} NOT NULL,                  -- {reason: how many}
  by_id     {{.Text}} NOT NULL,
  by_name   {{.Text}} NOT NULL,
  at        {{.Int}} NOT NULL
) {{.Strict}};
CREATE UNIQUE INDEX detect_source_name ON detect_source (name);

CREATE TABLE detect_indicator (
  source_id {{.Text}} NOT NULL,
  kind      {{.Text}} NOT NULL,                  -- address, domain, file
  value     {{.Text}} NOT NULL,
  title     {{.Text}} NOT NULL,
  ref       {{.Text}} NOT NULL,                  -- its id at its source
  from_at   {{.Int}} NOT NULL,                   -- 0: always
  until_at  {{.Int}} NOT NULL,
  hits      {{.Int}} NOT NULL DEFAULT 0,
  hit_at    {{.Int}} NOT NULL DEFAULT 0,         -- 0: never met
  PRIMARY KEY (source_id, kind, value)
) {{.NoRow}};
CREATE INDEX detect_indicator_until ON detect_indicator (until_at);
CREATE INDEX detect_indicator_value ON detect_indicator (value);
