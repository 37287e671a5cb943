-- +goose Up
CREATE TABLE got_note (
  body  {{.Text}} NOT NULL PRIMARY KEY,
  times {{.Int}} NOT NULL
) {{.Strict}};
