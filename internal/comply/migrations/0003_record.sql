-- +goose Up
-- Declarations are records now; what an earlier release wrote is taken over at the first
-- start (adopt.go). Findings of checks are records too; this table says which check found what.
ALTER TABLE comply_finding ADD COLUMN record_id {{.Text}} NOT NULL DEFAULT '';
