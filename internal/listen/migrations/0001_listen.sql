-- +goose Up
-- What each listening interface last said of itself, and how it shall listen.
CREATE TABLE listen_interface (
  source_id   {{.Text}} PRIMARY KEY,          -- as network_source has it
  site_no     {{.Int}} NOT NULL,
  realm_no    {{.Int}} NOT NULL,
  name        {{.Text}} NOT NULL,
  epoch       {{.Text}} NOT NULL DEFAULT '',  -- of the last summary that was taken in
  seq         {{.Int}} NOT NULL DEFAULT 0,
  received_at {{.Time}},
  heard       {{.JSON}} NOT NULL,             -- listen.Heard
  settings    {{.JSON}} NOT NULL,             -- listen.Settings; {} as the program was started
  version     {{.Int}} NOT NULL DEFAULT 0,    -- of the settings
  updated_at  {{.Time}},
  updated_by  {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX listen_interface_site ON listen_interface (site_no, source_id);

-- Packets that somebody cut out of the rings. The file lies sealed in the data folder.
CREATE TABLE listen_cut (
  cut_id    {{.Text}} PRIMARY KEY,
  site_no   {{.Int}} NOT NULL,
  what      {{.Text}} NOT NULL,              -- for people
  reason    {{.Text}} NOT NULL,
  from_at   {{.Time}} NOT NULL,
  to_at     {{.Time}} NOT NULL,
  state     {{.Text}} NOT NULL,              -- waiting, ready, empty, failed, gone
  detail    {{.Text}} NOT NULL DEFAULT '',
  packets   {{.Int}} NOT NULL DEFAULT 0,
  masked    {{.Int}} NOT NULL DEFAULT 0,
  headers   {{.Int}} NOT NULL DEFAULT 0,
  bytes     {{.Int}} NOT NULL DEFAULT 0,     -- of the file
  cut_by    {{.Text}} NOT NULL,
  cut_at    {{.Time}} NOT NULL
) {{.Strict}};
CREATE INDEX listen_cut_site ON listen_cut (site_no, cut_id);
