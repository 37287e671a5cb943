-- +goose Up
-- What is normal: one baseline a zone and plant state. Times are µs UTC of packets, but where they say otherwise.

-- A zone (0: hosts in none) learns from the first packet; a person makes it protect.
CREATE TABLE baseline_phase (
  site_no  {{.Int}} NOT NULL,
  zone_no  {{.Int}} NOT NULL,
  state    {{.Text}} NOT NULL,          -- production, turnaround, commissioning, cleaning, standstill
  phase    {{.Text}} NOT NULL,          -- learning, protecting, commissioning
  since_at {{.Time}} NOT NULL,          -- centre's clock
  until_at {{.Time}},                   -- commissioning: when it protects again; else NULL
  by_name  {{.Text}} NOT NULL,
  reason   {{.Text}} NOT NULL,
  version  {{.Int}} NOT NULL DEFAULT 1,
  PRIMARY KEY (site_no, zone_no, state)
) {{.NoRow}};

-- talk is a hash of realm, ends, transport, port and protocol, whichever side asks: no counter, and the same again is the same row.
CREATE TABLE baseline_talk (
  site_no        {{.Int}} NOT NULL,
  state          {{.Text}} NOT NULL,
  talk           {{.Int}} NOT NULL,
  pattern        {{.Int}} NOT NULL,     -- hash of what a group has in common
  zone_no        {{.Int}} NOT NULL,     -- whose baseline: the server's zone, else the client's
  realm_no       {{.Int}} NOT NULL,
  client         {{.Text}} NOT NULL,    -- IP, or MAC where there is none
  server         {{.Text}} NOT NULL,
  transport      {{.Text}} NOT NULL,
  port           {{.Int}} NOT NULL,
  protocol       {{.Text}} NOT NULL,
  client_zone_no {{.Int}} NOT NULL,     -- 0: none, -1: the internet
  server_zone_no {{.Int}} NOT NULL,
  client_role    {{.Text}} NOT NULL,
  server_role    {{.Text}} NOT NULL,
  classes        {{.Int}} NOT NULL,
  verdict        {{.Text}} NOT NULL,    -- learned, new, approved, denied, expired
  first_at       {{.Time}} NOT NULL,
  last_at        {{.Time}} NOT NULL,
  hours          {{.Int}} NOT NULL,     -- bit 0 to 23: hours of working days, 24 to 47: of weekends; site's clock
  heard          {{.Int}} NOT NULL,     -- hours in which it was heard
  hour           {{.Int}} NOT NULL,     -- the newest of them, since 1970
  rate           {{.Int}} NOT NULL,     -- most packets in a minute
  until_at       {{.Time}},             -- approved: until then; learned or new: expires then
  told_at        {{.Time}},             -- when it was last raised
  silent_at      {{.Time}},             -- since when it is silent, if that was raised
  source_id      {{.Text}} NOT NULL,    -- of the first packet
  packet         {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, state, talk)
) {{.NoRow}};
CREATE INDEX baseline_talk_pattern ON baseline_talk (site_no, pattern);

CREATE TABLE baseline_function (
  site_no  {{.Int}} NOT NULL,
  state    {{.Text}} NOT NULL,
  talk     {{.Int}} NOT NULL,
  fn       {{.Int}} NOT NULL,           -- hash of the next eight
  protocol {{.Text}} NOT NULL,
  kind     {{.Text}} NOT NULL,
  code     {{.Int}} NOT NULL,
  text     {{.Text}} NOT NULL,
  class    {{.Text}} NOT NULL,
  unit     {{.Int}} NOT NULL,
  space    {{.Int}} NOT NULL,
  area     {{.Int}} NOT NULL,
  name     {{.Text}} NOT NULL,
  lo       {{.Int}} NOT NULL,           -- elements touched, hi exclusive; hi 0: none
  hi       {{.Int}} NOT NULL,
  verdict  {{.Text}} NOT NULL,
  first_at {{.Time}} NOT NULL,
  last_at  {{.Time}} NOT NULL,
  PRIMARY KEY (site_no, state, talk, fn)
) {{.NoRow}};

-- What was out of the baseline, and what people decided: the steps of drift.
CREATE TABLE baseline_log (
  log_id  {{.Text}} PRIMARY KEY,
  site_no {{.Int}} NOT NULL,
  zone_no {{.Int}} NOT NULL,
  state   {{.Text}} NOT NULL,
  talk    {{.Int}} NOT NULL,
  fn      {{.Int}} NOT NULL DEFAULT 0,
  at      {{.Time}} NOT NULL,
  what    {{.Text}} NOT NULL,           -- new-device, new-conversation, new-function, out-of-range, rate, time, silence, returned, denied; approved, denied, expired
  was     {{.Text}} NOT NULL DEFAULT '',
  now     {{.Text}} NOT NULL DEFAULT '',
  by_name {{.Text}} NOT NULL DEFAULT '' -- empty: the traffic
) {{.Strict}};
CREATE INDEX baseline_log_at ON baseline_log (site_no, at);

-- Every address that the baseline ever held, so that a new one is known in one look.
CREATE TABLE baseline_address (
  site_no {{.Int}} NOT NULL,
  address {{.Text}} NOT NULL,
  PRIMARY KEY (site_no, address)
) {{.NoRow}};

-- Until when live packets of a zone were heard, and in which state the plant was; since when it is in that state.
CREATE TABLE baseline_listened (
  site_no  {{.Int}} NOT NULL,
  zone_no  {{.Int}} NOT NULL,
  state    {{.Text}} NOT NULL,
  since_at {{.Time}} NOT NULL,
  last_at  {{.Time}} NOT NULL,
  PRIMARY KEY (site_no, zone_no)
) {{.NoRow}};
