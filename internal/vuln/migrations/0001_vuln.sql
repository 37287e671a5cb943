-- +goose Up
-- Advisories and what they mean for this plant. Times are µs UTC.

-- What is taken in from outside, and when that last worked.
CREATE TABLE vuln_source (
  source_id  {{.Text}} PRIMARY KEY,
  kind       {{.Text}} NOT NULL,              -- csaf, kev, epss, ssvc, nvd, bundle
  name       {{.Text}} NOT NULL,
  url        {{.Text}} NOT NULL DEFAULT '',   -- '': given by hand
  fetched_at {{.Time}},                       -- last success
  tried_at   {{.Time}},
  verified   {{.Text}} NOT NULL DEFAULT '',   -- how the newest content was verified: signature, hash, hand; '' not at all
  hash       {{.Text}} NOT NULL DEFAULT '',   -- of the content
  as_of      {{.Time}},                       -- what the content says of its own age
  documents  {{.Int}} NOT NULL DEFAULT 0,
  refused    {{.Int}} NOT NULL DEFAULT 0,
  problem    {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};

CREATE TABLE vuln_advisory (
  advisory_id {{.Text}} PRIMARY KEY,
  seq         {{.Int}} NOT NULL,              -- grows with each change of content
  publisher   {{.Text}} NOT NULL,
  title       {{.Text}} NOT NULL,
  url         {{.Text}} NOT NULL,
  revision    {{.Text}} NOT NULL,
  released_at {{.Time}},
  revised_at  {{.Time}},
  taken_at    {{.Time}} NOT NULL,
  changed_at  {{.Time}} NOT NULL,             -- when its content last became another here
  silent      {{.Bool}} NOT NULL,             -- changed without a new revision of its own
  hash        {{.Text}} NOT NULL,             -- SHA-256 of the document
  score       {{.Float}} NOT NULL,            -- highest CVSS of its vulnerabilities
  cves        {{.Int}} NOT NULL,
  products    {{.Int}} NOT NULL,
  source_id   {{.Text}} NOT NULL,
  doc         {{.Blob}} NOT NULL              -- csaf.Advisory, JSON, gzip
) {{.Strict}};
CREATE INDEX vuln_advisory_seq ON vuln_advisory (seq);
CREATE INDEX vuln_advisory_released ON vuln_advisory (released_at, advisory_id);

-- What is known of a vulnerability beside the advisories.
CREATE TABLE vuln_cve (
  cve          {{.Text}} PRIMARY KEY,
  kev_at       {{.Time}},                     -- listed as exploited since
  ransomware   {{.Bool}} NOT NULL,
  exploitation {{.Text}} NOT NULL DEFAULT '', -- none, poc, active; '' nobody said
  automatable  {{.Text}} NOT NULL DEFAULT '', -- yes, no
  epss         {{.Float}} NOT NULL DEFAULT 0,
  percentile   {{.Float}} NOT NULL DEFAULT 0,
  score        {{.Float}} NOT NULL DEFAULT 0, -- secondary, where the advisory has none
  vector       {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};

-- One advisory and one asset, or a part of it.
CREATE TABLE vuln_finding (
  finding_id  {{.Text}} PRIMARY KEY,
  site_no     {{.Int}} NOT NULL,
  zone_no     {{.Int}} NOT NULL,
  asset_id    {{.Text}} NOT NULL,
  part        {{.Text}} NOT NULL,              -- '' the asset itself; a module
  advisory_id {{.Text}} NOT NULL,
  asset_name  {{.Text}} NOT NULL,
  product     {{.Text}} NOT NULL,              -- what was matched: maker, order code or model
  matched     {{.Text}} NOT NULL,              -- with which version
  verdict     {{.Text}} NOT NULL,              -- affected, unknown, not_affected
  confidence  {{.Text}} NOT NULL,
  missing     {{.Text}} NOT NULL,
  quote       {{.Text}} NOT NULL,
  fix         {{.Text}} NOT NULL,
  fix_quote   {{.Text}} NOT NULL,
  cves        {{.JSON}} NOT NULL,              -- affected or undecided ones
  decision    {{.Text}} NOT NULL,              -- now, next, never
  urgency     {{.Text}} NOT NULL,              -- immediate, out-of-cycle, scheduled, defer
  inputs      {{.JSON}} NOT NULL,              -- what the decision was made from
  score       {{.Float}} NOT NULL,
  epss        {{.Float}} NOT NULL,
  kev         {{.Bool}} NOT NULL,
  criticality {{.Int}} NOT NULL,
  state       {{.Text}} NOT NULL,              -- open, planned, reported, fixed, deferred, dismissed, gone
  reason      {{.Text}} NOT NULL DEFAULT '',
  decided_by  {{.Text}} NOT NULL DEFAULT '',
  decided_at  {{.Time}},
  decided_key {{.Text}} NOT NULL DEFAULT '',   -- what the decision was about: advisory, version, known exploitation
  window_id   {{.Text}} NOT NULL DEFAULT '',   -- maintenance window record
  exception_id {{.Text}} NOT NULL DEFAULT '',  -- exception record of a deferral
  assignee    {{.Text}} NOT NULL DEFAULT '',
  hours       {{.Float}} NOT NULL DEFAULT 0,
  until_at    {{.Time}},                       -- a deferral's end
  proof       {{.Text}} NOT NULL DEFAULT '',   -- what was seen that closed it
  first_at    {{.Time}} NOT NULL,
  changed_at  {{.Time}} NOT NULL,
  closed_at   {{.Time}},
  version     {{.Int}} NOT NULL DEFAULT 1,
  UNIQUE (asset_id, part, advisory_id)
) {{.Strict}};
CREATE INDEX vuln_finding_list ON vuln_finding (site_no, state, decision, finding_id);
CREATE INDEX vuln_finding_advisory ON vuln_finding (advisory_id, asset_id);

-- What was last matched of each asset.
CREATE TABLE vuln_asset (
  asset_id   {{.Text}} PRIMARY KEY,
  site_no    {{.Int}} NOT NULL,
  zone_no    {{.Int}} NOT NULL,
  hash       {{.Text}} NOT NULL,              -- of what was matched
  seq        {{.Int}} NOT NULL,               -- advisories up to this one
  facts      {{.Int}} NOT NULL,               -- generation of what is known of vulnerabilities
  matched_at {{.Time}} NOT NULL,
  known      {{.Bool}} NOT NULL,              -- something names the product
  affected   {{.Int}} NOT NULL,
  undecided  {{.Int}} NOT NULL
) {{.Strict}};

-- What a person did with a finding.
CREATE TABLE vuln_step (
  step_id    {{.Text}} PRIMARY KEY,
  finding_id {{.Text}} NOT NULL,
  at         {{.Time}} NOT NULL,
  action     {{.Text}} NOT NULL,
  by_name    {{.Text}} NOT NULL,              -- '': Skanse itself
  reason     {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX vuln_step_finding ON vuln_step (finding_id, step_id);

-- Notices of authorities and suppliers that are no advisory: read by a person.
CREATE TABLE vuln_bulletin (
  bulletin_id {{.Text}} PRIMARY KEY,
  title       {{.Text}} NOT NULL,
  text        {{.Text}} NOT NULL,
  origin      {{.Text}} NOT NULL,              -- who said it
  url         {{.Text}} NOT NULL,
  hash        {{.Text}} NOT NULL UNIQUE,
  received_at {{.Time}} NOT NULL,
  state       {{.Text}} NOT NULL,              -- new, tied, dismissed
  scenario    {{.Text}} NOT NULL DEFAULT '',
  reason      {{.Text}} NOT NULL DEFAULT '',
  decided_by  {{.Text}} NOT NULL DEFAULT '',
  decided_at  {{.Time}},
  version     {{.Int}} NOT NULL DEFAULT 1
) {{.Strict}};

-- One number: the generation of vuln_cve.
CREATE TABLE vuln_state (
  name  {{.Text}} PRIMARY KEY,
  value {{.Int}} NOT NULL
) {{.Strict}};
