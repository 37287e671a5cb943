-- +goose Up
-- Blocks and files that others transferred past a sensor: versions of programs without touching the controller.
CREATE TABLE network_program (
  site_no       {{.Int}} NOT NULL,
  program_no    {{.Int}} NOT NULL,
  program_key   {{.Text}} NOT NULL,           -- realm, ends, protocol, name, direction and hash: the same again is counted
  conv_no       {{.Int}} NOT NULL,            -- in which it passed; its zones say who may see it
  realm_no      {{.Int}} NOT NULL,
  client_mac    {{.Text}} NOT NULL,
  client_ip     {{.Text}} NOT NULL,
  server_mac    {{.Text}} NOT NULL,
  server_ip     {{.Text}} NOT NULL,
  protocol      {{.Text}} NOT NULL,
  kind          {{.Text}} NOT NULL,           -- block, file, firmware
  name          {{.Text}} NOT NULL,
  up            {{.Bool}} NOT NULL,           -- out of the server; else into it
  size          {{.Int}} NOT NULL,
  sha256        {{.Text}} NOT NULL DEFAULT '', -- '': not whole
  missing       {{.Text}} NOT NULL DEFAULT '', -- why it is not whole
  without       {{.Text}} NOT NULL DEFAULT '', -- why its bytes are not kept
  first_at      {{.Time}} NOT NULL,
  last_at       {{.Time}} NOT NULL,
  times         {{.Int}} NOT NULL,
  live          {{.Bool}} NOT NULL,
  source_id     {{.Text}} NOT NULL,           -- of the newest
  packet        {{.Int}} NOT NULL,
  packet_offset {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, program_no)
) {{.Strict}};
CREATE UNIQUE INDEX network_program_key ON network_program (site_no, program_key);
CREATE INDEX network_program_conv ON network_program (site_no, conv_no);
CREATE INDEX network_program_sum ON network_program (sha256);

-- Their bytes, once whoever and wherever they passed.
CREATE TABLE network_content (
  sha256 {{.Text}} PRIMARY KEY,
  size   {{.Int}} NOT NULL,
  at     {{.Time}} NOT NULL,
  bytes  {{.Blob}} NOT NULL
) {{.Strict}};

-- What unrecognised traffic looks like: sensor.Print; '' where it was recognised.
ALTER TABLE network_conversation ADD COLUMN print {{.Text}} NOT NULL DEFAULT '';
