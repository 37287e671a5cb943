package app

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// VerifyLogsCmd checks that kept log lines are those that came.
type VerifyLogsCmd struct {
	Path     string `arg:"" type:"existingdir" help:"A data folder."`
	Database string `env:"SKANSE_DATABASE" placeholder:"URL" help:"postgres://user@host/database instead of the file in the data folder."`
	JSON     bool   `help:"Print the report as JSON."`
}

// Help shows the command at work.
func (c *VerifyLogsCmd) Help() string {
	return "Example:\n  skanse verify logs /var/lib/skanse\n\n" +
		"It recomputes the chain of every file below logs/, compares its end with the database, and that of each day that is over with the audit log,\n" +
		"which has its own check: skanse verify audit. It exits with 1 if anything is found. For a snapshot, restore it elsewhere first."
}

// Run checks the lines.
func (c *VerifyLogsCmd) Run(env *Env) (err error) {
	data := DataFlag{Data: c.Path, Database: c.Database}
	if err := data.exists(); err != nil {
		return err
	}
	db, err := store.Open(env.Ctx, store.Config{URL: data.url(), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	if err := db.CheckSchema(env.Ctx, []store.Migrations{logs.Migrations()}); err != nil {
		return err
	}
	var rep logs.Report
	err = db.View(env.Ctx, func(r store.Reader) (err error) {
		rep, err = logs.Verify(env.Ctx, r, filepath.Join(c.Path, logFolder))
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(env.Stdout).Encode(rep); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(env.Stdout, "%d lines in %d files verify; of %d days the audit log vouches for the end; %d were removed for their age\n", rep.Lines, rep.Files-len(rep.Findings), rep.Sealed, rep.Gone)
		if rep.Torn > 0 {
			fmt.Fprintf(env.Stdout, "%d files end within a line: written to at this moment, or a cut of power\n", rep.Torn)
		}
		for _, f := range rep.Findings {
			fmt.Fprintf(env.Stdout, "FOUND %s: %s\n", ot.Printable(f.File), ot.Printable(f.Text))
		}
	}
	if len(rep.Findings) > 0 {
		return ot.Errorf(ot.Damaged, "the kept log lines do not verify: %d findings", len(rep.Findings))
	}
	return nil
}
