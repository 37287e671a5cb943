-- +goose Up
-- What was sent to a person is also on the page, whether or not there is a mail server:
-- a delivery by the channel "page". The bell asks for the unread ones every time something changes.
CREATE INDEX notify_delivery_page ON notify_delivery (user_id, made_at) WHERE channel = 'page';
