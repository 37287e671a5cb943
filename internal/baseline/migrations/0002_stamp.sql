-- +goose Up
-- Changes with every change of a site's baseline, so that who keeps rows in memory knows whether they are still true.
CREATE TABLE baseline_stamp (
  site_no {{.Int}} NOT NULL,
  stamp   {{.Text}} NOT NULL,
  PRIMARY KEY (site_no)
) {{.NoRow}};

-- What runs out, found without a look at everything that does not.
CREATE INDEX baseline_talk_until ON baseline_talk (until_at) WHERE until_at IS NOT NULL;
