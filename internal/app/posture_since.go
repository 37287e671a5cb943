package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/view"
)

// since prints what happened since, for a site or for all.
func (c *PostureCmd) since(env *Env, db *store.DB, levels *comply.Service) error {
	if c.AsOf != "" {
		return ot.Errorf(ot.Invalid, "--since and --as-of exclude one another: --since tells of the time until now")
	}
	f := view.SinceFilter{Since: c.Since}
	if f.Since == "last" {
		f.Since = ""
	}
	if c.Site != "" {
		err := db.View(env.Ctx, func(r store.Reader) (err error) {
			f.Site, err = store.One[string](env.Ctx, r, "SELECT site_id FROM org_site WHERE site_id = ? OR lower(name) = lower(?) ORDER BY site_no", c.Site, c.Site)
			return err
		})
		if ot.CodeOf(err) == ot.NotFound {
			return ot.Errorf(ot.NotFound, "there is no site %q: skanse posture lists them", ot.Printable(c.Site))
		}
		if err != nil {
			return err
		}
	}
	s, err := view.NewDigest(db, levels, nil).Since(env.Ctx, auth.System(), f)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	out := bufio.NewWriter(env.Stdout)
	writeSince(out, s)
	return out.Flush()
}

const clockForm = "2 Jan 15:04"

func writeSince(w io.Writer, s view.Since) {
	var names []string
	for _, x := range s.Sites {
		names = append(names, ot.Printable(x.Name))
	}
	fmt.Fprintf(w, "%s, since %s (UTC).\n", strings.Join(names, ", "), s.From.UTC().Format("Monday 2 Jan 2006 15:04"))
	head := func(title string, n int) {
		fmt.Fprintf(w, "\n%s: %d\n", title, n)
	}
	more := func(shown, total int) {
		if total > shown {
			fmt.Fprintf(w, "  … and %d more\n", total-shown)
		}
	}
	head("Levels that moved", s.Levels.Total)
	for _, m := range s.Levels.Items {
		mark := "+"
		if m.Worse {
			mark = "!"
		}
		fmt.Fprintf(w, "  %s %s %s %s→ %s %s\n", mark, fit(m.Requirement, 5), fit(m.Site, 10), stateMark(m.Before), stateMark(m.After), ot.Printable(m.Title))
		fmt.Fprintf(w, "      %s\n", ot.Printable(m.After.Why))
	}
	more(len(s.Levels.Items), s.Levels.Total)
	head("New devices", s.Devices.Total)
	for _, d := range s.Devices.Items {
		fmt.Fprintf(w, "  %s %s %s %s %s, %s\n", d.FirstAt.UTC().Format(clockForm), fit(d.Site, 10), fit(d.Name, 20), fit(d.Zone, 18), fit(d.Vendor, 16), d.State)
	}
	more(len(s.Devices.Items), s.Devices.Total)
	head("New connections between zones", s.Connections.Total)
	for _, x := range s.Connections.Items {
		fmt.Fprintf(w, "  %s %s %s → %s, %s\n", x.FirstAt.UTC().Format(clockForm), fit(x.Site, 10), ot.Printable(or(x.FromZone)), ot.Printable(or(x.ToZone)), ot.Printable(x.Protocol))
	}
	more(len(s.Connections.Items), s.Connections.Total)
	head("Changes seen on the wire", s.Changes.Total)
	for _, x := range s.Changes.Items {
		told := "nobody has explained it"
		if x.Matched {
			told = "explained"
			if x.RecordRef != "" {
				told = "change " + x.RecordRef
			}
		}
		fmt.Fprintf(w, "  %s %s %s %s → %s (%s), %s\n", x.At.UTC().Format(clockForm), fit(x.Site, 10), strings.ReplaceAll(x.Class, "_", " "), ot.Printable(x.Client.Name), ot.Printable(x.Server.Name), x.Protocol, told)
	}
	more(len(s.Changes.Items), s.Changes.Total)
	head("Sensors that were silent", s.Outages.Total)
	for _, o := range s.Outages.Items {
		end := "still"
		if !o.ToAt.IsZero() {
			end = "until " + o.ToAt.UTC().Format(clockForm)
		}
		fmt.Fprintf(w, "  %s %s %s, %s\n", o.FromAt.UTC().Format(clockForm), fit(o.Site, 10), ot.Printable(o.Name), end)
	}
	more(len(s.Outages.Items), s.Outages.Total)
	head("Ends within 14 days", s.Expiring.Total)
	for _, x := range s.Expiring.Items {
		fmt.Fprintf(w, "  %s %s %s %s %s\n", x.At.UTC().Format(time.DateOnly), fit(x.Site, 10), fit(x.Kind, 11), fit(x.Ref.ID, 6), ot.Printable(x.Title))
	}
	more(len(s.Expiring.Items), s.Expiring.Total)
	head("Access that changed", s.SignIns.Total)
	for _, x := range s.SignIns.Items {
		fmt.Fprintf(w, "  %s %s by %s %s\n", x.At.UTC().Format(clockForm), x.Action, ot.Printable(or(x.Name, x.Actor)), ot.Printable(x.About))
	}
	more(len(s.SignIns.Items), s.SignIns.Total)
	head("Decided", s.Decisions.Total)
	for _, x := range s.Decisions.Items {
		fmt.Fprintf(w, "  %s %s %s: %s %s %d %s\n", x.At.UTC().Format(clockForm), fit(x.Site, 10), ot.Printable(x.By), x.Kind, ot.Printable(x.What), x.Count, ot.Printable(x.Title))
	}
	more(len(s.Decisions.Items), s.Decisions.Total)
}

// or is the first text that says something.
func or(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return "no zone"
}
