package app

import (
	"fmt"
	"io"
	"time"
)

// BreakGlassCmd is about printed one-time codes.
type BreakGlassCmd struct {
	Print BreakGlassPrintCmd `cmd:"" help:"Print a sheet of one-time codes, to seal in an envelope."`
}

// BreakGlassPrintCmd makes a sheet of codes.
type BreakGlassPrintCmd struct {
	DataFlag `embed:""`
	Codes    int `default:"10" help:"How many codes, 1 to 50."`
}

// Help shows the command at work.
func (c *BreakGlassPrintCmd) Help() string {
	return `Each code signs in once, as administrator for an hour, without a directory and without a second step.
Administrators and the security officer are told at once. Codes of an older sheet stop working.
It works beside a running server, over the socket in its data folder, and without one.

Example:
  skanse break-glass print --data /var/lib/skanse | lp -o media=A4`
}

// Run prints the sheet; it is nowhere else.
func (c *BreakGlassPrintCmd) Run(env *Env) (err error) {
	if err := c.exists(); err != nil {
		return err
	}
	l, err := openLocal(env, c.DataFlag)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := l.stop(); err == nil {
			err = stopped
		}
	}()
	var sheet struct {
		MadeAt time.Time `json:"made_at"`
		Codes  []string
	}
	if err := l.call(env.Ctx, "POST", "/break-glass", jsonBody(map[string]any{"codes": c.Codes}), -1, &sheet); err != nil {
		return err
	}
	return writeSheet(env.Stdout, sheet.MadeAt, sheet.Codes)
}

// writeSheet is one A4 page for any printer: 80 columns, at most 66 lines.
func writeSheet(w io.Writer, madeAt time.Time, codes []string) error {
	var err error
	line := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format+"\n", args...)
		}
	}
	line("SKANSE BREAK-GLASS SHEET                                  %s", madeAt.UTC().Format("2 Jan 2006 15:04 MST"))
	line("")
	line("Seal this sheet in an envelope. Open it when nobody can sign in otherwise.")
	line("1. Open Skanse, choose \"Printed code\" on the sign-in page.")
	line("2. Type the next code that is not crossed out, your name, and why.")
	line("3. Cross the code out. You are administrator for one hour.")
	line("Everybody who must know is told at once. Print a new sheet afterwards.")
	line("")
	for i, code := range codes {
		line("[ ] %2d   %s", i+1, code)
	}
	return err
}
