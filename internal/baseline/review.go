package baseline

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Baseline is one zone in one state of the plant, with how far its review has come.
type Baseline struct {
	SiteID    string     `json:"site_id"`
	ZoneID    string     `json:"zone_id" doc:"none: hosts in no zone"`
	Zone      string     `json:"zone"`
	State     string     `json:"state" enum:"production,turnaround,commissioning,cleaning,standstill"`
	Phase     string     `json:"phase" enum:"learning,protecting,commissioning"`
	Since     store.Time `json:"since"`
	Until     store.Time `json:"until"`
	By        string     `json:"by"`
	Reason    string     `json:"reason"`
	Talks     int64      `json:"talks" doc:"Conversations in it"`
	Undecided int64      `json:"undecided" doc:"Learned, and nobody said a word"`
	New       int64      `json:"new"`
	Approved  int64      `json:"approved"`
	Denied    int64      `json:"denied"`
	FirstAt   store.Time `json:"first_at"`
	LastAt    store.Time `json:"last_at"`
	ETag      string     `json:"etag"`
}

// Baselines lists what a site learned, a zone and state each. A zone without any is not there.
func (s *Service) Baselines(ctx context.Context, scope Scope, siteID string) (out []Baseline, err error) {
	type row struct {
		ZoneNo   int64  `db:"zone_no"`
		ZoneID   string `db:"zone_id"`
		Zone     string `db:"zone"`
		State    string `db:"state"`
		N        int64  `db:"n"`
		Learned  int64  `db:"learned"`
		Fresh    int64  `db:"fresh"`
		Approved int64  `db:"approved"`
		Denied   int64  `db:"denied"`
		First    int64  `db:"first_at"`
		Last     int64  `db:"last_at"`
	}
	out = []Baseline{}
	err = s.db.View(ctx, func(r store.Reader) error {
		no, err := siteNoOf(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		rows, err := store.All[row](ctx, r, `SELECT t.zone_no, COALESCE(z.zone_id, 'none') AS zone_id, COALESCE(z.name, '') AS zone, t.state, COUNT(*) AS n,
 SUM(CASE WHEN t.verdict = 'learned' THEN 1 ELSE 0 END) AS learned, SUM(CASE WHEN t.verdict = 'new' THEN 1 ELSE 0 END) AS fresh,
 SUM(CASE WHEN t.verdict = 'approved' THEN 1 ELSE 0 END) AS approved, SUM(CASE WHEN t.verdict = 'denied' THEN 1 ELSE 0 END) AS denied, MIN(t.first_at) AS first_at, MAX(t.last_at) AS last_at
 FROM baseline_talk t LEFT JOIN org_zone z ON z.zone_no = t.zone_no WHERE t.site_no = ? AND ? GROUP BY t.zone_no, z.zone_id, z.name, t.state`, no, scope.Where("t.site_no", "t.zone_no"))
		if err != nil {
			return err
		}
		phases, err := phasesOf(ctx, r, no)
		if err != nil {
			return err
		}
		now := s.now()
		for _, x := range rows {
			p := phases[phaseKey{x.ZoneNo, x.State}]
			out = append(out, Baseline{
				SiteID: siteID, ZoneID: x.ZoneID, Zone: x.Zone, State: x.State, Phase: phaseIn(phases, x.ZoneNo, x.State, now), Since: p.Since, Until: p.Until, By: p.By, Reason: p.Reason,
				Talks: x.N, Undecided: x.Learned, New: x.Fresh, Approved: x.Approved, Denied: x.Denied, FirstAt: store.Micros(x.First), LastAt: store.Micros(x.Last),
				ETag: etagOf(siteID, x.ZoneID, x.State, p.Version),
			})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Baseline) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.ZoneID, b.ZoneID), cmp.Compare(slices.Index(States(), a.State), slices.Index(States(), b.State)))
	})
	return out, err
}

// Group is what conversations have in common: "these 14 are one pattern: HMI polls PLC".
type Group struct {
	ID         string     `json:"id"`
	SiteID     string     `json:"site_id"`
	ZoneID     string     `json:"zone_id"`
	Zone       string     `json:"zone"`
	State      string     `json:"state"`
	ClientRole string     `json:"client_role"`
	ServerRole string     `json:"server_role"`
	ClientZone string     `json:"client_zone" doc:"Name; empty: in none, Internet: outside"`
	ServerZone string     `json:"server_zone"`
	Protocol   string     `json:"protocol" doc:"Empty: not recognised"`
	Transport  string     `json:"transport"`
	Port       int64      `json:"port" doc:"Of one of them"`
	Classes    []string   `json:"classes" nullable:"false"`
	Does       string     `json:"does" enum:"talks,polls,sets,programs,configures,controls,files,signs_in,finds" doc:"The gravest of what they do"`
	Verdict    string     `json:"verdict" enum:"learned,new,approved,denied,expired"`
	Talks      int64      `json:"talks"`
	Clients    int64      `json:"clients"`
	Servers    int64      `json:"servers"`
	FirstAt    store.Time `json:"first_at"`
	LastAt     store.Time `json:"last_at"`
	Until      store.Time `json:"until"`
}

// Filter narrows groups.
type Filter struct {
	Site, Zone, State, Verdict string
	Cursor                     string
	Limit                      int
}

// does names the gravest of what a conversation's messages do.
func does(c ot.Class) string {
	switch {
	case c&(ot.ProgramDownload|ot.ProgramUpload|ot.Firmware) != 0:
		return "programs"
	case c&ot.Control != 0:
		return "controls"
	case c&ot.Configure != 0:
		return "configures"
	case c&ot.Write != 0:
		return "sets"
	case c&(ot.Read|ot.Cyclic) != 0:
		return "polls"
	case c&ot.File != 0:
		return "files"
	case c&ot.Login != 0:
		return "signs_in"
	case c&ot.Discover != 0:
		return "finds"
	}
	return "talks"
}

func classNames(c int64) []string {
	out := []string{}
	for i, name := range ot.ClassNames {
		if c&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// Groups lists the patterns of a site, the gravest and largest first.
func (s *Service) Groups(ctx context.Context, scope Scope, f Filter) (page rest.Page[Group], err error) {
	type row struct {
		SiteID     string     `db:"site_id"`
		SiteNo     int64      `db:"site_no"`
		Pattern    int64      `db:"pattern"`
		ZoneID     string     `db:"zone_id"`
		Zone       string     `db:"zone"`
		State      string     `db:"state"`
		ClientRole string     `db:"client_role"`
		ServerRole string     `db:"server_role"`
		ClientZone string     `db:"client_zone"`
		ServerZone string     `db:"server_zone"`
		Protocol   string     `db:"protocol"`
		Transport  string     `db:"transport"`
		Port       int64      `db:"port"`
		Classes    int64      `db:"classes"`
		Verdict    string     `db:"verdict"`
		N          int64      `db:"n"`
		Clients    int64      `db:"clients"`
		Servers    int64      `db:"servers"`
		First      int64      `db:"first_at"`
		Last       int64      `db:"last_at"`
		Until      store.Time `db:"until_at"`
	}
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	type position struct {
		N       int64  `json:"n"`
		Pattern int64  `json:"p"`
		Verdict string `json:"v"`
		Site    int64  `json:"s"`
	}
	q := `SELECT * FROM (SELECT o.site_id, t.site_no, t.pattern, COALESCE(z.zone_id, 'none') AS zone_id, COALESCE(z.name, '') AS zone, t.state, t.client_role, t.server_role,
 CASE WHEN t.client_zone_no = -1 THEN 'Internet' ELSE COALESCE(cz.name, '') END AS client_zone, CASE WHEN t.server_zone_no = -1 THEN 'Internet' ELSE COALESCE(sz.name, '') END AS server_zone,
 MIN(t.protocol) AS protocol, MIN(t.transport) AS transport, MIN(t.port) AS port, MIN(t.classes) AS classes, t.verdict,
 COUNT(*) AS n, COUNT(DISTINCT t.client) AS clients, COUNT(DISTINCT t.server) AS servers, MIN(t.first_at) AS first_at, MAX(t.last_at) AS last_at, MIN(t.until_at) AS until_at
 FROM baseline_talk t JOIN org_site o ON o.site_no = t.site_no LEFT JOIN org_zone z ON z.zone_no = t.zone_no
 LEFT JOIN org_zone cz ON cz.zone_no = t.client_zone_no LEFT JOIN org_zone sz ON sz.zone_no = t.server_zone_no WHERE ?`
	args := []any{scope.Where("t.site_no", "t.zone_no")}
	for _, c := range []struct{ text, value string }{{"o.site_id = ?", f.Site}, {"COALESCE(z.zone_id, 'none') = ?", f.Zone}, {"t.state = ?", f.State}} {
		if c.value != "" {
			q += " AND " + c.text
			args = append(args, c.value)
		}
	}
	switch f.Verdict {
	case "":
	case "undecided":
		q += " AND t.verdict IN ('learned', 'new', 'expired')"
	default:
		q += " AND t.verdict = ?"
		args = append(args, f.Verdict)
	}
	q += " GROUP BY o.site_id, t.site_no, t.pattern, z.zone_id, z.name, t.state, t.client_role, t.server_role, t.client_zone_no, t.server_zone_no, cz.name, sz.name, t.verdict) g"
	if f.Cursor != "" {
		var p position
		if err := rest.DecodeCursor(f.Cursor, &p); err != nil {
			return page, err
		}
		q += " WHERE (g.n < ? OR g.n = ? AND (g.site_no > ? OR g.site_no = ? AND (g.pattern > ? OR g.pattern = ? AND g.verdict > ?)))"
		args = append(args, p.N, p.N, p.Site, p.Site, p.Pattern, p.Pattern, p.Verdict)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, q+" ORDER BY g.n DESC, g.site_no, g.pattern, g.verdict LIMIT ?", append(args, f.Limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, f.Limit, func(x row) string { return rest.EncodeCursor(position{x.N, x.Pattern, x.Verdict, x.SiteNo}) })
		page = rest.Page[Group]{Items: make([]Group, 0, len(cut.Items)), Next: cut.Next}
		for _, x := range cut.Items {
			page.Items = append(page.Items, Group{
				ID: groupID(x.SiteNo, x.Pattern), SiteID: x.SiteID, ZoneID: x.ZoneID, Zone: x.Zone, State: x.State, ClientRole: x.ClientRole, ServerRole: x.ServerRole, ClientZone: x.ClientZone,
				ServerZone: x.ServerZone, Protocol: x.Protocol, Transport: x.Transport, Port: x.Port, Classes: classNames(x.Classes), Does: does(ot.Class(x.Classes)), Verdict: x.Verdict, Talks: x.N,
				Clients: x.Clients, Servers: x.Servers, FirstAt: store.Micros(x.First), LastAt: store.Micros(x.Last), Until: x.Until,
			})
		}
		return nil
	})
	return page, err
}

// Decision is what a person says of groups, conversations and functions.
type Decision struct {
	Groups    []string   `json:"groups,omitempty" maxItems:"500"`
	Talks     []string   `json:"talks,omitempty" maxItems:"500"`
	Functions []string   `json:"functions,omitempty" maxItems:"500"`
	Of        string     `json:"of,omitempty" enum:",learned,new,approved,denied,expired" doc:"Of groups: only what has this verdict; empty: what nobody decided on"`
	Verdict   string     `json:"verdict" enum:"approved,denied,expire" doc:"expire: let it go; heard again it is new"`
	Reason    string     `json:"reason,omitempty" maxLength:"1000"`
	Until     *time.Time `json:"until,omitempty" doc:"approved: only until then. expire: when; empty: at once"`
}

// Decided counts what a decision changed.
type Decided struct {
	Talks     int64 `json:"talks"`
	Functions int64 `json:"functions"`
}

// Decide writes a decision; what the person may not see is as if it were not there.
func (s *Service) Decide(ctx context.Context, scope Scope, by string, d Decision) (out Decided, err error) {
	d.Reason = ot.Printable(strings.TrimSpace(d.Reason))
	now := s.now()
	switch {
	case len(d.Groups)+len(d.Talks)+len(d.Functions) == 0:
		return out, ot.Errorf(ot.Invalid, "groups, talks, functions: name what you decide on")
	case d.Verdict == Denied && d.Reason == "":
		return out, ot.Errorf(ot.Invalid, "reason: say why it is denied; who sees the alert will ask")
	case d.Until != nil && !d.Until.After(now):
		return out, ot.Errorf(ot.Invalid, "until: that moment has passed")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		out = Decided{}
		for _, id := range d.Groups {
			siteNo, _, h, err := parseID(id)
			if err != nil {
				return err
			}
			if err := s.decideTalks(ctx, tx, scope, by, d, id, ot.SQL{Text: "t.site_no = ? AND t.pattern = ? AND ?", Args: []any{siteNo, h[0], d.of()}}, &out); err != nil {
				return err
			}
		}
		for _, id := range d.Talks {
			siteNo, state, h, err := parseID(id)
			if err != nil {
				return err
			}
			if err := s.decideTalks(ctx, tx, scope, by, d, id, ot.SQL{Text: "t.site_no = ? AND t.state = ? AND t.talk = ?", Args: []any{siteNo, state, h[0]}}, &out); err != nil {
				return err
			}
		}
		for _, id := range d.Functions {
			if err := s.decideFunction(ctx, tx, scope, by, d, id, &out); err != nil {
				return err
			}
		}
		rest.Detail(ctx, "verdict", d.Verdict)
		if d.Reason != "" {
			rest.Detail(ctx, "reason", d.Reason)
		}
		return nil
	})
	return out, err
}

func (d *Decision) of() ot.SQL {
	if d.Of != "" {
		return ot.SQL{Text: "t.verdict = ?", Args: []any{d.Of}}
	}
	return ot.SQL{Text: "t.verdict IN ('learned', 'new', 'expired')"}
}

// become is the verdict and the end that a decision gives.
func (d *Decision) become() (verdict string, until store.Time) {
	if d.Until != nil {
		until = store.At(*d.Until)
	}
	switch {
	case d.Verdict != "expire":
		return d.Verdict, until
	case until.IsZero():
		return Expired, until
	}
	return Learned, until
}

func (s *Service) decideTalks(ctx context.Context, tx *store.Tx, scope Scope, by string, d Decision, id string, which ot.SQL, out *Decided) error {
	rows, err := store.All[talk](ctx, tx, "SELECT "+talkColumns+" FROM baseline_talk t WHERE ? AND ?", which, scope.Where("t.site_no", "t.zone_no"))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return ot.Errorf(ot.NotFound, "the baseline has no entry %s", ot.Printable(id))
	}
	verdict, until := d.become()
	where := ot.SQL{Text: "EXISTS (SELECT 1 FROM baseline_talk t WHERE t.site_no = baseline_function.site_no AND t.state = baseline_function.state AND t.talk = baseline_function.talk AND ?)", Args: []any{which}}
	// Functions first: afterwards the talks are of another verdict.
	n, err := tx.Exec(ctx, "UPDATE baseline_function SET verdict = ? WHERE baseline_function.site_no = ? AND baseline_function.verdict <> 'denied' AND ?", verdict, rows[0].SiteNo, where)
	if err != nil {
		return err
	}
	out.Functions += n
	now := store.At(s.now())
	logs := make([]logRow, len(rows))
	for i := range rows {
		t := &rows[i]
		logs[i] = logRow{ID: store.NewID(), SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, State: t.State, Talk: t.Talk, At: now, What: verdict, Was: t.Verdict, Now: d.Reason, By: by}
		t.Verdict, t.Until, t.Told = verdict, until, store.Time{}
	}
	out.Talks += int64(len(rows))
	if _, err := changed(ctx, tx, rows[0].SiteNo); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "baseline_talk", rows, talkKey(), []string{"verdict", "until_at", "told_at"}); err != nil {
		return err
	}
	return store.Upsert(ctx, tx, "baseline_log", logs, nil, nil)
}

func (s *Service) decideFunction(ctx context.Context, tx *store.Tx, scope Scope, by string, d Decision, id string, out *Decided) error {
	siteNo, state, h, err := parseID(id)
	if err != nil || len(h) != 2 {
		return ot.Errorf(ot.NotFound, "the baseline has no entry %s", ot.Printable(id))
	}
	t, err := store.One[talk](ctx, tx, "SELECT "+talkColumns+" FROM baseline_talk t WHERE t.site_no = ? AND t.state = ? AND t.talk = ? AND ?", siteNo, state, h[0], scope.Where("t.site_no", "t.zone_no"))
	if err != nil {
		return err
	}
	verdict, _ := d.become()
	f, err := store.One[function](ctx, tx, "UPDATE baseline_function SET verdict = ? WHERE site_no = ? AND state = ? AND talk = ? AND fn = ? RETURNING "+strings.ReplaceAll(functionColumns, "f.", ""), verdict, siteNo, state, h[0], h[1])
	if err != nil {
		return err
	}
	out.Functions++
	if _, err := changed(ctx, tx, siteNo); err != nil {
		return err
	}
	return store.Upsert(ctx, tx, "baseline_log", []logRow{{
		ID: store.NewID(), SiteNo: siteNo, ZoneNo: t.ZoneNo, State: state, Talk: t.Talk, Fn: f.Fn, At: store.At(s.now()), What: verdict, Was: f.called(), Now: d.Reason, By: by,
	}}, nil, nil)
}
