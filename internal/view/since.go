package view

import (
	"context"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Levels says what moved; comply.Service is one.
type Levels interface {
	Moved(ctx context.Context, scope auth.Scope, from time.Time) ([]comply.Move, error)
}

// Digest answers "what happened since": one page for a site or for all that a person sees.
type Digest struct {
	db     *store.DB
	levels Levels
	now    func() time.Time
}

// NewDigest makes a Digest.
func NewDigest(db *store.DB, levels Levels, now func() time.Time) *Digest {
	if now == nil {
		now = time.Now
	}
	return &Digest{db: db, levels: levels, now: now}
}

// perPart bounds what a part of the page shows; the page must stay one.
const perPart = 12

// Part is one part of the page: its first lines, and how many there are.
type Part[T any] struct {
	Items []T `json:"items" nullable:"false"`
	Total int `json:"total"`
}

func part[T any](rows []T) Part[T] {
	if rows == nil {
		rows = []T{}
	}
	return Part[T]{rows[:min(len(rows), perPart)], len(rows)}
}

// SiteName names a site.
type SiteName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Since is the page. A part that the person may not see is empty and named in Hidden.
type Since struct {
	From        store.Time          `json:"from"`
	To          store.Time          `json:"to"`
	Chosen      string              `json:"chosen" enum:"working-day,visit,asked" doc:"working-day: since the last working day's end; visit: since you were last here"`
	Sites       []SiteName          `json:"sites" nullable:"false"`
	Hidden      []string            `json:"hidden" nullable:"false" doc:"Parts that your role does not open"`
	Levels      Part[comply.Move]   `json:"levels"`
	Devices     Part[NewDevice]     `json:"devices"`
	Connections Part[NewConnection] `json:"connections"`
	Changes     Part[WireChange]    `json:"changes"`
	Expiring    Part[Expiry]        `json:"expiring" doc:"Within 14 days"`
	Outages     Part[Outage]        `json:"outages"`
	SignIns     Part[SignIn]        `json:"sign_ins"`
	Decisions   Part[Decision]      `json:"decisions"`
}

// SinceFilter says since when, of which site.
type SinceFilter struct {
	Since string // 1d, 3d, 12h, visit, a day or a time; empty: the last working day's end
	To    time.Time
	Site  string
}

type sinceSite struct {
	No       int64  `db:"site_no"`
	ID       string `db:"site_id"`
	Name     string `db:"name"`
	TZ       string `db:"tz"`
	EntityID string `db:"entity_id"`
}

// look is one person's look at one stretch of time.
type look struct {
	r        store.Reader
	p        auth.Principal
	sites    []sinceSite
	numbers  []int64
	from, to store.Time
	now      time.Time
	names    map[int64]SiteName
}

// in is the predicate over a site's number: within the scope, and the sites asked for.
func (l *look) in(siteCol, zoneCol string) ot.SQL {
	return ot.SQL{Text: "(? AND " + siteCol + " IN (?))", Args: []any{l.p.Scope.Where(siteCol, zoneCol), l.numbers}}
}

// Since looks. The person's scope and permissions say what is in it.
func (d *Digest) Since(ctx context.Context, p auth.Principal, f SinceFilter) (out Since, err error) {
	now := d.now()
	to := now
	if !f.To.IsZero() {
		to = f.To
	}
	hidden := []string{}
	may := func(need auth.Permission, part string) bool {
		if !p.Permissions.Has(need) {
			hidden = append(hidden, part)
			return false
		}
		return true
	}
	err = d.db.View(ctx, func(r store.Reader) error {
		l := &look{r: r, p: p, now: now, to: store.At(to), names: map[int64]SiteName{}}
		q, args := "SELECT s.site_no, s.site_id, s.name, s.tz, s.entity_id FROM org_site s WHERE ?", []any{p.Scope.Where("s.site_no", "")}
		if f.Site != "" {
			q += " AND s.site_id = ?"
			args = append(args, f.Site)
		}
		if l.sites, err = store.All[sinceSite](ctx, r, q+" ORDER BY s.name, s.site_no", args...); err != nil {
			return err
		}
		if f.Site != "" && len(l.sites) == 0 {
			return ot.Errorf(ot.NotFound, "there is no site %s", ot.Printable(f.Site))
		}
		out.Sites = []SiteName{}
		for _, s := range l.sites {
			l.numbers = append(l.numbers, s.No)
			l.names[s.No] = SiteName{s.ID, s.Name}
			out.Sites = append(out.Sites, SiteName{s.ID, s.Name})
		}
		from, chosen, err := l.begin(ctx, f.Since)
		if err != nil {
			return err
		}
		l.from = store.At(from)
		out.From, out.To, out.Chosen = l.from, l.to, chosen
		for _, x := range []struct {
			need auth.Permission
			name string
			read func(context.Context) error
		}{
			{auth.AssetRead, "devices", func(ctx context.Context) (err error) { out.Devices, err = l.devices(ctx); return err }},
			{auth.NetworkRead, "connections", func(ctx context.Context) (err error) { out.Connections, err = l.connections(ctx); return err }},
			{auth.NetworkRead, "changes", func(ctx context.Context) (err error) {
				out.Changes, err = l.changes(ctx, ot.SQL{Text: "1 = 1"})
				return err
			}},
			{auth.PostureRead, "expiring", func(ctx context.Context) (err error) { out.Expiring, err = l.expiring(ctx); return err }},
			{auth.NetworkRead, "outages", func(ctx context.Context) (err error) { out.Outages, err = l.outages(ctx); return err }},
			{auth.AuditRead, "sign_ins", func(ctx context.Context) (err error) { out.SignIns, err = l.signIns(ctx); return err }},
			{auth.AssetRead, "decisions", func(ctx context.Context) (err error) { out.Decisions, err = l.decisions(ctx); return err }},
		} {
			if !may(x.need, x.name) {
				continue
			}
			if err := x.read(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Hidden = hidden
	out.fill()
	moves, err := d.levels.Moved(ctx, p.Scope, out.From.Time)
	if err != nil {
		return out, err
	}
	if f.Site != "" {
		mine := moves[:0]
		for _, m := range moves {
			if m.SiteID == f.Site {
				mine = append(mine, m)
			}
		}
		moves = mine
	}
	out.Levels = part(moves)
	return out, nil
}

// fill gives parts that were not read their empty lists.
func (s *Since) fill() {
	if s.Devices.Items == nil {
		s.Devices.Items = []NewDevice{}
	}
	if s.Connections.Items == nil {
		s.Connections.Items = []NewConnection{}
	}
	if s.Changes.Items == nil {
		s.Changes.Items = []WireChange{}
	}
	if s.Expiring.Items == nil {
		s.Expiring.Items = []Expiry{}
	}
	if s.Outages.Items == nil {
		s.Outages.Items = []Outage{}
	}
	if s.SignIns.Items == nil {
		s.SignIns.Items = []SignIn{}
	}
	if s.Decisions.Items == nil {
		s.Decisions.Items = []Decision{}
	}
}

// maxSince is how far back the page looks: it is about the last days, not about history.
const maxSince = 92 * 24 * time.Hour

// begin finds the moment from which the page tells.
func (l *look) begin(ctx context.Context, since string) (time.Time, string, error) {
	where := time.UTC
	if len(l.sites) > 0 {
		if tz, err := time.LoadLocation(l.sites[0].TZ); err == nil {
			where = tz
		}
	}
	switch since {
	case "":
		return workingDayEnd(l.now.In(where)), "working-day", nil
	case "visit":
		type visit struct {
			At store.Time `db:"at"`
		}
		v, err := store.One[visit](ctx, l.r, "SELECT MAX(seen_at) AS at FROM auth_session WHERE user_id = ? AND session_id <> ?", l.p.UserID, l.p.SessionID)
		if err != nil {
			return time.Time{}, "", err
		}
		if v.At.IsZero() || l.now.Sub(v.At.Time) > maxSince {
			return workingDayEnd(l.now.In(where)), "working-day", nil
		}
		return v.At.Time, "visit", nil
	}
	from, err := parseSince(since, l.now, where)
	return from, "asked", err
}

// parseSince reads 12h, 3d, a day (2026-11-20: its beginning at the site) or a time.
func parseSince(since string, now time.Time, where *time.Location) (time.Time, error) {
	bad := ot.Errorf(ot.Invalid, "since: %q is none of 12h, 3d, 2026-11-20, 2026-11-20T16:00:00Z, visit", ot.Printable(since))
	var from time.Time
	if days, ok := strings.CutSuffix(since, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		if err != nil {
			return from, bad
		}
		from = now.Add(-24 * d)
	} else if d, err := time.ParseDuration(since); err == nil {
		from = now.Add(-d)
	} else if t, err := time.ParseInLocation(time.DateOnly, since, where); err == nil {
		from = t
	} else if t, err := time.Parse(time.RFC3339, since); err == nil {
		from = t
	} else {
		return from, bad
	}
	if !from.Before(now) || now.Sub(from) > maxSince {
		return from, ot.Errorf(ot.Invalid, "since: look back from a minute to 92 days; %q is outside of that", ot.Printable(since))
	}
	return from, nil
}

// dayEnd is when a working day ends, by the site's clock.
const dayEnd = 16

// workingDayEnd is the end of the last working day before today: on a Monday, Friday afternoon.
func workingDayEnd(now time.Time) time.Time {
	d := now.AddDate(0, 0, -1)
	for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		d = d.AddDate(0, 0, -1)
	}
	return time.Date(d.Year(), d.Month(), d.Day(), dayEnd, 0, 0, 0, now.Location())
}
