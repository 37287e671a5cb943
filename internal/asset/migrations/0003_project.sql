-- +goose Up
-- What an engineering file said that the plant would be. Files of one kind and name at a site replace each other.
CREATE TABLE asset_project (
	project_id {{.Text}} NOT NULL PRIMARY KEY,
	site_no    {{.Int}} NOT NULL,
	name       {{.Text}} NOT NULL,
	revision   {{.Text}} NOT NULL,
	format     {{.Text}} NOT NULL,  -- for people: "Rockwell L5X project"
	file       {{.Text}} NOT NULL,
	sha256     {{.Text}} NOT NULL,
	devices    {{.Int}} NOT NULL,
	loaded_by  {{.Text}} NOT NULL,
	loaded_at  {{.Time}} NOT NULL
) {{.Strict}};
CREATE INDEX asset_project_site ON asset_project (site_no, loaded_at);

-- One device of a project, and the asset that it is. A part of a rack has no asset of its own.
CREATE TABLE asset_planned (
	project_id {{.Text}} NOT NULL,
	item       {{.Int}} NOT NULL,
	site_no    {{.Int}} NOT NULL,
	asset_id   {{.Text}} NOT NULL DEFAULT '',
	name       {{.Text}} NOT NULL,
	aliases    {{.JSON}} NOT NULL,
	parent     {{.Text}} NOT NULL,
	place      {{.Text}} NOT NULL,
	vendor     {{.Text}} NOT NULL,
	model      {{.Text}} NOT NULL,
	order_code {{.Text}} NOT NULL,
	firmware   {{.Text}} NOT NULL,
	fit        {{.Text}} NOT NULL,  -- how exactly firmware is meant
	serial     {{.Text}} NOT NULL,
	role       {{.Text}} NOT NULL,
	config     {{.Text}} NOT NULL,
	safety     {{.Bool}} NOT NULL,
	part       {{.Bool}} NOT NULL,
	ips        {{.JSON}} NOT NULL,
	macs       {{.JSON}} NOT NULL,
	kin        {{.JSON}} NOT NULL,  -- what else answers at its address: the modules beside it
	line       {{.Int}} NOT NULL,
	bound_by   {{.Text}} NOT NULL,  -- mac, ip, serial, name, project
	differs    {{.JSON}} NOT NULL,  -- where what is heard is other than planned
	PRIMARY KEY (project_id, item)
) {{.Strict}};
CREATE INDEX asset_planned_asset ON asset_planned (asset_id);
CREATE INDEX asset_planned_site ON asset_planned (site_no, name);
CREATE INDEX asset_planned_serial ON asset_planned (site_no, serial);

-- What a maker says of all devices of a kind (EDS, GSD, GSDML).
CREATE TABLE asset_type (
	site_no    {{.Int}} NOT NULL,
	type_key   {{.Text}} NOT NULL,  -- "cip 1/12/166", "pn 002a/0301", "dp 80d1"
	project_id {{.Text}} NOT NULL,
	vendor     {{.Text}} NOT NULL,
	model      {{.Text}} NOT NULL,
	order_code {{.Text}} NOT NULL,
	revision   {{.Text}} NOT NULL,
	PRIMARY KEY (site_no, type_key)
) {{.Strict}};

-- '': in no project; agrees, differs, unseen.
ALTER TABLE asset_asset ADD COLUMN planned {{.Text}} NOT NULL DEFAULT '';
