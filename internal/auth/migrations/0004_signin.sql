-- +goose Up
-- Who a row of auth_user is: a person, or the one account behind printed break-glass codes.
ALTER TABLE auth_user ADD COLUMN kind {{.Text}} NOT NULL DEFAULT 'person';
ALTER TABLE auth_user ADD COLUMN language {{.Text}} NOT NULL DEFAULT ''; -- en, da, de; empty: as the browser asks
ALTER TABLE auth_user ADD COLUMN managed_by {{.Text}} NOT NULL DEFAULT ''; -- provider_id whose groups give role and scope; empty: an administrator does

-- How a session began and how many factors it stands on: one of a role that asks for
-- two opens nothing but the second step.
ALTER TABLE auth_session ADD COLUMN how {{.Text}} NOT NULL DEFAULT 'password';
ALTER TABLE auth_session ADD COLUMN factors {{.Int}} NOT NULL DEFAULT 1;
ALTER TABLE auth_session ADD COLUMN provider_id {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE auth_session ADD COLUMN said {{.Text}} NOT NULL DEFAULT ''; -- break-glass: the name that the person gave
ALTER TABLE auth_session ADD COLUMN said_why {{.Text}} NOT NULL DEFAULT '';
UPDATE auth_session SET factors = 2 WHERE user_id IN (SELECT user_id FROM auth_totp WHERE confirmed_at IS NOT NULL);

-- A scope may name zones too. The check of the kind cannot be changed in place on SQLite.
CREATE TABLE auth_scope_new (
	user_id {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	kind    {{.Text}} NOT NULL CHECK (kind IN ('entity', 'site', 'zone')),
	ref     {{.Text}} NOT NULL, -- entity_id, site_id or zone_id
	PRIMARY KEY (user_id, kind, ref)
) {{.NoRow}};
INSERT INTO auth_scope_new (user_id, kind, ref) SELECT user_id, kind, ref FROM auth_scope;
DROP TABLE auth_scope;
ALTER TABLE auth_scope_new RENAME TO auth_scope;

-- The permissions that this installation has known: what is new joins the built-in
-- roles once, and what an administrator took away stays away.
CREATE TABLE auth_known (
	permission {{.Text}} NOT NULL PRIMARY KEY
) {{.Strict}};

-- Passkeys (WebAuthn): a key that never leaves the person's device.
CREATE TABLE auth_passkey (
	passkey_id {{.Text}} NOT NULL PRIMARY KEY,
	user_id    {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	credential {{.Text}} NOT NULL UNIQUE, -- the authenticator's id of it, base64url
	name       {{.Text}} NOT NULL,
	data       {{.JSON}} NOT NULL, -- public key, flags, transports
	counter    {{.Int}} NOT NULL, -- of signatures; going back means a copy
	made_at    {{.Time}} NOT NULL,
	used_at    {{.Time}}
) {{.Strict}};
CREATE INDEX auth_passkey_user ON auth_passkey (user_id, made_at);

-- Printed one-time codes for the day when nothing else works. One sheet is good at a time.
CREATE TABLE auth_sheet (
	sheet_id {{.Text}} NOT NULL PRIMARY KEY,
	made_at  {{.Time}} NOT NULL,
	made_by  {{.Text}} NOT NULL,
	void_at  {{.Time}}
) {{.Strict}};

CREATE TABLE auth_sheet_code (
	code_hash {{.Text}} NOT NULL PRIMARY KEY, -- SHA-256 in hex of 100 random bits
	sheet_id  {{.Text}} NOT NULL REFERENCES auth_sheet (sheet_id),
	number    {{.Int}} NOT NULL, -- as printed beside it
	used_at   {{.Time}},
	said      {{.Text}} NOT NULL, -- the name that the person gave
	why       {{.Text}} NOT NULL
) {{.Strict}};

-- Where people are known besides here: an OpenID Connect provider, an LDAP directory.
CREATE TABLE auth_provider (
	provider_id {{.Text}} NOT NULL PRIMARY KEY,
	kind        {{.Text}} NOT NULL CHECK (kind IN ('oidc', 'ldap')),
	name        {{.Text}} NOT NULL UNIQUE,
	enabled     {{.Bool}} NOT NULL,
	config      {{.JSON}} NOT NULL,
	secret      {{.Blob}}, -- client secret or bind password, sealed with the key of the data folder
	version     {{.Int}} NOT NULL,
	made_at     {{.Time}} NOT NULL,
	changed_at  {{.Time}} NOT NULL
) {{.Strict}};

-- Which person here a provider's subject is: one each way, so that nobody is two.
CREATE TABLE auth_identity (
	provider_id {{.Text}} NOT NULL REFERENCES auth_provider (provider_id),
	subject     {{.Text}} NOT NULL,
	user_id     {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	login       {{.Text}} NOT NULL, -- the name there, for people to read
	linked_at   {{.Time}} NOT NULL,
	seen_at     {{.Time}} NOT NULL,
	strong_at   {{.Time}}, -- last sign-in there with two factors
	PRIMARY KEY (provider_id, subject),
	UNIQUE (provider_id, user_id)
) {{.NoRow}};
