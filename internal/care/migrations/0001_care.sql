-- +goose Up
-- How this installation looks after itself. Times are µs UTC.

-- What a person set: the plan of snapshots, whether deleting rests.
CREATE TABLE care_setting (
  name   {{.Text}} NOT NULL PRIMARY KEY,
  value  {{.JSON}} NOT NULL,
  set_at {{.Time}} NOT NULL,
  set_by {{.Text}} NOT NULL
) {{.Strict}};

-- How long a class of rows is kept, where a person chose another time than the default.
CREATE TABLE care_keep (
  class  {{.Text}} NOT NULL PRIMARY KEY,
  days   {{.Int}} NOT NULL, -- 0: for ever
  set_at {{.Time}} NOT NULL,
  set_by {{.Text}} NOT NULL
) {{.Strict}};

-- Snapshots that were made, or should have been.
CREATE TABLE care_snapshot (
  snapshot_id {{.Text}} NOT NULL PRIMARY KEY,
  at          {{.Time}} NOT NULL,
  place       {{.Text}} NOT NULL,            -- where it lies, for people
  name        {{.Text}} NOT NULL,
  bytes       {{.Int}} NOT NULL DEFAULT 0,
  sha256      {{.Text}} NOT NULL DEFAULT '', -- of the file as it lies there
  rows        {{.Int}} NOT NULL DEFAULT 0,
  took        {{.Int}} NOT NULL DEFAULT 0,   -- µs
  tried_at    {{.Time}},                     -- its database was restored and compared
  read_at     {{.Time}},                     -- last read back whole from its place
  gone_at     {{.Time}},                     -- removed by the rule of what is kept
  error       {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX care_snapshot_at ON care_snapshot (at);

-- What each table takes, as last measured.
CREATE TABLE care_table (
  name   {{.Text}} NOT NULL PRIMARY KEY,
  rows   {{.Int}} NOT NULL,
  bytes  {{.Int}} NOT NULL,
  oldest {{.Time}},
  at     {{.Time}} NOT NULL
) {{.Strict}};

-- One row a day, for the forecast of the disk.
CREATE TABLE care_day (
  day      {{.Int}} NOT NULL PRIMARY KEY,     -- since 1970, UTC
  free     {{.Int}} NOT NULL,                 -- bytes of the disk
  size     {{.Int}} NOT NULL,                 -- bytes of the disk
  database {{.Int}} NOT NULL                  -- bytes
) {{.Strict}};
