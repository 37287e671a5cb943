-- +goose Up
-- What people decided about rules and about who programs.

-- How a rule is meant at a site; site_no 0: everywhere.
CREATE TABLE detect_setting (
  site_no   {{.Int}} NOT NULL,
  rule      {{.Text}} NOT NULL,
  off       {{.Bool}} NOT NULL,
  severity  {{.Text}} NOT NULL DEFAULT '',       -- another one; '': the rule's
  threshold {{.Int}} NOT NULL DEFAULT 0,         -- hits within a day before it calls; 0 and 1: at once
  zones     {{.JSON}} NOT NULL,                  -- only in these zone_no; []: in all
  hosts     {{.JSON}} NOT NULL,                  -- not for these addresses
  reason    {{.Text}} NOT NULL DEFAULT '',
  by_id     {{.Text}} NOT NULL,
  by_name   {{.Text}} NOT NULL,
  at        {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, rule)
) {{.NoRow}};

-- Rules of the plant's own, as they were uploaded.
CREATE TABLE detect_file (
  name    {{.Text}} PRIMARY KEY,
  text    {{.Text}} NOT NULL,
  by_id   {{.Text}} NOT NULL,
  by_name {{.Text}} NOT NULL,
  at      {{.Int}} NOT NULL
) {{.Strict}};

-- Assets of which a person said that they program controllers.
CREATE TABLE detect_programming (
  asset_id {{.Text}} PRIMARY KEY,
  site_no  {{.Int}} NOT NULL,
  zone_no  {{.Int}} NOT NULL,
  reason   {{.Text}} NOT NULL,
  by_id    {{.Text}} NOT NULL,
  by_name  {{.Text}} NOT NULL,
  at       {{.Int}} NOT NULL
) {{.Strict}};

-- How many alerts a day a site wants to bear.
CREATE TABLE detect_budget (
  site_no {{.Int}} PRIMARY KEY,
  alerts  {{.Int}} NOT NULL
) {{.Strict}};

-- What the inventory called the two sides when the alert was raised.
ALTER TABLE detect_alert ADD COLUMN client_name {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE detect_alert ADD COLUMN client_role {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE detect_alert ADD COLUMN client_zone {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE detect_alert ADD COLUMN server_name {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE detect_alert ADD COLUMN server_role {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE detect_alert ADD COLUMN server_zone {{.Text}} NOT NULL DEFAULT '';
