package baseline

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Drift is what became different between two dates.
type Drift struct {
	SiteID  string     `json:"site_id"`
	From    store.Time `json:"from"`
	To      store.Time `json:"to"`
	Before  int64      `json:"before" doc:"Conversations that were normal at the first date"`
	After   int64      `json:"after"`
	Added   []Talk     `json:"added" nullable:"false" doc:"First heard in between; at most 500"`
	Gone    []Talk     `json:"gone" nullable:"false" doc:"Heard in the week up to the first date, not in the week up to the second"`
	Changed []Step     `json:"changed" nullable:"false" doc:"New functions, wider ranges, rates, hours, and what people decided, the newest first"`
	More    bool       `json:"more" doc:"A list was cut"`
}

// Step is one line of the log.
type Step struct {
	At       store.Time `json:"at"`
	What     string     `json:"what" enum:"new-device,new-conversation,new-function,out-of-range,rate,time,silence,returned,denied,approved,expired,learned"`
	Was      string     `json:"was"`
	Now      string     `json:"now"`
	By       string     `json:"by" doc:"Empty: the traffic"`
	Talk     string     `json:"talk"`
	Client   string     `json:"client" doc:"Name of the asset, else its address"`
	Server   string     `json:"server"`
	Protocol string     `json:"protocol"`
	State    string     `json:"state"`
	Zone     string     `json:"zone"`
}

const (
	mostDrift = 500
	// A conversation counts as there at a date when it was heard in the week up to it.
	presence = 7 * 24 * time.Hour
)

// Drift compares a site's baseline at two dates.
func (s *Service) Drift(ctx context.Context, scope Scope, siteID, zoneID, state string, from, to time.Time) (out Drift, err error) {
	if !from.Before(to) {
		return out, ot.Errorf(ot.Invalid, "from, to: the first date must lie before the second")
	}
	out = Drift{SiteID: siteID, From: store.At(from), To: store.At(to), Added: []Talk{}, Gone: []Talk{}, Changed: []Step{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		no, err := siteNoOf(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		where := ot.SQL{Text: "t.site_no = ? AND ?", Args: []any{no, scope.Where("t.site_no", "t.zone_no")}}
		if zoneID != "" {
			where = ot.SQL{Text: "? AND COALESCE(z.zone_id, 'none') = ?", Args: []any{where, zoneID}}
		}
		if state != "" {
			where = ot.SQL{Text: "? AND t.state = ?", Args: []any{where, state}}
		}
		a, b, week := from.UnixMicro(), to.UnixMicro(), presence.Microseconds()
		for _, x := range []struct {
			to *int64
			at int64
		}{{&out.Before, a}, {&out.After, b}} {
			if *x.to, err = store.One[int64](ctx, r, "SELECT COUNT(*)"+listedFrom+" WHERE ? AND t.first_at <= ? AND t.last_at > ?", where, x.at, x.at-week); err != nil {
				return err
			}
		}
		read := func(cond ot.SQL) ([]Talk, error) {
			rows, err := store.All[listed](ctx, r, "SELECT "+talkColumns+", o.site_id, COALESCE(z.zone_id, 'none') AS zone_id"+listedFrom+" WHERE ? AND ? ORDER BY t.first_at DESC, t.talk LIMIT ?", where, cond, mostDrift+1)
			if err != nil {
				return nil, err
			}
			if len(rows) > mostDrift {
				out.More, rows = true, rows[:mostDrift]
			}
			names, err := s.named(ctx, r, no, rows)
			talks := make([]Talk, 0, len(rows))
			for i := range rows {
				talks = append(talks, rows[i].show(names))
			}
			return talks, err
		}
		if out.Added, err = read(ot.SQL{Text: "t.first_at > ? AND t.first_at <= ?", Args: []any{a, b}}); err != nil {
			return err
		}
		if out.Gone, err = read(ot.SQL{Text: "t.first_at <= ? AND t.last_at > ? AND t.last_at <= ?", Args: []any{a, a - week, b - week}}); err != nil {
			return err
		}
		out.Changed, err = s.steps(ctx, r, no, where, a, b)
		if len(out.Changed) > mostDrift {
			out.More, out.Changed = true, out.Changed[:mostDrift]
		}
		return err
	})
	return out, err
}

func (s *Service) steps(ctx context.Context, r store.Reader, siteNo int64, where ot.SQL, from, to int64) ([]Step, error) {
	type row struct {
		talk
		At   store.Time `db:"at"`
		What string     `db:"what"`
		Was  string     `db:"was"`
		Now  string     `db:"now"`
		By   string     `db:"by_name"`
		Zone string     `db:"zone"`
	}
	rows, err := store.All[row](ctx, r, "SELECT "+talkColumns+", l.at, l.what, l.was, l.now, l.by_name, COALESCE(z.name, '') AS zone"+listedFrom+
		" JOIN baseline_log l ON l.site_no = t.site_no AND l.state = t.state AND l.talk = t.talk WHERE ? AND l.at > ? AND l.at <= ? ORDER BY l.at DESC, l.log_id LIMIT ?", where, from, to, mostDrift+1)
	if err != nil {
		return nil, err
	}
	ends := make([]listed, len(rows))
	for i := range rows {
		ends[i].talk = rows[i].talk
	}
	names, err := s.named(ctx, r, siteNo, ends)
	out := make([]Step, 0, len(rows))
	for i := range rows {
		x, shown := &rows[i], ends[i].show(names)
		out = append(out, Step{At: x.At, What: x.What, Was: x.Was, Now: x.Now, By: x.By, Talk: x.id(), Client: shown.ClientName, Server: shown.ServerName, Protocol: service(&x.talk), State: x.State, Zone: x.Zone})
	}
	return out, err
}
