package baseline

import (
	"context"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Talk is one conversation of a baseline.
type Talk struct {
	ID         string     `json:"id"`
	Group      string     `json:"group"`
	SiteID     string     `json:"site_id"`
	ZoneID     string     `json:"zone_id"`
	State      string     `json:"state"`
	Client     string     `json:"client" doc:"Address"`
	ClientName string     `json:"client_name" doc:"Of the asset that has it; else the address"`
	ClientID   string     `json:"client_asset"`
	Server     string     `json:"server"`
	ServerName string     `json:"server_name"`
	ServerID   string     `json:"server_asset"`
	Transport  string     `json:"transport"`
	Port       int64      `json:"port"`
	Protocol   string     `json:"protocol"`
	Classes    []string   `json:"classes" nullable:"false"`
	Does       string     `json:"does"`
	Verdict    string     `json:"verdict" enum:"learned,new,approved,denied,expired"`
	FirstAt    store.Time `json:"first_at"`
	LastAt     store.Time `json:"last_at"`
	Weekdays   []int      `json:"weekdays" nullable:"false" doc:"Hours of working days in which it was heard, the site's clock"`
	Weekends   []int      `json:"weekends" nullable:"false"`
	Rate       int64      `json:"rate" doc:"Most packets in a minute"`
	Until      store.Time `json:"until"`
	SilentAt   store.Time `json:"silent_at" doc:"Since when it is silent, where it never was before"`
	Functions  []Function `json:"functions,omitempty" doc:"Only of one conversation"`
}

// Function is one thing that the client asks.
type Function struct {
	ID       string     `json:"id"`
	Protocol string     `json:"protocol"`
	Kind     string     `json:"kind"`
	Code     int64      `json:"code"`
	Text     string     `json:"text"`
	Name     string     `json:"name"`
	Class    string     `json:"class"`
	Unit     int64      `json:"unit"`
	Area     int64      `json:"area"`
	From     *int64     `json:"from" doc:"Lowest element touched; null: none"`
	To       *int64     `json:"to"`
	Verdict  string     `json:"verdict" enum:"learned,new,approved,denied,expired"`
	FirstAt  store.Time `json:"first_at"`
	LastAt   store.Time `json:"last_at"`
}

type listed struct {
	talk
	SiteID string `db:"site_id"`
	ZoneID string `db:"zone_id"`
}

// TalkFilter narrows conversations.
type TalkFilter struct {
	Group, Verdict, Cursor string
	Limit                  int
}

const listedFrom = ` FROM baseline_talk t JOIN org_site o ON o.site_no = t.site_no LEFT JOIN org_zone z ON z.zone_no = t.zone_no`

func hoursIn(bits int64) []int {
	out := []int{}
	for h := range 24 {
		if bits&(1<<h) != 0 {
			out = append(out, h)
		}
	}
	return out
}

func (x *listed) show(names map[End]Named) Talk {
	t := Talk{
		ID: x.id(), Group: groupID(x.SiteNo, x.Pattern), SiteID: x.SiteID, ZoneID: x.ZoneID, State: x.State, Client: x.Client, ClientName: x.Client, Server: x.Server, ServerName: x.Server,
		Transport: x.Transport, Port: x.Port, Protocol: x.Protocol, Classes: classNames(x.Classes), Does: does(ot.Class(x.Classes)), Verdict: x.Verdict, FirstAt: store.Micros(x.First),
		LastAt: store.Micros(x.Last), Weekdays: hoursIn(x.Hours), Weekends: hoursIn(x.Hours >> 24), Rate: x.Rate, Until: x.Until, SilentAt: x.Silent,
	}
	if n, ok := names[End{x.RealmNo, x.Client}]; ok {
		t.ClientID = n.AssetID
		if n.Name != "" {
			t.ClientName = n.Name
		}
	}
	if n, ok := names[End{x.RealmNo, x.Server}]; ok {
		t.ServerID = n.AssetID
		if n.Name != "" {
			t.ServerName = n.Name
		}
	}
	return t
}

// Named is the asset that has an address.
type Named struct{ AssetID, Name string }

func (s *Service) named(ctx context.Context, r store.Reader, siteNo int64, rows []listed) (map[End]Named, error) {
	seen := map[End]bool{}
	var ends []End
	for i := range rows {
		for _, e := range []End{{rows[i].RealmNo, rows[i].Client}, {rows[i].RealmNo, rows[i].Server}} {
			if !seen[e] {
				seen[e] = true
				ends = append(ends, e)
			}
		}
	}
	return s.cfg.Plant.Names(ctx, r, siteNo, ends)
}

// Talks lists the conversations of a group.
func (s *Service) Talks(ctx context.Context, scope Scope, f TalkFilter) (page rest.Page[Talk], err error) {
	siteNo, _, h, err := parseID(f.Group)
	if err != nil || len(h) != 1 {
		return page, ot.Errorf(ot.NotFound, "there is no such group")
	}
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	q := "SELECT " + talkColumns + ", o.site_id, COALESCE(z.zone_id, 'none') AS zone_id" + listedFrom + " WHERE t.site_no = ? AND t.pattern = ? AND ?"
	args := []any{siteNo, h[0], scope.Where("t.site_no", "t.zone_no")}
	if f.Verdict != "" {
		q += " AND t.verdict = ?"
		args = append(args, f.Verdict)
	}
	if f.Cursor != "" {
		var after int64
		if err := rest.DecodeCursor(f.Cursor, &after); err != nil {
			return page, err
		}
		q += " AND t.talk > ?"
		args = append(args, after)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[listed](ctx, r, q+" ORDER BY t.talk LIMIT ?", append(args, f.Limit+1)...)
		if err != nil {
			return err
		}
		names, err := s.named(ctx, r, siteNo, rows)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, f.Limit, func(x listed) string { return rest.EncodeCursor(x.talk.Talk) })
		page = rest.Page[Talk]{Items: make([]Talk, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].show(names))
		}
		return nil
	})
	return page, err
}

// Talk gives one conversation with its functions.
func (s *Service) Talk(ctx context.Context, scope Scope, id string) (out Talk, err error) {
	siteNo, state, h, err := parseID(id)
	if err != nil || len(h) != 1 || state == "" {
		return out, ot.Errorf(ot.NotFound, "the baseline has no entry %s", ot.Printable(id))
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := store.One[listed](ctx, r, "SELECT "+talkColumns+", o.site_id, COALESCE(z.zone_id, 'none') AS zone_id"+listedFrom+" WHERE t.site_no = ? AND t.state = ? AND t.talk = ? AND ?",
			siteNo, state, h[0], scope.Where("t.site_no", "t.zone_no"))
		if err != nil {
			return err
		}
		names, err := s.named(ctx, r, siteNo, []listed{x})
		if err != nil {
			return err
		}
		out = x.show(names)
		fns, err := store.All[function](ctx, r, "SELECT "+functionColumns+" FROM baseline_function f WHERE f.site_no = ? AND f.state = ? AND f.talk = ? ORDER BY f.class, f.protocol, f.code, f.fn LIMIT 500", siteNo, state, h[0])
		if err != nil {
			return err
		}
		out.Functions = make([]Function, 0, len(fns))
		for i := range fns {
			out.Functions = append(out.Functions, fns[i].show())
		}
		return nil
	})
	return out, err
}

func (f *function) show() Function {
	x := Function{
		ID: f.id(), Protocol: f.Protocol, Kind: f.Kind, Code: f.Code, Text: f.Text, Name: f.Name, Class: f.Class, Unit: f.Unit, Area: f.Area, Verdict: f.Verdict,
		FirstAt: store.Micros(f.First), LastAt: store.Micros(f.Last),
	}
	if f.Hi > 0 {
		x.From, x.To = new(f.Lo), new(f.Hi-1)
	}
	return x
}
