-- +goose Up
-- Sites whose zones changed and whose conversations still wait to be looked at anew.
CREATE TABLE network_rezone (
  site_no   {{.Int}} NOT NULL PRIMARY KEY,
  requested {{.Int}} NOT NULL      -- grows with every request, so that one that comes meanwhile is not lost
) {{.Strict}};
