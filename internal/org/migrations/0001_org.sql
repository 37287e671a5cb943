-- The tree that scopes use. Numbers are given once and never again: a table of
-- high volume holds them long after a zone is gone.
CREATE TABLE org_number (
	kind {{.Text}} NOT NULL PRIMARY KEY,
	last {{.Int}} NOT NULL
) {{.Strict}};

CREATE TABLE org_entity (
	entity_id {{.Text}} NOT NULL PRIMARY KEY,
	name      {{.Text}} NOT NULL UNIQUE,
	profile   {{.Text}} NOT NULL CHECK (profile IN ('essential', 'important'))
) {{.Strict}};

CREATE TABLE org_site (
	site_no   {{.Int}} NOT NULL PRIMARY KEY,
	site_id   {{.Text}} NOT NULL UNIQUE,
	entity_id {{.Text}} NOT NULL REFERENCES org_entity (entity_id),
	name      {{.Text}} NOT NULL,
	country   {{.Text}} NOT NULL,
	tz        {{.Text}} NOT NULL,
	critical  {{.Bool}} NOT NULL,
	weight    {{.Float}} NOT NULL,
	UNIQUE (entity_id, name)
) {{.Strict}};

CREATE TABLE org_realm (
	realm_no   {{.Int}} NOT NULL PRIMARY KEY,
	realm_id   {{.Text}} NOT NULL UNIQUE,
	site_no    {{.Int}} NOT NULL REFERENCES org_site (site_no),
	name       {{.Text}} NOT NULL,
	is_default {{.Bool}} NOT NULL,
	UNIQUE (site_no, name)
) {{.Strict}};
CREATE UNIQUE INDEX org_realm_default ON org_realm (site_no) WHERE is_default;

CREATE TABLE org_zone (
	zone_no  {{.Int}} NOT NULL PRIMARY KEY,
	zone_id  {{.Text}} NOT NULL UNIQUE,
	site_no  {{.Int}} NOT NULL REFERENCES org_site (site_no),
	name     {{.Text}} NOT NULL,
	level    {{.Text}} NOT NULL CHECK (level IN ('0', '1', '2', '3', '3.5', '4', '5')),
	ot       {{.Bool}} NOT NULL,
	sl_t     {{.Int}} NOT NULL CHECK (sl_t BETWEEN 0 AND 4), -- security level target; 0: not set
	critical {{.Bool}} NOT NULL,
	external {{.Bool}} NOT NULL, -- the outside: office IT, internet, a vendor
	gateway  {{.Bool}} NOT NULL, -- its hosts are the remote access gateway
	UNIQUE (site_no, name)
) {{.Strict}};

CREATE TABLE org_subnet (
	site_no  {{.Int}} NOT NULL REFERENCES org_site (site_no),
	realm_no {{.Int}} NOT NULL REFERENCES org_realm (realm_no),
	prefix   {{.Text}} NOT NULL, -- masked, as in 10.1.2.0/24
	zone_no  {{.Int}} NOT NULL REFERENCES org_zone (zone_no),
	PRIMARY KEY (site_no, realm_no, prefix)
) {{.NoRow}};
