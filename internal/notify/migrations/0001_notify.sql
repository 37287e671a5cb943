-- +goose Up
-- Where notices go, besides to people: a webhook, a syslog server; and by which way to
-- people: a mail server, a modem.
CREATE TABLE notify_receiver (
	receiver_id {{.Text}} NOT NULL PRIMARY KEY,
	kind        {{.Text}} NOT NULL, -- mail, sms, webhook, syslog
	name        {{.Text}} NOT NULL,
	enabled     {{.Bool}} NOT NULL,
	site_no     {{.Int}} NOT NULL,  -- 0: every site
	severity    {{.Int}} NOT NULL,  -- the least urgent that goes there
	kinds       {{.JSON}} NOT NULL, -- of items; empty: all
	config      {{.JSON}} NOT NULL,
	secret      {{.Blob}},          -- sealed: the password, the key of the signature, the PIN
	audit       {{.Bool}} NOT NULL, -- the audit log goes there too
	audit_next  {{.Int}} NOT NULL,  -- index of the next entry
	point_next  {{.Int}} NOT NULL,  -- the last checkpoint sent has a smaller size
	problem     {{.Text}} NOT NULL, -- why it was turned off by itself
	failing_at  {{.Time}},          -- since then it has taken nothing
	worked_at   {{.Time}},
	version     {{.Int}} NOT NULL,
	made_at     {{.Time}} NOT NULL,
	made_by     {{.Text}} NOT NULL
) {{.Strict}};

-- What a person wishes. No row: as the defaults say.
CREATE TABLE notify_person (
	user_id    {{.Text}} NOT NULL PRIMARY KEY,
	wishes     {{.JSON}} NOT NULL,
	version    {{.Int}} NOT NULL,
	changed_at {{.Time}} NOT NULL
) {{.Strict}};

-- Which items were told, so that their end can be told too.
CREATE TABLE notify_item (
	item_id   {{.Text}} NOT NULL PRIMARY KEY,
	opened_at {{.Time}} NOT NULL,
	done      {{.Bool}} NOT NULL
) {{.Strict}};
CREATE INDEX notify_item_open ON notify_item (item_id) WHERE NOT done;

-- The queue, and what became of each.
CREATE TABLE notify_delivery (
	delivery_id {{.Text}} NOT NULL PRIMARY KEY, -- also its Message-ID and idempotency key
	dedupe      {{.Text}} NOT NULL UNIQUE,      -- what, of which item, to whom, by which way
	what        {{.Text}} NOT NULL,             -- open, done, bundle, callout
	item_id     {{.Text}} NOT NULL,
	channel     {{.Text}} NOT NULL,             -- mail, sms, webhook, syslog
	user_id     {{.Text}} NOT NULL,             -- '' : to a receiver
	receiver_id {{.Text}} NOT NULL,             -- '' : by the one way of the channel
	site_no     {{.Int}} NOT NULL,
	severity    {{.Int}} NOT NULL,
	body        {{.JSON}} NOT NULL,
	token       {{.Text}} NOT NULL,             -- of the link in it
	state       {{.Text}} NOT NULL,             -- waiting, held, digest, bundled, sent, answered, dead
	due_at      {{.Time}} NOT NULL,             -- not before
	attempts    {{.Int}} NOT NULL,
	made_at     {{.Time}} NOT NULL,
	tried_at    {{.Time}},
	ended_at    {{.Time}},
	error       {{.Text}} NOT NULL,             -- of the last attempt
	answer      {{.Text}} NOT NULL,             -- what the other side said
	bundle_id   {{.Text}} NOT NULL,             -- the delivery that carries it together with others
	seen_at     {{.Time}}                       -- the link was confirmed
) {{.Strict}};
CREATE INDEX notify_delivery_due ON notify_delivery (due_at) WHERE state IN ('waiting', 'held', 'digest');
CREATE INDEX notify_delivery_item ON notify_delivery (item_id);
CREATE INDEX notify_delivery_bundle ON notify_delivery (bundle_id) WHERE bundle_id <> '';
CREATE UNIQUE INDEX notify_delivery_token ON notify_delivery (token) WHERE token <> '';

CREATE TABLE notify_setting (
	one     {{.Int}} NOT NULL PRIMARY KEY CHECK (one = 1),
	data    {{.JSON}} NOT NULL,
	version {{.Int}} NOT NULL
) {{.Strict}};

-- Test call-outs: who was asked, and who answered when.
CREATE TABLE notify_callout (
	callout_id {{.Text}} NOT NULL PRIMARY KEY,
	month      {{.Text}} NOT NULL, -- 2026-11: one a month by itself; '' by hand
	at         {{.Time}} NOT NULL,
	due_at     {{.Time}} NOT NULL,
	ended_at   {{.Time}},
	made_by    {{.Text}} NOT NULL
) {{.Strict}};
CREATE UNIQUE INDEX notify_callout_month ON notify_callout (month) WHERE month <> '';
CREATE TABLE notify_called (
	callout_id  {{.Text}} NOT NULL REFERENCES notify_callout (callout_id),
	user_id     {{.Text}} NOT NULL,
	name        {{.Text}} NOT NULL,
	ways        {{.Text}} NOT NULL, -- mail sms; '' : there is no way to reach the person
	answered_at {{.Time}},
	PRIMARY KEY (callout_id, user_id)
) {{.NoRow}};
