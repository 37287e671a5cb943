-- +goose Up
-- Since when this installation has which rules, and what each shows.
CREATE TABLE detect_ruleset (
  version {{.Text}} PRIMARY KEY,                 -- as sources name it
  at      {{.Int}} NOT NULL                      -- µs: first run here
) {{.Strict}};

CREATE TABLE detect_rule (
  rule      {{.Text}} PRIMARY KEY,
  technique {{.Text}} NOT NULL                   -- MITRE ATT&CK for ICS; '': none
) {{.Strict}};
