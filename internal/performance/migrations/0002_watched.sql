-- +goose Up
-- The newest hour of each site that was compared with its week.
CREATE TABLE performance_watched (
  site_no {{.Int}} PRIMARY KEY,
  hour    {{.Int}} NOT NULL
) {{.NoRow}};
