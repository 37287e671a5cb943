-- +goose Up
-- An account may end: after this moment nobody signs in with it, and what is signed in ends.
ALTER TABLE auth_user ADD COLUMN end_at {{.Time}};

-- What a person lets a program do in the person's name. What it may do at the moment
-- of use is never more than what its owner may do then.
CREATE TABLE auth_token (
	token_id    {{.Text}} NOT NULL PRIMARY KEY,
	token_hash  {{.Text}} NOT NULL UNIQUE, -- SHA-256 in hex: the token itself is nowhere
	user_id     {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	name        {{.Text}} NOT NULL,
	permissions {{.JSON}} NOT NULL,
	sees_all    {{.Bool}} NOT NULL, -- all that its owner sees
	entities    {{.JSON}} NOT NULL, -- entity_id
	sites       {{.JSON}} NOT NULL, -- site_id
	created_at  {{.Time}} NOT NULL,
	end_at      {{.Time}} NOT NULL,
	used_at     {{.Time}}, -- to the hour
	revoked_at  {{.Time}}
) {{.Strict}};
CREATE INDEX auth_token_user ON auth_token (user_id, created_at);
