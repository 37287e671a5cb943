CREATE TABLE job_job (
	name        {{.Text}} NOT NULL PRIMARY KEY,
	next_at     {{.Time}} NOT NULL,
	lease_by    {{.Text}} NOT NULL, -- empty: nobody works on it
	lease_until {{.Time}} NOT NULL,
	ran_at      {{.Time}},
	error       {{.Text}} NOT NULL
) {{.Strict}};
