-- +goose Up
-- Who talks to whom. Times are µs UTC.

CREATE TABLE network_source (
  source_id    {{.Text}} PRIMARY KEY,            -- sensor id, or the capture's SHA-256
  site_no      {{.Int}} NOT NULL,
  realm_no     {{.Int}} NOT NULL DEFAULT 0,
  kind         {{.Text}} NOT NULL,               -- sensor, capture
  name         {{.Text}} NOT NULL DEFAULT '',
  live         {{.Bool}} NOT NULL,
  first_at     {{.Time}} NOT NULL DEFAULT 0,     -- packet time
  last_at      {{.Time}} NOT NULL DEFAULT 0,
  received_at  {{.Time}} NOT NULL DEFAULT 0,     -- newest receipt at the centre; freshness counts this, of live sources only
  skew         {{.Int}},                         -- µs the sensor's clock is ahead of ours; NULL for a file
  packets      {{.Int}} NOT NULL DEFAULT 0,
  bytes        {{.Int}} NOT NULL DEFAULT 0,
  malformed    {{.Int}} NOT NULL DEFAULT 0,
  truncated    {{.Int}} NOT NULL DEFAULT 0,
  dropped      {{.Int}} NOT NULL DEFAULT 0,
  transmitted  {{.Int}} NOT NULL DEFAULT 0,      -- must stay 0
  lost         {{.Int}} NOT NULL DEFAULT 0,
  quarantined  {{.Int}} NOT NULL DEFAULT 0,
  unknown      {{.Int}} NOT NULL DEFAULT 0,
  ot_bytes     {{.Int}} NOT NULL DEFAULT 0,
  budget_hits  {{.Int}} NOT NULL DEFAULT 0,      -- sum over budgets
  budget       {{.JSON}} NOT NULL,               -- by budget
  one_sided    {{.Float}} NOT NULL DEFAULT 0,
  rule_set     {{.Text}} NOT NULL DEFAULT '',
  cut          {{.Text}} NOT NULL DEFAULT '',
  ended        {{.Bool}} NOT NULL
) {{.Strict}};
CREATE INDEX network_source_site ON network_source (site_no);

CREATE TABLE network_conversation (
  site_no         {{.Int}} NOT NULL,
  conv_no         {{.Int}} NOT NULL,
  conv_key        {{.Text}} NOT NULL,            -- realm, unordered endpoints, transport, port, protocol
  realm_no        {{.Int}} NOT NULL,
  vlan            {{.Int}} NOT NULL DEFAULT 0,
  client_mac      {{.Text}} NOT NULL,
  client_ip       {{.Text}} NOT NULL,
  server_mac      {{.Text}} NOT NULL,
  server_ip       {{.Text}} NOT NULL,
  client_by       {{.Text}} NOT NULL,            -- syn, protocol, port, guess
  transport       {{.Text}} NOT NULL,
  port            {{.Int}} NOT NULL,
  protocol        {{.Text}} NOT NULL,            -- '' : not recognised
  guess           {{.Text}} NOT NULL DEFAULT '', -- by port only
  first_at        {{.Time}} NOT NULL,
  last_at         {{.Time}} NOT NULL,
  last_live_at    {{.Time}},                     -- packet time of the newest delta from a live source
  sessions        {{.Int}} NOT NULL,
  established     {{.Bool}} NOT NULL,
  client_packets  {{.Int}} NOT NULL,
  client_bytes    {{.Int}} NOT NULL,
  server_packets  {{.Int}} NOT NULL,
  server_bytes    {{.Int}} NOT NULL,
  malformed       {{.Int}} NOT NULL,
  lost            {{.Int}} NOT NULL,
  classes         {{.Int}} NOT NULL DEFAULT 0,   -- ot.Class bits of its tuples
  live            {{.Bool}} NOT NULL,            -- last told by a live source
  source_id       {{.Text}} NOT NULL,            -- of the first packet
  first_packet    {{.Int}} NOT NULL,
  first_offset    {{.Int}} NOT NULL,
  proof           {{.Blob}},
  client_zone_no  {{.Int}} NOT NULL DEFAULT 0,   -- 0: none
  server_zone_no  {{.Int}} NOT NULL DEFAULT 0,
  client_internet {{.Bool}} NOT NULL,            -- a public address in none of the site's subnets
  server_internet {{.Bool}} NOT NULL,
  PRIMARY KEY (site_no, conv_no)
) {{.Strict}};
CREATE UNIQUE INDEX network_conversation_key ON network_conversation (site_no, conv_key);
CREATE INDEX network_conversation_client ON network_conversation (site_no, realm_no, client_ip);
CREATE INDEX network_conversation_server ON network_conversation (site_no, realm_no, server_ip);
CREATE INDEX network_conversation_client_mac ON network_conversation (site_no, realm_no, client_mac);
CREATE INDEX network_conversation_server_mac ON network_conversation (site_no, realm_no, server_mac);
CREATE INDEX network_conversation_zones ON network_conversation (site_no, client_zone_no, server_zone_no);
CREATE INDEX network_conversation_last ON network_conversation (last_at, site_no, conv_no);

CREATE TABLE network_tuple (
  site_no      {{.Int}} NOT NULL,
  conv_no      {{.Int}} NOT NULL,
  protocol     {{.Text}} NOT NULL,
  kind         {{.Text}} NOT NULL,
  dir          {{.Text}} NOT NULL,
  code         {{.Int}} NOT NULL,
  text         {{.Text}} NOT NULL,
  also         {{.Bool}} NOT NULL,
  unit         {{.Int}} NOT NULL,
  space        {{.Int}} NOT NULL,
  area         {{.Int}} NOT NULL,
  name         {{.Text}} NOT NULL,
  class        {{.Text}} NOT NULL,
  first_item   {{.Int}} NOT NULL,
  last_item    {{.Int}} NOT NULL,
  count        {{.Int}} NOT NULL,
  refused      {{.Int}} NOT NULL,
  first_at     {{.Time}} NOT NULL,
  last_at      {{.Time}} NOT NULL,
  source_id    {{.Text}} NOT NULL,
  first_packet {{.Int}} NOT NULL,
  first_offset {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, conv_no, protocol, kind, dir, code, text, also, unit, space, area)
) {{.NoRow}};
CREATE INDEX network_tuple_class ON network_tuple (class, site_no, conv_no);

-- Messages reported whole: program, control, firmware, configure, login, file; rule hits; firsts.
CREATE TABLE network_event (
  site_no       {{.Int}} NOT NULL,
  event_no      {{.Int}} NOT NULL,
  conv_no       {{.Int}} NOT NULL,
  realm_no      {{.Int}} NOT NULL,
  at            {{.Time}} NOT NULL,
  protocol      {{.Text}} NOT NULL,
  kind          {{.Text}} NOT NULL,
  dir           {{.Text}} NOT NULL,
  code          {{.Int}} NOT NULL,
  text          {{.Text}} NOT NULL,
  name          {{.Text}} NOT NULL,
  class         {{.Text}} NOT NULL,
  object        {{.Text}} NOT NULL,
  refused       {{.Bool}} NOT NULL,
  status        {{.Int}} NOT NULL,
  unit          {{.Int}} NOT NULL,
  rules         {{.JSON}} NOT NULL,
  live          {{.Bool}} NOT NULL,
  source_id     {{.Text}} NOT NULL,
  packet        {{.Int}} NOT NULL,
  packet_offset {{.Int}} NOT NULL,
  proof         {{.Blob}},
  client_mac    {{.Text}} NOT NULL,
  client_ip     {{.Text}} NOT NULL,
  server_mac    {{.Text}} NOT NULL,
  server_ip     {{.Text}} NOT NULL,
  PRIMARY KEY (site_no, event_no)
) {{.Strict}};
CREATE INDEX network_event_class ON network_event (class, at);
CREATE INDEX network_event_at ON network_event (at, site_no, event_no);
CREATE INDEX network_event_conv ON network_event (site_no, conv_no);

-- Hours of a conversation. month is year*12+month-1; hour counts from 1970.
CREATE TABLE network_rollup (
  site_no {{.Int}} NOT NULL,
  month   {{.Int}} NOT NULL,
  conv_no {{.Int}} NOT NULL,
  hour    {{.Int}} NOT NULL,
  packets {{.Int}} NOT NULL,
  bytes   {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, month, conv_no, hour)
) {{.NoRow}};

-- Seconds of an hour in which a live source heard a zone. Captures never stand here. zone_no 0: hosts without a zone.
CREATE TABLE network_listen (
  site_no   {{.Int}} NOT NULL,
  zone_no   {{.Int}} NOT NULL,
  hour      {{.Int}} NOT NULL,     -- hours since 1970, packet time
  source_id {{.Text}} NOT NULL,
  seconds   {{.Int}} NOT NULL,     -- at most 3600
  PRIMARY KEY (site_no, zone_no, hour, source_id)
) {{.NoRow}};

-- Numbers of a site's rows are given here, in the transaction that uses them.
CREATE TABLE network_counter (
  site_no {{.Int}} NOT NULL,
  name    {{.Text}} NOT NULL,      -- conversation, event
  last    {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, name)
) {{.NoRow}};

CREATE TABLE network_applied (
  sensor {{.Text}} NOT NULL,
  epoch  {{.Text}} NOT NULL,
  seq    {{.Int}} NOT NULL,
  part   {{.Int}} NOT NULL,
  at     {{.Time}} NOT NULL,
  PRIMARY KEY (sensor, epoch, seq, part)
) {{.NoRow}};

-- Captures that people gave us. The file lies in the data folder under its SHA-256.
CREATE TABLE network_capture (
  capture_id    {{.Text}} PRIMARY KEY,
  site_no       {{.Int}} NOT NULL,
  realm_no      {{.Int}} NOT NULL,
  name          {{.Text}} NOT NULL,
  sha256        {{.Text}} NOT NULL,
  state         {{.Text}} NOT NULL,          -- queued, reading, done, cancelled, failed
  bytes         {{.Int}} NOT NULL,
  read_bytes    {{.Int}} NOT NULL DEFAULT 0,
  packets       {{.Int}} NOT NULL DEFAULT 0,
  error         {{.Text}} NOT NULL DEFAULT '',
  first_at      {{.Time}},
  last_at       {{.Time}},
  added_assets  {{.Int}} NOT NULL DEFAULT 0,
  added_facts   {{.Int}} NOT NULL DEFAULT 0,
  added_convs   {{.Int}} NOT NULL DEFAULT 0,
  uploaded_by   {{.Text}} NOT NULL,
  uploaded_at   {{.Time}} NOT NULL,
  finished_at   {{.Time}},
  kept          {{.Bool}} NOT NULL           -- the file is still there
) {{.Strict}};
CREATE INDEX network_capture_sha ON network_capture (site_no, sha256);
CREATE INDEX network_capture_at ON network_capture (uploaded_at, capture_id);
