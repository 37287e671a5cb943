-- +goose Up
-- How fast devices are asked and answer, an hour each; of live sensors only. hour counts from 1970. Times in µs.
CREATE TABLE performance_function (
  site_no    {{.Int}} NOT NULL,
  hour       {{.Int}} NOT NULL,
  realm_no   {{.Int}} NOT NULL,
  server     {{.Text}} NOT NULL,        -- IP, or MAC where there is none
  protocol   {{.Text}} NOT NULL,
  name       {{.Text}} NOT NULL,        -- of the function
  messages   {{.Int}} NOT NULL,
  refused    {{.Int}} NOT NULL,         -- exceptions
  asked_n    {{.Int}} NOT NULL,
  asked_sum  {{.Int}} NOT NULL,
  asked_sq   {{.Float}} NOT NULL,
  asked_most {{.Int}} NOT NULL,
  told_n     {{.Int}} NOT NULL,
  told_sum   {{.Int}} NOT NULL,
  told_sq    {{.Float}} NOT NULL,
  told_most  {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, hour, realm_no, server, protocol, name)
) {{.NoRow}};

CREATE TABLE performance_device (
  site_no  {{.Int}} NOT NULL,
  hour     {{.Int}} NOT NULL,
  realm_no {{.Int}} NOT NULL,
  server   {{.Text}} NOT NULL,
  packets  {{.Int}} NOT NULL,
  again    {{.Int}} NOT NULL,           -- TCP segments that came again
  resets   {{.Int}} NOT NULL,
  lost     {{.Int}} NOT NULL,           -- bytes of streams that were never seen
  PRIMARY KEY (site_no, hour, realm_no, server)
) {{.NoRow}};

CREATE TABLE performance_wire (
  site_no   {{.Int}} NOT NULL,
  hour      {{.Int}} NOT NULL,
  source_id {{.Text}} NOT NULL,
  packets   {{.Int}} NOT NULL,
  bytes     {{.Int}} NOT NULL,
  everybody {{.Int}} NOT NULL,          -- packets to broadcast and multicast addresses
  peak      {{.Int}} NOT NULL,          -- bytes a second in the busiest interval
  skew      {{.Int}} NOT NULL,          -- µs the sensor's clock is ahead of ours, the newest
  PRIMARY KEY (site_no, hour, source_id)
) {{.NoRow}};

-- Summaries that were counted, so that none counts twice.
CREATE TABLE performance_applied (
  sensor {{.Text}} NOT NULL,
  epoch  {{.Text}} NOT NULL,
  seq    {{.Int}} NOT NULL,
  at     {{.Time}} NOT NULL,
  PRIMARY KEY (sensor, epoch, seq)
) {{.NoRow}};
