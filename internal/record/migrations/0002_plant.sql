-- +goose Up
-- What the plant does, known from a tag. Times are µs UTC.

-- Since when a rule has held, and until when. The last row of a record without an
-- end is the present.
CREATE TABLE record_plant (
  record_id {{.Text}} NOT NULL,
  since_at  {{.Time}} NOT NULL,
  until_at  {{.Time}},
  site_no   {{.Int}} NOT NULL,
  zone_no   {{.Int}} NOT NULL,
  mode      {{.Text}} NOT NULL,
  value     {{.Float}} NOT NULL,                 -- heard when it began
  PRIMARY KEY (record_id, since_at)
) {{.Strict}};
CREATE INDEX record_plant_site ON record_plant (site_no, since_at);

-- What was last heard of a rule's tag, and since when it has said so.
CREATE TABLE record_tag (
  record_id {{.Text}} PRIMARY KEY,
  rule      {{.Text}} NOT NULL,                  -- the rule that this is of
  met       {{.Bool}} NOT NULL,
  met_at    {{.Time}} NOT NULL,                  -- since when it is met, or is not
  value     {{.Float}} NOT NULL,
  seen_at   {{.Time}} NOT NULL
) {{.Strict}};
