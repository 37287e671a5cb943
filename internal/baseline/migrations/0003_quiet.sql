-- +goose Up
-- Who asks for whose hardware address is no conversation: only the addresses are kept.
DELETE FROM baseline_function WHERE EXISTS (SELECT 1 FROM baseline_talk t WHERE t.site_no = baseline_function.site_no AND t.state = baseline_function.state AND t.talk = baseline_function.talk AND t.protocol = 'arp');
DELETE FROM baseline_talk WHERE protocol = 'arp';

-- Silence is measured by what a conversation is used to: the longest it was ever quiet, µs.
ALTER TABLE baseline_talk ADD COLUMN gap {{.Int}} NOT NULL DEFAULT 0;
