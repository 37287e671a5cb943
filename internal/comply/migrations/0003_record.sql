-- +goose Up
-- Declarations are records now; what an earlier release wrote is taken over at the first
-- start (adopt.go). Findings of checks are records too; this table says which check found what.
ALTER TABLE comply_finding ADD COLUMN record_id {{.Text}} NOT NULL DEFAULT '';

-- Agreed maintenance windows with each time that they come again, of the last year: written
-- anew when records change, so that checks need no calendar.
CREATE TABLE comply_window (
  record_id {{.Text}} NOT NULL,
  site_no   {{.Int}} NOT NULL,
  zone_no   {{.Int}} NOT NULL,                    -- 0: the whole site
  from_at   {{.Time}} NOT NULL,
  to_at     {{.Time}} NOT NULL,
  PRIMARY KEY (record_id, from_at)
) {{.Strict}};
CREATE INDEX comply_window_site ON comply_window (site_no, from_at);
