package app

import (
	"encoding/json"
	"fmt"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// VerifyEvidenceCmd checks that evidence is what it was when it was written.
type VerifyEvidenceCmd struct {
	Path    string `arg:"" help:"A data folder, a database file, a snapshot, or postgres://…"`
	JSON    bool   `help:"Print the report as JSON."`
	KitFlag `embed:""`
}

// Help shows the command at work.
func (c *VerifyEvidenceCmd) Help() string {
	return "Example:\n  skanse verify evidence /var/lib/skanse\n\n" +
		"It recomputes every answer, every run's root and every set of items, and compares the roots\nwith the audit log. That the log itself is whole says: skanse verify audit."
}

// Run checks the evidence.
func (c *VerifyEvidenceCmd) Run(env *Env) (err error) {
	db, done, err := openToVerify(env, c.Path, c.KitFlag, audit.Migrations(), comply.Migrations())
	if err != nil {
		return err
	}
	defer done(&err)
	var v comply.Verified
	err = db.View(env.Ctx, func(r store.Reader) error {
		v, err = comply.VerifyEvidence(env.Ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return err
		}
		return v.Err()
	}
	for _, d := range v.Damage {
		fmt.Fprintln(env.Stdout, ot.Printable(d))
	}
	if v.Expired > 0 {
		fmt.Fprintf(env.Stdout, "The answers of %d runs were removed for their age, as the audit log says; their roots are there.\n", v.Expired)
	}
	fmt.Fprintf(env.Stdout, "%d answers in %d runs and %d sets of items; %d do not verify.\n", v.Answers, v.Runs, v.Sets, len(v.Damage))
	return v.Err()
}

// openToVerify opens what somebody gave to be verified, and only reads it. done closes it, and
// gives its own error where there is no other.
func openToVerify(env *Env, path string, kit KitFlag, want ...store.Migrations) (db *store.DB, done func(*error), err error) {
	url, _, leave, err := (&VerifyAuditCmd{Path: path, KitFlag: kit}).locate(env)
	if err != nil {
		return nil, nil, err
	}
	done = func(err *error) {
		if db != nil {
			_ = db.Close() // read-only: nothing can be lost
		}
		if lerr := leave(); *err == nil {
			*err = lerr
		}
	}
	if db, err = store.Open(env.Ctx, store.Config{URL: url, ReadOnly: true}); err == nil {
		err = db.CheckSchema(env.Ctx, want)
	}
	if err != nil {
		done(&err)
		return nil, nil, err
	}
	return db, done, nil
}
