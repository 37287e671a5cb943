-- +goose Up
-- A transfer is one event: how many further messages, the last of them, and the bytes of all.
ALTER TABLE network_event ADD COLUMN repeats {{.Int}} NOT NULL DEFAULT 0;
ALTER TABLE network_event ADD COLUMN until {{.Int}} NOT NULL DEFAULT 0;
ALTER TABLE network_event ADD COLUMN bytes {{.Int}} NOT NULL DEFAULT 0;
