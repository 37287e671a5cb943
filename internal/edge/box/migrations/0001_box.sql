-- +goose Up
-- The outbox of an edge: what was told and whether the centre has it.

CREATE TABLE box_batch (
  seq    {{.Int}} NOT NULL PRIMARY KEY,   -- in the chain of box_state.epoch
  made   {{.Time}} NOT NULL,
  kind   {{.Text}} NOT NULL,
  state  {{.Int}} NOT NULL,               -- 0 whole, 1 cut, 2 dropped
  prev   {{.Blob}} NOT NULL,
  digest {{.Blob}} NOT NULL,              -- of the message as it was made
  raw    {{.Int}} NOT NULL,               -- bytes uncompressed
  size   {{.Int}} NOT NULL,               -- bytes of body
  body   {{.Blob}}
) {{.Strict}};
CREATE INDEX box_batch_state ON box_batch (state, seq);

CREATE TABLE box_state (
  name  {{.Text}} NOT NULL PRIMARY KEY,   -- edge, epoch, acked, boot, floor, config, witness …
  value {{.Text}} NOT NULL
) {{.NoRow}};
