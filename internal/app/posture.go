package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// PostureCmd prints the heat map of the first page. It only reads, also beside a running server.
type PostureCmd struct {
	DataFlag `embed:""`
	Site     string `help:"Only this site, by name or id; prints each requirement of it."`
	Since    string `help:"What happened since: 12h, 3d or a day, as 2026-11-20; last: since the last working day's end." placeholder:"SPAN"`
	AsOf     string `name:"as-of" help:"As it was on a day, as 2026-11-20." placeholder:"DAY"`
	JSON     bool   `help:"Print JSON as GET /api/v1/posture does."`
}

// Help shows the command at work.
func (c *PostureCmd) Help() string {
	return "Example:\n  skanse posture\n  skanse posture --site Aarhus\n  skanse posture --json | jq .headline\n  skanse posture --since 3d --site Esbjerg\n\nIt reads what the server judged last; it works beside a running server."
}

// Run prints the posture.
func (c *PostureCmd) Run(env *Env) error {
	if err := c.exists(); err != nil {
		return err
	}
	var asOf time.Time
	if c.AsOf != "" {
		var err error
		if asOf, err = time.Parse(time.DateOnly, c.AsOf); err != nil {
			return ot.Errorf(ot.Invalid, "--as-of %q is not a day: write it as 2026-11-20", c.AsOf)
		}
	}
	db, err := store.Open(env.Ctx, store.Config{URL: c.url(), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	if err := db.CheckSchema(env.Ctx, schema()); err != nil {
		return err
	}
	s, err := comply.New(db, comply.Config{})
	if err != nil {
		return err
	}
	if c.Since != "" {
		return c.since(env, db, s)
	}
	p, err := s.Posture(env.Ctx, auth.System().Scope, asOf)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(p)
	}
	out := bufio.NewWriter(env.Stdout)
	if c.Site == "" {
		writePosture(out, p)
		return out.Flush()
	}
	for _, x := range p.Sites {
		if x.ID != c.Site && !strings.EqualFold(x.Name, c.Site) {
			continue
		}
		items, err := s.Requirements(env.Ctx, auth.System().Scope, 0, x.ID, asOf)
		if err != nil {
			return err
		}
		writeSitePosture(out, x, items)
		return out.Flush()
	}
	return ot.Errorf(ot.NotFound, "there is no site %q: skanse posture lists them", c.Site)
}

// The marks of a state: shape before colour, so that a printed page says the same.
func stateMark(c comply.Cell) string {
	level := "?"
	if c.Level != nil {
		level = fmt.Sprint(*c.Level)
	}
	switch c.State {
	case comply.StateAt:
		return level + " "
	case comply.StateBelow:
		return level + "v"
	case comply.StateKeyBelow:
		return level + "!"
	case comply.StateContradicted:
		return level + "X"
	case comply.StateNA:
		return "- "
	}
	return "? "
}

const (
	areaWidth = 34
	siteWidth = 14
)

// fit cuts or fills to a width, so that a hostile or long name breaks no table.
func fit(s string, width int) string {
	s = ot.Printable(s)
	n := utf8.RuneCountInString(s)
	if n > width {
		r := []rune(s)
		return string(r[:width-1]) + "…"
	}
	return s + strings.Repeat(" ", width-n)
}

func writePosture(w io.Writer, p comply.Posture) {
	h := p.Headline
	fmt.Fprintf(w, "%d of %d requirements at target; %d contradicted, %d key below, %d unknown. %s, %s.\n\n", h.AtTarget, h.Total, h.Contradicted, h.KeyBelow, h.Unknown,
		ot.Printable(p.Profile.Name), p.AsOf.Format("2 Jan 2006 15:04 MST"))
	fmt.Fprint(w, fit("Area", areaWidth), fit("company", 9))
	for _, s := range p.Sites {
		fmt.Fprint(w, fit(s.Name, siteWidth), " ")
	}
	fmt.Fprintln(w)
	for _, a := range p.Areas {
		fmt.Fprint(w, fit(fmt.Sprintf("%2s %s", a.ID, a.Name), areaWidth), fit(stateMark(a.Entity), 9))
		for _, s := range p.Sites {
			fmt.Fprint(w, fit(stateMark(a.Sites[s.ID]), siteWidth), " ")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "\nLevels 0 to 5. ? unknown   v below target   ! key below target   X declared one way, measured another   - does not apply")
	if len(p.Needs) > 0 {
		fmt.Fprintln(w, "\nNeeds a person:")
	}
	for _, n := range p.Needs {
		fmt.Fprintf(w, "  %-8s %s\n           %s\n", n.Severity, ot.Printable(n.Title), ot.Printable(n.Detail))
	}
}

func writeSitePosture(w io.Writer, site comply.SiteRef, items []comply.RequirementItem) {
	fmt.Fprintf(w, "%s\n\n", ot.Printable(site.Name))
	area := ""
	for _, it := range items {
		c := it.Sites[site.ID]
		if it.AliasOf != "" {
			continue
		}
		if it.Area != area {
			area = it.Area
			fmt.Fprintln(w)
		}
		key := " "
		if it.Key {
			key = "K"
		}
		fmt.Fprintf(w, "%s %s %s %s\n", fit(it.ID, 6), key, stateMark(c), ot.Printable(it.Title))
		fmt.Fprintf(w, "            %s\n", ot.Printable(c.Why))
		if c.Lift != "" && c.State != comply.StateAt {
			fmt.Fprintf(w, "            %s\n", ot.Printable(c.Lift))
		}
	}
}
