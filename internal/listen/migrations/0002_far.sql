-- +goose Up
-- Packets that sensors of other machines were asked for: what each has answered.
ALTER TABLE listen_cut ADD COLUMN parts {{.JSON}} NOT NULL DEFAULT '[]';
ALTER TABLE listen_cut ADD COLUMN until {{.Time}};                          -- nobody waits for them any more
