-- +goose Up
-- What the plant consists of. Times are µs UTC. In ordered columns 0 means "never"; elsewhere NULL does.

CREATE TABLE asset_asset (
  asset_id           {{.Text}} PRIMARY KEY,
  site_no            {{.Int}} NOT NULL,
  zone_no            {{.Int}} NOT NULL DEFAULT 0,      -- 0: no zone yet
  name               {{.Text}} NOT NULL DEFAULT '',
  vendor             {{.Text}} NOT NULL DEFAULT '',
  model              {{.Text}} NOT NULL DEFAULT '',
  order_code         {{.Text}} NOT NULL DEFAULT '',
  firmware           {{.Text}} NOT NULL DEFAULT '',
  serial             {{.Text}} NOT NULL DEFAULT '',
  role               {{.Text}} NOT NULL DEFAULT 'unknown',
  level              {{.Text}} NOT NULL DEFAULT '',    -- Purdue: 0, 1, 2, 3, 3.5, 4, 5; '' unknown
  role_reason        {{.Text}} NOT NULL DEFAULT '',
  level_reason       {{.Text}} NOT NULL DEFAULT '',
  criticality        {{.Int}} NOT NULL DEFAULT 0,      -- 1..4, set by a person; 0: not set
  criticality_hint   {{.Int}} NOT NULL DEFAULT 0,      -- what we suggest
  criticality_reason {{.Text}} NOT NULL DEFAULT '',
  criticality_at     {{.Time}},                        -- when a person set or confirmed it
  owner              {{.Text}} NOT NULL DEFAULT '',
  state              {{.Text}} NOT NULL DEFAULT 'new', -- new, accepted, rejected, retired
  managed            {{.Bool}} NOT NULL,               -- false: outside the plant, or somebody else's
  expected           {{.Bool}} NOT NULL,               -- stands in a list that a person gave: the second denominator
  seen               {{.Bool}} NOT NULL,               -- heard on a wire at least once
  live               {{.Bool}} NOT NULL,               -- heard by a live sensor, not only in a capture
  first_at           {{.Time}} NOT NULL DEFAULT 0,     -- packet time
  last_at            {{.Time}} NOT NULL DEFAULT 0,
  last_live_at       {{.Time}},                        -- time of receipt from a live sensor
  end_of_sale        {{.Time}},
  end_of_support     {{.Time}},
  spare              {{.Text}} NOT NULL DEFAULT '',    -- '', 'held', 'none'
  conflicts          {{.Int}} NOT NULL DEFAULT 0,      -- fields with two values of equal trust
  modules            {{.Int}} NOT NULL DEFAULT 0,
  identified         {{.Bool}} NOT NULL,               -- vendor and (model or order code) are known from a protocol or a person
  ips                {{.JSON}} NOT NULL,               -- current addresses, for lists; asset_binding is the truth
  macs               {{.JSON}} NOT NULL,
  search             {{.Text}} NOT NULL DEFAULT '',    -- lower case: name, vendor, model, codes, addresses
  created_at         {{.Time}} NOT NULL,               -- when the centre made the asset
  decided_at         {{.Time}},                        -- accepted, rejected or retired
  version            {{.Int}} NOT NULL DEFAULT 1
) {{.Strict}};
CREATE INDEX asset_asset_site ON asset_asset (site_no, zone_no);
CREATE INDEX asset_asset_name ON asset_asset (name, asset_id);
CREATE INDEX asset_asset_last ON asset_asset (last_at, asset_id);
CREATE INDEX asset_asset_first ON asset_asset (first_at, asset_id);

-- An asset owns an address for a time. Rows with to_at NULL are current. Two
-- assets may hold one IP at once: an address conflict, which stays visible.
CREATE TABLE asset_binding (
  site_no  {{.Int}} NOT NULL,
  realm_no {{.Int}} NOT NULL,
  kind     {{.Text}} NOT NULL,   -- mac, ip
  address  {{.Text}} NOT NULL,
  asset_id {{.Text}} NOT NULL,
  from_at  {{.Time}} NOT NULL,
  to_at    {{.Time}},
  person   {{.Bool}} NOT NULL,   -- said by a person (a list, a hand-made asset), not heard
  PRIMARY KEY (site_no, realm_no, kind, address, asset_id, from_at)
) {{.Strict}};
CREATE INDEX asset_binding_asset ON asset_binding (asset_id);

-- What a sensor heard of one pairing of addresses. asset_id is the present answer to "whose".
CREATE TABLE asset_host (
  site_no   {{.Int}} NOT NULL,
  realm_no  {{.Int}} NOT NULL,
  mac       {{.Text}} NOT NULL,
  ip        {{.Text}} NOT NULL,
  asset_id  {{.Text}} NOT NULL DEFAULT '',
  vlan      {{.Int}} NOT NULL DEFAULT 0,
  first_at  {{.Time}} NOT NULL,
  last_at   {{.Time}} NOT NULL,
  packets   {{.Int}} NOT NULL DEFAULT 0,
  bytes     {{.Int}} NOT NULL DEFAULT 0,
  arp       {{.Bool}} NOT NULL,
  ttl_min   {{.Int}} NOT NULL DEFAULT 0,
  ttl_max   {{.Int}} NOT NULL DEFAULT 0,
  behind    {{.Bool}} NOT NULL,  -- the frame's MAC is a router's
  live      {{.Bool}} NOT NULL,
  source_id {{.Text}} NOT NULL,
  packet    {{.Int}} NOT NULL DEFAULT 0, -- first packet in that source
  traffic   {{.JSON}} NOT NULL,          -- what it serves and asks: bounded, see traffic.go
  PRIMARY KEY (site_no, realm_no, mac, ip)
) {{.Strict}};
CREATE INDEX asset_host_ip ON asset_host (site_no, realm_no, ip);
CREATE INDEX asset_host_asset ON asset_host (asset_id);

-- MACs that forward for others, so that one router does not pull its whole network into every step.
CREATE TABLE asset_router (
  site_no  {{.Int}} NOT NULL,
  realm_no {{.Int}} NOT NULL,
  mac      {{.Text}} NOT NULL,
  hosts    {{.Int}} NOT NULL,
  PRIMARY KEY (site_no, realm_no, mac)
) {{.NoRow}};

-- One statement of a device about itself, or of a peer about it. fact_id is
-- made from site, realm, mac, ip, module, attr and value.
CREATE TABLE asset_fact (
  fact_id       {{.Text}} PRIMARY KEY,
  asset_id      {{.Text}} NOT NULL DEFAULT '',
  site_no       {{.Int}} NOT NULL,
  realm_no      {{.Int}} NOT NULL,
  mac           {{.Text}} NOT NULL,
  ip            {{.Text}} NOT NULL,
  module        {{.Text}} NOT NULL,
  attr          {{.Text}} NOT NULL,
  value         {{.Text}} NOT NULL,
  protocol      {{.Text}} NOT NULL,
  said_by       {{.Text}} NOT NULL DEFAULT '',  -- address of the speaker where it is another host
  first_at      {{.Time}} NOT NULL,
  last_at       {{.Time}} NOT NULL,
  source_id     {{.Text}} NOT NULL,
  packet        {{.Int}} NOT NULL,
  packet_offset {{.Int}} NOT NULL,
  seen_at       {{.Time}} NOT NULL,             -- of that packet
  proof         {{.Blob}}
) {{.Strict}};
CREATE INDEX asset_fact_asset ON asset_fact (asset_id, attr);
CREATE INDEX asset_fact_host ON asset_fact (site_no, realm_no, mac, ip);
CREATE INDEX asset_fact_value ON asset_fact (site_no, attr, value);

-- Modules of an asset: slots, routed BACnet devices, units behind a gateway.
CREATE TABLE asset_module (
  asset_id   {{.Text}} NOT NULL,
  module     {{.Text}} NOT NULL,
  site_no    {{.Int}} NOT NULL,
  name       {{.Text}} NOT NULL DEFAULT '',
  vendor     {{.Text}} NOT NULL DEFAULT '',
  model      {{.Text}} NOT NULL DEFAULT '',
  order_code {{.Text}} NOT NULL DEFAULT '',
  firmware   {{.Text}} NOT NULL DEFAULT '',
  serial     {{.Text}} NOT NULL DEFAULT '',
  PRIMARY KEY (asset_id, module)
) {{.Strict}};

-- A person's word on one field; it stands above every measurement until withdrawn.
CREATE TABLE asset_override (
  asset_id   {{.Text}} NOT NULL,
  field      {{.Text}} NOT NULL,
  value      {{.Text}} NOT NULL,
  decided_by {{.Text}} NOT NULL,
  decided_at {{.Time}} NOT NULL,
  reason     {{.Text}} NOT NULL,
  PRIMARY KEY (asset_id, field)
) {{.Strict}};

-- Merged and split by hand: this address belongs to this asset, whatever the rules say.
CREATE TABLE asset_pin (
  site_no  {{.Int}} NOT NULL,
  realm_no {{.Int}} NOT NULL,
  kind     {{.Text}} NOT NULL,
  address  {{.Text}} NOT NULL,
  asset_id {{.Text}} NOT NULL,
  PRIMARY KEY (site_no, realm_no, kind, address)
) {{.NoRow}};
CREATE INDEX asset_pin_asset ON asset_pin (asset_id);

-- Ids of assets that went into another; old links keep working.
CREATE TABLE asset_alias (
  old_id   {{.Text}} PRIMARY KEY,
  asset_id {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX asset_alias_asset ON asset_alias (asset_id);

-- What changed, newest ids last (UUIDv7).
CREATE TABLE asset_change (
  change_id  {{.Text}} PRIMARY KEY,
  asset_id   {{.Text}} NOT NULL,
  site_no    {{.Int}} NOT NULL,
  at         {{.Time}} NOT NULL,
  kind       {{.Text}} NOT NULL,  -- appeared, field, address, merged, split, state, decided
  field      {{.Text}} NOT NULL DEFAULT '',
  before     {{.Text}} NOT NULL DEFAULT '',
  after      {{.Text}} NOT NULL DEFAULT '',
  decided_by {{.Text}} NOT NULL DEFAULT '',  -- '' : the rules
  reason     {{.Text}} NOT NULL DEFAULT ''
) {{.Strict}};
CREATE INDEX asset_change_asset ON asset_change (asset_id, change_id);

-- Parts of summaries already applied: delivering one twice changes nothing.
CREATE TABLE asset_applied (
  sensor {{.Text}} NOT NULL,
  epoch  {{.Text}} NOT NULL,
  seq    {{.Int}} NOT NULL,
  part   {{.Int}} NOT NULL,
  at     {{.Time}} NOT NULL,
  PRIMARY KEY (sensor, epoch, seq, part)
) {{.NoRow}};
