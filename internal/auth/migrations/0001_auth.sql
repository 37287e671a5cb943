-- Roles are data: what a role may do is the list in its row.
CREATE TABLE auth_role (
	role        {{.Text}} NOT NULL PRIMARY KEY,
	title       {{.Text}} NOT NULL,
	permissions {{.JSON}} NOT NULL
) {{.Strict}};

CREATE TABLE auth_user (
	user_id    {{.Text}} NOT NULL PRIMARY KEY,
	name       {{.Text}} NOT NULL,
	email      {{.Text}} NOT NULL UNIQUE, -- lower case
	password   {{.Text}} NOT NULL, -- Argon2id in its usual text form; empty: signs in by link only
	role       {{.Text}} NOT NULL REFERENCES auth_role (role),
	sees_all   {{.Bool}} NOT NULL,
	disabled   {{.Bool}} NOT NULL,
	created_at {{.Time}} NOT NULL
) {{.Strict}};

CREATE TABLE auth_scope (
	user_id {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	kind    {{.Text}} NOT NULL CHECK (kind IN ('entity', 'site')),
	ref     {{.Text}} NOT NULL, -- entity_id or site_id
	PRIMARY KEY (user_id, kind, ref)
) {{.NoRow}};

CREATE TABLE auth_session (
	session_id {{.Text}} NOT NULL PRIMARY KEY,
	token_hash {{.Text}} NOT NULL UNIQUE, -- SHA-256 in hex: the token itself is nowhere
	user_id    {{.Text}} NOT NULL REFERENCES auth_user (user_id),
	created_at {{.Time}} NOT NULL,
	seen_at    {{.Time}} NOT NULL,
	idle_at    {{.Time}} NOT NULL, -- ends then unless it is used
	end_at     {{.Time}} NOT NULL, -- ends then in any case
	ended_at   {{.Time}},
	address    {{.Text}} NOT NULL,
	agent      {{.Text}} NOT NULL
) {{.Strict}};
CREATE INDEX auth_session_user ON auth_session (user_id, created_at);

CREATE TABLE auth_link (
	link_id    {{.Text}} NOT NULL PRIMARY KEY,
	token_hash {{.Text}} NOT NULL UNIQUE,
	user_id    {{.Text}} REFERENCES auth_user (user_id), -- NULL: the first set-up
	made_by    {{.Text}} NOT NULL,
	made_at    {{.Time}} NOT NULL,
	end_at     {{.Time}} NOT NULL,
	used_at    {{.Time}}
) {{.Strict}};

-- The latest time that was ever acted on: a clock that jumps back revives nothing.
CREATE TABLE auth_clock (
	one    {{.Int}} NOT NULL PRIMARY KEY CHECK (one = 1),
	latest {{.Time}} NOT NULL
) {{.Strict}};
