-- +goose Up
-- Rules of the plant's own are checked before they run, and can be turned off.
ALTER TABLE detect_file ADD COLUMN enabled {{.Bool}} NOT NULL DEFAULT FALSE;
ALTER TABLE detect_file ADD COLUMN reason {{.Text}} NOT NULL DEFAULT '';
ALTER TABLE detect_file ADD COLUMN version {{.Int}} NOT NULL DEFAULT 1;
