-- +goose Up
-- Replies by SMS: how many acknowledged something, and how many carried no code that fits.
ALTER TABLE notify_receiver ADD COLUMN replies {{.Int}} NOT NULL DEFAULT 0;
ALTER TABLE notify_receiver ADD COLUMN wrong_replies {{.Int}} NOT NULL DEFAULT 0;
