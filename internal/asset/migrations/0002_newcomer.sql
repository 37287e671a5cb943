-- +goose Up
-- Devices that may stay until a day: one that is heard after it is asked about anew.
CREATE TABLE asset_visitor (
	asset_id   {{.Text}} NOT NULL PRIMARY KEY,
	site_no    {{.Int}} NOT NULL,
	until_at   {{.Time}} NOT NULL,
	decided_by {{.Text}} NOT NULL,
	decided_at {{.Time}} NOT NULL,
	reason     {{.Text}} NOT NULL
) {{.Strict}};

-- Addresses that must not be there. It blocks nothing on the wire: whoever is heard with one is told of.
CREATE TABLE asset_block (
	site_no    {{.Int}} NOT NULL,
	realm_no   {{.Int}} NOT NULL,
	kind       {{.Text}} NOT NULL,  -- mac, ip
	address    {{.Text}} NOT NULL,
	asset_id   {{.Text}} NOT NULL,
	reason     {{.Text}} NOT NULL,
	blocked_by {{.Text}} NOT NULL,
	blocked_at {{.Time}} NOT NULL,
	seen_at    {{.Time}},           -- heard since, last
	times      {{.Int}} NOT NULL DEFAULT 0, -- how often it came back
	lifted_at  {{.Time}},
	lifted_by  {{.Text}} NOT NULL DEFAULT '',
	PRIMARY KEY (site_no, realm_no, kind, address, asset_id)
) {{.Strict}};
CREATE INDEX asset_block_asset ON asset_block (asset_id);

CREATE INDEX asset_change_at ON asset_change (site_no, at);
