-- +goose Up
-- What is asked, declared, measured and judged. Times are µs UTC. site_no 0 is the whole entity.

CREATE TABLE comply_declaration (
  declaration_id {{.Text}} PRIMARY KEY,
  requirement    {{.Text}} NOT NULL,
  record         {{.Text}} NOT NULL,
  entity_id      {{.Text}} NOT NULL,
  site_no        {{.Int}} NOT NULL,               -- 0: for every site of the entity
  statement      {{.Text}} NOT NULL,
  attested_by    {{.Text}} NOT NULL,              -- who says so
  declared_by    {{.Text}} NOT NULL,              -- user id of who wrote it down
  declared_at    {{.Time}} NOT NULL,
  valid_until    {{.Time}} NOT NULL,
  withdrawn_at   {{.Time}},
  withdrawn_by   {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX comply_declaration_of ON comply_declaration (requirement, entity_id, site_no);

-- Listening, folded once a run so that checks need not add up hours: share of the last so many hours.
CREATE TABLE comply_heard (
  site_no {{.Int}} NOT NULL,
  zone_no {{.Int}} NOT NULL,
  hours   {{.Int}} NOT NULL,
  seconds {{.Int}} NOT NULL,
  share   {{.Float}} NOT NULL,
  percent {{.Int}} NOT NULL,
  PRIMARY KEY (hours, site_no, zone_no)
) {{.NoRow}};

CREATE TABLE comply_uptime (
  source_id {{.Text}} PRIMARY KEY,
  site_no   {{.Int}} NOT NULL,
  hours     {{.Int}} NOT NULL,                    -- due
  share     {{.Float}} NOT NULL,
  percent   {{.Int}} NOT NULL
) {{.Strict}};

-- The present answer of each check at each site.
CREATE TABLE comply_answer (
  site_no      {{.Int}} NOT NULL,
  check_id     {{.Text}} NOT NULL,
  status       {{.Text}} NOT NULL,
  value        {{.Float}},
  population   {{.Int}} NOT NULL,
  judged       {{.Int}} NOT NULL,
  passed       {{.Int}} NOT NULL,
  failed       {{.Int}} NOT NULL,
  unknown      {{.Int}} NOT NULL,
  excepted     {{.Int}} NOT NULL,
  observed     {{.Float}},
  collected_at {{.Time}},
  reason       {{.Text}} NOT NULL,
  items_hash   {{.Text}} NOT NULL,
  at           {{.Time}} NOT NULL,                -- judged
  evidence_at  {{.Time}} NOT NULL,                -- of the newest evidence
  PRIMARY KEY (site_no, check_id)
) {{.Strict}};

-- Answers as they were: on change, and once a day. month is year*12+month-1.
CREATE TABLE comply_evidence (
  site_no      {{.Int}} NOT NULL,
  month        {{.Int}} NOT NULL,
  check_id     {{.Text}} NOT NULL,
  at           {{.Time}} NOT NULL,
  site_id      {{.Text}} NOT NULL,
  cause        {{.Text}} NOT NULL,                -- change, heartbeat
  status       {{.Text}} NOT NULL,
  value        {{.Float}},
  population   {{.Int}} NOT NULL,
  judged       {{.Int}} NOT NULL,
  passed       {{.Int}} NOT NULL,
  failed       {{.Int}} NOT NULL,
  unknown      {{.Int}} NOT NULL,
  excepted     {{.Int}} NOT NULL,
  observed     {{.Float}},
  collected_at {{.Time}},
  window_from  {{.Time}} NOT NULL,
  reason       {{.Text}} NOT NULL,
  items_hash   {{.Text}} NOT NULL,                -- '' : none failed
  run_id       {{.Text}} NOT NULL,
  position     {{.Int}} NOT NULL,                 -- of its leaf under the run's root
  hash         {{.Text}} NOT NULL,                -- hex SHA-256 of the leaf
  PRIMARY KEY (site_no, month, check_id, at)
) {{.Strict}};
CREATE INDEX comply_evidence_run ON comply_evidence (run_id, position);

-- A set of failing items, stored once however often it is the answer.
CREATE TABLE comply_items (
  hash  {{.Text}} PRIMARY KEY,                    -- hex SHA-256 of the sorted lines
  count {{.Int}} NOT NULL,
  body  {{.Blob}} NOT NULL                        -- zstd of the lines "kind<TAB>id"
) {{.Strict}};

CREATE TABLE comply_run (
  run_id    {{.Text}} PRIMARY KEY,
  at        {{.Time}} NOT NULL,
  root      {{.Text}} NOT NULL,                   -- hex; the same stands in the audit log
  count     {{.Int}} NOT NULL,
  engine    {{.Text}} NOT NULL,
  catalogue {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX comply_run_at ON comply_run (at, run_id);

-- The present level of each requirement at each site, and of entity requirements at site_no 0.
CREATE TABLE comply_level (
  entity_id   {{.Text}} NOT NULL,
  site_no     {{.Int}} NOT NULL,
  requirement {{.Text}} NOT NULL,
  level       {{.Int}} NOT NULL,
  state       {{.Text}} NOT NULL,
  target      {{.Int}} NOT NULL,
  c           {{.Float}} NOT NULL,
  e           {{.Float}} NOT NULL,
  f           {{.Float}} NOT NULL,
  d           {{.Float}} NOT NULL,
  measured    {{.Bool}} NOT NULL,
  text        {{.JSON}} NOT NULL,                 -- why, lift, caps
  standing    {{.JSON}} NOT NULL,                 -- since when the gates hold
  at          {{.Time}} NOT NULL,
  since       {{.Time}} NOT NULL,                 -- the level is this
  PRIMARY KEY (entity_id, site_no, requirement)
) {{.Strict}};

-- One row a site and day: all its levels, so that history can be explained again.
CREATE TABLE comply_level_day (
  entity_id {{.Text}} NOT NULL,
  site_no   {{.Int}} NOT NULL,
  day       {{.Int}} NOT NULL,                    -- days since 1970, UTC
  brief     {{.Text}} NOT NULL,                   -- level, state and target of each requirement, see history.go
  body      {{.Blob}} NOT NULL,                   -- zstd of the levels as JSON
  engine    {{.Text}} NOT NULL,
  catalogue {{.Text}} NOT NULL,
  at        {{.Time}} NOT NULL,
  PRIMARY KEY (site_no, day, entity_id)
) {{.Strict}};
CREATE INDEX comply_level_day_day ON comply_level_day (day, site_no);

-- "Declared X, measured Y". Opened and closed by runs.
CREATE TABLE comply_finding (
  finding_id  {{.Text}} PRIMARY KEY,
  entity_id   {{.Text}} NOT NULL,
  site_no     {{.Int}} NOT NULL,
  requirement {{.Text}} NOT NULL,
  check_id    {{.Text}} NOT NULL,
  sentence    {{.Text}} NOT NULL,
  opened_at   {{.Time}} NOT NULL,
  closed_at   {{.Time}}
) {{.Strict}};
CREATE INDEX comply_finding_of ON comply_finding (requirement, site_no);
