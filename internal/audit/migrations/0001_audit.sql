-- An entry is written in the transaction of the change; the sequencer gives it
-- its place in the Merkle tree (idx) within a second.
CREATE TABLE audit_entry (
	seq         {{.Serial}},
	at          {{.Time}} NOT NULL,
	actor       {{.Text}} NOT NULL, -- an id, never a name
	action      {{.Text}} NOT NULL,
	site        {{.Text}} NOT NULL, -- site id, empty: the whole installation
	target_kind {{.Text}} NOT NULL,
	target_id   {{.Text}} NOT NULL,
	root        {{.Text}} NOT NULL, -- hex, of a run of evidence; else empty
	detail_hash {{.Text}} NOT NULL, -- hex of SHA-256(salt, detail); empty: no detail
	idx         {{.Int}}
) {{.Strict}};
CREATE UNIQUE INDEX audit_entry_idx ON audit_entry (idx);
CREATE INDEX audit_entry_new ON audit_entry (seq) WHERE idx IS NULL;
CREATE INDEX audit_entry_site ON audit_entry (site, seq);

-- What a person may ask to have erased. Blanking a row breaks no proof: the leaf holds only its hash.
CREATE TABLE audit_detail (
	seq    {{.Int}} NOT NULL PRIMARY KEY REFERENCES audit_entry (seq),
	salt   {{.Text}} NOT NULL, -- empty: erased
	detail {{.Text}} NOT NULL  -- JSON as it was hashed; empty: erased
) {{.Strict}};

CREATE TABLE audit_hash (
	pos  {{.Int}} NOT NULL PRIMARY KEY, -- as tlog numbers stored hashes
	hash {{.Blob}} NOT NULL
) {{.Strict}};

CREATE TABLE audit_checkpoint (
	size {{.Int}} NOT NULL PRIMARY KEY,
	root {{.Text}} NOT NULL,
	at   {{.Time}} NOT NULL,
	note {{.Text}} NOT NULL -- signed: origin, size, root
) {{.Strict}};
