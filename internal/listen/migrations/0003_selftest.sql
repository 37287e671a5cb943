-- +goose Up
-- Tests in which known-bad messages are played into a sensor's own pipeline, in memory.
CREATE TABLE listen_selftest (
  test_id   {{.Text}} PRIMARY KEY,
  source_id {{.Text}} NOT NULL,
  site_no   {{.Int}} NOT NULL,
  state     {{.Text}} NOT NULL,             -- running, passed, failed
  detail    {{.Text}} NOT NULL DEFAULT '',  -- why it failed
  met       {{.JSON}} NOT NULL,             -- detections that spoke
  missing   {{.JSON}} NOT NULL,             -- those that did not
  rule_set  {{.Text}} NOT NULL DEFAULT '',
  reached   {{.Int}} NOT NULL DEFAULT 0,    -- people whom the alert reached
  asked_by  {{.Text}} NOT NULL,
  asked_at  {{.Time}} NOT NULL,
  until_at  {{.Time}} NOT NULL,             -- then nobody waits for it any more
  done_at   {{.Time}}
) {{.Strict}};
CREATE INDEX listen_selftest_source ON listen_selftest (source_id, asked_at);

-- Sensors that somebody wants tested each month.
CREATE TABLE listen_selftest_plan (
  source_id {{.Text}} PRIMARY KEY,
  set_by    {{.Text}} NOT NULL,
  set_at    {{.Time}} NOT NULL
) {{.Strict}};
