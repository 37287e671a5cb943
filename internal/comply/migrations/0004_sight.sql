-- +goose Up
-- "Could we have seen it?": for each controller, whether a program change, a mode
-- change, a write or a new firmware would have been seen in the last week. Written
-- anew by a run. Answers: 2 yes, 1 partly, 0 no, -1 nobody listens at the site.
CREATE TABLE comply_sight (
  asset_id {{.Text}} PRIMARY KEY,
  site_no  {{.Int}} NOT NULL,
  program  {{.Int}} NOT NULL,
  mode     {{.Int}} NOT NULL,
  writes   {{.Int}} NOT NULL,
  firmware {{.Int}} NOT NULL,
  reason   {{.Text}} NOT NULL          -- of the worst answer, one sentence
) {{.Strict}};
CREATE INDEX comply_sight_site ON comply_sight (site_no);
