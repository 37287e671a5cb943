package app

import (
	"encoding/json"
	"fmt"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// VerifyRecordsCmd checks that records and their histories are what people wrote.
type VerifyRecordsCmd struct {
	Path    string `arg:"" help:"A data folder, a database file, a snapshot, or postgres://…"`
	JSON    bool   `help:"Print the report as JSON."`
	KitFlag `embed:""`
}

// Help shows the command at work.
func (c *VerifyRecordsCmd) Help() string {
	return "Example:\n  skanse verify records /var/lib/skanse\n\n" +
		"It recomputes the chain of every record's versions. A printed record names the hash of its version:\nthe same stands in the audit log, which has its own check: skanse verify audit."
}

// Run checks the records.
func (c *VerifyRecordsCmd) Run(env *Env) (err error) {
	db, done, err := openToVerify(env, c.Path, c.KitFlag, record.Migrations())
	if err != nil {
		return err
	}
	defer done(&err)
	var sound int64
	err = db.View(env.Ctx, func(r store.Reader) (err error) {
		sound, err = record.Verify(env.Ctx, r)
		return err
	})
	if err != nil && ot.CodeOf(err) != ot.Damaged {
		return err
	}
	if c.JSON {
		report := struct {
			Versions int64  `json:"versions"`
			Damage   string `json:"damage,omitempty"`
		}{Versions: sound}
		if err != nil {
			report.Damage = ot.Printable(err.Error())
		}
		if jerr := json.NewEncoder(env.Stdout).Encode(report); jerr != nil {
			return jerr
		}
		return err
	}
	fmt.Fprintf(env.Stdout, "%d versions of records verify.\n", sound)
	return err
}
