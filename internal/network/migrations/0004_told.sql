-- +goose Up
-- Other sensors' words: what they said of themselves (sensor.Told); '' for packets of our own.
ALTER TABLE network_source ADD COLUMN told {{.Text}} NOT NULL DEFAULT '';
-- Nobody but other sensors told of it: flow records and logs, whose content nobody here saw.
ALTER TABLE network_conversation ADD COLUMN told {{.Bool}} NOT NULL DEFAULT FALSE;
-- capture, or whose log it is: zeek, suricata.
ALTER TABLE network_capture ADD COLUMN kind {{.Text}} NOT NULL DEFAULT 'capture';
