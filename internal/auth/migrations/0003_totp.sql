-- +goose Up
-- Codes of an authenticator app (RFC 6238) as the second step of a sign-in.
CREATE TABLE auth_totp (
	user_id      {{.Text}} NOT NULL PRIMARY KEY REFERENCES auth_user (user_id),
	secret       {{.Blob}} NOT NULL, -- sealed with the key of the data folder
	created_at   {{.Time}} NOT NULL,
	confirmed_at {{.Time}}, -- NULL: begun, not yet shown to work
	used_step    {{.Int}} NOT NULL -- of the last code that was taken: none works twice
) {{.Strict}};

CREATE TABLE auth_recovery (
	user_id   {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	code_hash {{.Text}} NOT NULL, -- SHA-256 in hex of 80 random bits
	used_at   {{.Time}},
	PRIMARY KEY (user_id, code_hash)
) {{.NoRow}};

-- The roles whose people must have a second step.
CREATE TABLE auth_second (
	role {{.Text}} NOT NULL PRIMARY KEY REFERENCES auth_role (role)
) {{.Strict}};
