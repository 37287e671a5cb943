-- +goose Up
-- The boxes at the sites, as their centre knows them. Times are µs UTC.

CREATE TABLE edge_edge (
  edge_id        {{.Text}} NOT NULL PRIMARY KEY,
  name           {{.Text}} NOT NULL,
  state          {{.Text}} NOT NULL,              -- active, quarantined, revoked
  why            {{.Text}} NOT NULL DEFAULT '',   -- of the state
  in_process     {{.Bool}} NOT NULL,              -- runs inside this server
  source         {{.Text}} NOT NULL,              -- its sources are called source-interface-site
  capabilities   {{.JSON}} NOT NULL,
  key_hash       {{.Text}} NOT NULL DEFAULT '',   -- SHA-256 of its public key
  public_key     {{.Blob}},                       -- NULL: inside this server
  cert_until     {{.Time}},
  enrolled_at    {{.Time}} NOT NULL,
  enrolled_by    {{.Text}} NOT NULL,
  epoch          {{.Text}} NOT NULL DEFAULT '',   -- of its outbox, as it said last
  boot_no        {{.Int}} NOT NULL DEFAULT 0,
  boot           {{.Text}} NOT NULL DEFAULT '',
  heard_at       {{.Time}},                       -- last hello or batch
  via            {{.Text}} NOT NULL DEFAULT '',   -- tls, process, diode, stick: how it was heard last
  skew           {{.Int}},                        -- µs its clock is ahead of ours; NULL: not known
  health         {{.JSON}} NOT NULL,
  config_version {{.Int}} NOT NULL DEFAULT 0,     -- wanted
  config_applied {{.Int}} NOT NULL DEFAULT 0,
  config_error   {{.Text}} NOT NULL DEFAULT '',
  config_at      {{.Time}},                       -- when it said so
  witness        {{.Int}} NOT NULL DEFAULT 0,     -- size of our audit log that it has seen
  told           {{.JSON}} NOT NULL,              -- what the inbox was told: silent, skew, …
  file_no        {{.Int}} NOT NULL DEFAULT 0      -- last reply file
) {{.Strict}};
CREATE INDEX edge_edge_key ON edge_edge (key_hash);

CREATE TABLE edge_site (
  edge_id {{.Text}} NOT NULL,
  site_no {{.Int}} NOT NULL,                      -- it may speak of this site
  PRIMARY KEY (edge_id, site_no)
) {{.NoRow}};

CREATE TABLE edge_token (
  token_id     {{.Text}} NOT NULL PRIMARY KEY,
  key_hash     {{.Text}} NOT NULL UNIQUE,         -- of the key that its secret makes; the secret is nowhere
  name         {{.Text}} NOT NULL,                -- of the edge to be
  capabilities {{.JSON}} NOT NULL,
  made_at      {{.Time}} NOT NULL,
  made_by      {{.Text}} NOT NULL,
  expires_at   {{.Time}} NOT NULL,
  withdrawn_at {{.Time}},
  used_at      {{.Time}},
  used_from    {{.Text}} NOT NULL DEFAULT '',
  edge_id      {{.Text}} NOT NULL DEFAULT '',     -- what it became
  again        {{.Int}} NOT NULL DEFAULT 0        -- how often it was tried after that
) {{.Strict}};

CREATE TABLE edge_token_site (
  token_id {{.Text}} NOT NULL,
  site_no  {{.Int}} NOT NULL,
  PRIMARY KEY (token_id, site_no)
) {{.NoRow}};

CREATE TABLE edge_config (
  edge_id {{.Text}} NOT NULL,
  version {{.Int}} NOT NULL,
  data    {{.JSON}} NOT NULL,
  made_at {{.Time}} NOT NULL,
  made_by {{.Text}} NOT NULL,
  PRIMARY KEY (edge_id, version)
) {{.Strict}};

-- What an edge's sources speak of. A source keeps its row when it is configured away: batches may be on their way.
CREATE TABLE edge_sensor (
  sensor   {{.Text}} NOT NULL PRIMARY KEY,        -- network_source.source_id
  edge_id  {{.Text}} NOT NULL,
  iface    {{.Text}} NOT NULL,
  site_no  {{.Int}} NOT NULL,
  realm_no {{.Int}} NOT NULL,
  realms   {{.JSON}} NOT NULL,                    -- realm numbers by the names that summaries use
  name     {{.Text}} NOT NULL,
  wanted   {{.Bool}} NOT NULL                     -- in the newest configuration
) {{.Strict}};
CREATE INDEX edge_sensor_edge ON edge_sensor (edge_id);

CREATE TABLE edge_stream (
  edge_id  {{.Text}} NOT NULL,
  epoch    {{.Text}} NOT NULL,
  received {{.Int}} NOT NULL,                     -- all up to this one are here, or known to be lost
  head     {{.Blob}} NOT NULL,                    -- link of that one
  applied  {{.Int}} NOT NULL,
  lost     {{.Int}} NOT NULL DEFAULT 0,           -- batches that never came and never will
  PRIMARY KEY (edge_id, epoch)
) {{.Strict}};

CREATE TABLE edge_batch (
  edge_id     {{.Text}} NOT NULL,
  epoch       {{.Text}} NOT NULL,
  seq         {{.Int}} NOT NULL,
  made        {{.Time}} NOT NULL,                 -- by the edge's clock
  received_at {{.Time}} NOT NULL,
  skew        {{.Int}},
  via         {{.Text}} NOT NULL,
  kind        {{.Text}} NOT NULL,
  state       {{.Int}} NOT NULL,                  -- 0 whole, 1 cut, 2 dropped, by the edge
  prev        {{.Blob}} NOT NULL,
  link        {{.Blob}} NOT NULL,
  digest      {{.Blob}} NOT NULL,
  raw         {{.Int}} NOT NULL,
  body        {{.Blob}},                          -- NULL once it is applied
  done        {{.Bool}} NOT NULL,
  error       {{.Text}} NOT NULL DEFAULT '',      -- why it was refused; the body stays
  PRIMARY KEY (edge_id, epoch, seq)
) {{.Strict}};
CREATE INDEX edge_batch_done ON edge_batch (received_at) WHERE done;
CREATE INDEX edge_batch_digest ON edge_batch (edge_id, digest);
CREATE INDEX edge_batch_waiting ON edge_batch (edge_id, epoch, seq) WHERE NOT done;
CREATE INDEX edge_batch_error ON edge_batch (edge_id) WHERE error <> '';

CREATE TABLE edge_import (
  import_id {{.Text}} NOT NULL PRIMARY KEY,
  at        {{.Time}} NOT NULL,
  via       {{.Text}} NOT NULL,                   -- diode, stick
  file      {{.Text}} NOT NULL,
  bytes     {{.Int}} NOT NULL,
  edge_id   {{.Text}} NOT NULL,                   -- '': not known
  batches   {{.Int}} NOT NULL,
  fresh     {{.Int}} NOT NULL,                    -- of them not known before
  from_seq  {{.Int}} NOT NULL,
  to_seq    {{.Int}} NOT NULL,
  error     {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX edge_import_edge ON edge_import (edge_id, import_id);
