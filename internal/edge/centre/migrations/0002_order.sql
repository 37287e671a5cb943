-- +goose Up
-- What this centre asks of an edge: packets of its rings. It is answered among its batches.
CREATE TABLE edge_order (
  edge_id {{.Text}} NOT NULL,
  no      {{.Int}} NOT NULL,                      -- grows; of the time that it was made
  kind    {{.Text}} NOT NULL,
  subject {{.Text}} NOT NULL,                     -- what it is for: the id of a cut
  body    {{.JSON}} NOT NULL,
  made_at {{.Time}} NOT NULL,
  until   {{.Time}} NOT NULL,                     -- nobody waits for it any more
  done_at {{.Time}},                              -- when the answer came
  PRIMARY KEY (edge_id, no)
) {{.Strict}};
CREATE INDEX edge_order_open ON edge_order (edge_id, no) WHERE done_at IS NULL;
