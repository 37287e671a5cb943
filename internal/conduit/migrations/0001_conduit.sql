-- +goose Up
-- What may pass between two zones. zone_no 0: hosts in none; -1: the internet.
CREATE TABLE conduit_policy (
  policy_id    {{.Text}} PRIMARY KEY,
  site_no      {{.Int}} NOT NULL,
  from_zone_no {{.Int}} NOT NULL,          -- of the client
  to_zone_no   {{.Int}} NOT NULL,
  either       {{.Bool}} NOT NULL,         -- either side may begin
  transport    {{.Text}} NOT NULL,         -- '': any
  port         {{.Int}} NOT NULL,          -- 0: any
  protocol     {{.Text}} NOT NULL,         -- as recognised by content; '': any
  classes      {{.Int}} NOT NULL,          -- ot.Class bits; 0: any
  beyond       {{.Int}} NOT NULL,          -- the classes that it does not allow; 0 where classes is 0
  allow        {{.Bool}} NOT NULL,         -- false: denied, which counts before what is allowed
  reason       {{.Text}} NOT NULL,
  owner        {{.Text}} NOT NULL,
  until_at     {{.Time}},                  -- NULL: no end
  decided_by   {{.Text}} NOT NULL,
  decided_at   {{.Time}} NOT NULL,
  retired_at   {{.Time}},                  -- stays, so that history can be read
  version      {{.Int}} NOT NULL
) {{.Strict}};
CREATE INDEX conduit_policy_site ON conduit_policy (site_no, from_zone_no, to_zone_no);

-- Conversations against the policy that were raised, so that each is raised once an hour at most.
CREATE TABLE conduit_told (
  site_no {{.Int}} NOT NULL,
  talk    {{.Int}} NOT NULL,               -- hash of ends, transport, port and protocol
  told_at {{.Time}} NOT NULL,
  PRIMARY KEY (site_no, talk)
) {{.NoRow}};
