package app

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan/engineering"
)

// isEngineering looks at the head of a file that is neither a capture nor a log.
func isEngineering(file string) (bool, error) {
	if readable(file) {
		return false, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return false, ot.Errorf(ot.Invalid, "open the file: %w", err)
	}
	defer f.Close()
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, ot.Errorf(ot.Invalid, "read %s: %w", file, err)
	}
	return engineering.Recognised(file, head[:n]), nil
}

// project hands over an engineering file and tells what it did, or would do.
func (c *ImportCmd) project(env *Env, l *local, site siteItem, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return ot.Errorf(ot.Invalid, "open the file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ot.Errorf(ot.Invalid, "open the file: %w", err)
	}
	if info.Size() > engineering.MaxFile {
		return ot.Errorf(ot.Invalid, "%s has more than %d MiB; export the hardware configuration without programs and pictures", ot.Printable(file), engineering.MaxFile>>20)
	}
	q := url.Values{"site": {site.ID}, "name": {filepath.Base(file)}, "dry_run": {fmt.Sprint(c.DryRun)}}
	var got asset.ListReport
	if err := l.call(env.Ctx, "POST", "/assets/import?"+q.Encode(), f, info.Size(), &got); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return writeImport(env.Stdout, file, site.Name, &got)
}

// writeImport tells a person what an engineering file does to the inventory.
func writeImport(w io.Writer, file, site string, got *asset.ListReport) error {
	did := "at " + ot.Printable(site)
	if got.DryRun {
		did += ", if it were taken in"
	}
	fmt.Fprintf(w, "%s: %s, %s; %s: %d new, %d known (%d other than planned), %d parts, %d descriptions, %d problems\n",
		ot.Printable(file), ot.Printable(got.Format), ot.Printable(got.Project), did, got.New, got.Known, got.Differs, got.Parts, got.Types, got.Problems)
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for i := range got.Lines {
		x := &got.Lines[i]
		if !got.DryRun && x.Result != "problem" && len(x.Differs) == 0 {
			continue
		}
		fmt.Fprintf(t, "  %d\t%s\t%s\t%s\n", x.Line, ot.Printable(x.Name), x.Result, ot.Printable(effect(x)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range got.Left {
		fmt.Fprintf(w, "  %s\n", ot.Printable(s))
	}
	return nil
}

// effect is what one line does, in words.
func effect(x *asset.ListLine) string {
	switch x.Result {
	case "new":
		return "an asset that nobody has heard yet"
	case "part":
		return "in " + x.Why
	case "type":
		return x.Why + ": names " + x.Is + " assets"
	case "known":
		text := "is " + x.Is + ", by its " + x.Why
		if len(x.Sets) > 0 {
			text += "; gives it " + strings.Join(x.Sets, ", ")
		}
		for _, d := range x.Differs {
			text += fmt.Sprintf("; %s is %s, planned %s", strings.ReplaceAll(d.Field, "_", " "), d.Found, d.Planned)
		}
		return text
	}
	return x.Why
}
