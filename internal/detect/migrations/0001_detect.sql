-- +goose Up
-- Alerts as alarms, and what people decided about rules. Times are µs UTC.

CREATE TABLE detect_alert (
  alert_id      {{.Text}} PRIMARY KEY,
  site_no       {{.Int}} NOT NULL,
  zone_no       {{.Int}} NOT NULL,               -- of what was acted upon; 0: none known
  realm_no      {{.Int}} NOT NULL,
  rule          {{.Text}} NOT NULL,
  alert_key     {{.Text}} NOT NULL,              -- rule and group values; a closed alert adds its own id, which frees the key
  group_id      {{.Text}} NOT NULL,              -- the first alert of the same cause
  cause         {{.Text}} NOT NULL DEFAULT '',
  state         {{.Text}} NOT NULL,              -- new, acknowledged, returned, shelved, closed
  severity      {{.Text}} NOT NULL,
  rank          {{.Int}} NOT NULL,               -- of the severity, 1 is the most urgent: to order by
  first_at      {{.Int}} NOT NULL,               -- seen
  last_at       {{.Int}} NOT NULL,
  count         {{.Int}} NOT NULL,
  armed         {{.Int}} NOT NULL,               -- how often it called: 1, and once more each time it came back
  raised_at     {{.Int}} NOT NULL,               -- received: when it called last
  heard_at      {{.Int}} NOT NULL,               -- received: when the last hit arrived
  live          {{.Bool}} NOT NULL,
  client_mac    {{.Text}} NOT NULL,
  client_ip     {{.Text}} NOT NULL,
  server_mac    {{.Text}} NOT NULL,
  server_ip     {{.Text}} NOT NULL,
  client_asset  {{.Text}} NOT NULL DEFAULT '',   -- whose the address was when it called
  server_asset  {{.Text}} NOT NULL DEFAULT '',
  transport     {{.Text}} NOT NULL,
  port          {{.Int}} NOT NULL,
  protocol      {{.Text}} NOT NULL,
  conv_no       {{.Int}} NOT NULL,
  facts         {{.Text}} NOT NULL,              -- JSON [{name, value}]
  packets       {{.Text}} NOT NULL,              -- JSON [packet reference], the first and the last few
  proof         {{.Blob}},
  owner_id      {{.Text}} NOT NULL DEFAULT '',
  deputy_id     {{.Text}} NOT NULL DEFAULT '',
  acked_at      {{.Time}},
  acked_by      {{.Text}} NOT NULL DEFAULT '',
  shelved_until {{.Time}},
  reason        {{.Text}} NOT NULL DEFAULT '',   -- of shelving or closing
  closed_at     {{.Time}},
  closed_by     {{.Text}} NOT NULL DEFAULT '',
  outcome       {{.Text}} NOT NULL DEFAULT '',   -- of closing: planned, false_alarm, handled, incident, returned
  change_id     {{.Text}} NOT NULL DEFAULT '',   -- the record that explains it
  version       {{.Int}} NOT NULL
) {{.Strict}};
CREATE UNIQUE INDEX detect_alert_key ON detect_alert (site_no, alert_key);
CREATE INDEX detect_alert_group ON detect_alert (site_no, group_id);
CREATE INDEX detect_alert_raised ON detect_alert (site_no, raised_at);
CREATE INDEX detect_alert_state ON detect_alert (state, heard_at);
CREATE INDEX detect_alert_client ON detect_alert (site_no, client_ip, heard_at);

-- What happened to an alert, and what people said.
CREATE TABLE detect_step (
  alert_id {{.Text}} NOT NULL,
  step_no  {{.Int}} NOT NULL,
  at       {{.Int}} NOT NULL,
  kind     {{.Text}} NOT NULL,                   -- raised, again, acknowledged, returned, shelved, unshelved, closed, comment, owner, explained
  by_id    {{.Text}} NOT NULL DEFAULT '',
  by_name  {{.Text}} NOT NULL DEFAULT '',
  text     {{.Text}} NOT NULL DEFAULT '',
  PRIMARY KEY (alert_id, step_no)
) {{.NoRow}};

-- How noisy a rule is: hits and calls an hour.
CREATE TABLE detect_hour (
  site_no {{.Int}} NOT NULL,
  month   {{.Int}} NOT NULL,
  hour    {{.Int}} NOT NULL,
  rule    {{.Text}} NOT NULL,
  hits    {{.Int}} NOT NULL,
  calls   {{.Int}} NOT NULL,
  silent  {{.Int}} NOT NULL,                     -- hits that a planned window, a setting or a shelf kept quiet
  PRIMARY KEY (site_no, month, hour, rule)
) {{.NoRow}};

-- Which parts of summaries were judged.
CREATE TABLE detect_applied (
  sensor {{.Text}} NOT NULL,
  epoch  {{.Text}} NOT NULL,
  seq    {{.Int}} NOT NULL,
  at     {{.Int}} NOT NULL,
  PRIMARY KEY (sensor, epoch, seq)
) {{.NoRow}};

-- What rules have seen before: who writes to whom, what a device said of itself.
CREATE TABLE detect_known (
  site_no {{.Int}} NOT NULL,
  name    {{.Text}} NOT NULL,                    -- what kind of knowledge, and about whom
  value   {{.Text}} NOT NULL,
  at      {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, name)
) {{.NoRow}};
