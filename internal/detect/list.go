package detect

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// Side is who acted, or what was acted upon.
type Side struct {
	MAC     string `json:"mac"`
	IP      string `json:"ip"`
	AssetID string `json:"asset_id" doc:"Whose address it was when the alert was raised; empty: nobody's that is known"`
	Asset   string `json:"asset" doc:"Its name"`
	Role    string `json:"role"`
	Zone    string `json:"zone"`
}

// Alert is one alarm.
type Alert struct {
	ID           string     `json:"id"`
	SiteID       string     `json:"site_id"`
	Site         string     `json:"site"`
	Rule         string     `json:"rule"`
	Title        string     `json:"title" say:"true"`
	Technique    string     `json:"technique"`
	GroupID      string     `json:"group_id" doc:"The same for all alerts of one cause: the id of the first"`
	State        string     `json:"state" enum:"new,acknowledged,returned,shelved,closed"`
	Severity     string     `json:"severity" enum:"critical,high,medium,low,info"`
	FirstAt      store.Time `json:"first_at" doc:"Seen"`
	LastAt       store.Time `json:"last_at" doc:"Seen"`
	RaisedAt     store.Time `json:"raised_at" doc:"When it called last, by the centre's clock"`
	Count        int64      `json:"count"`
	Armed        int64      `json:"armed" doc:"How often it called: it came back after it was over"`
	Live         bool       `json:"live" doc:"false: only seen in a capture that somebody gave"`
	Client       Side       `json:"client"`
	Server       Side       `json:"server"`
	Transport    string     `json:"transport"`
	Port         int64      `json:"port"`
	Protocol     string     `json:"protocol"`
	Conversation string     `json:"conversation" doc:"Id of the conversation; empty: no single one"`
	Facts        []rule.Say `json:"facts" nullable:"false"`
	OwnerID      string     `json:"owner_id"`
	Owner        string     `json:"owner"`
	DeputyID     string     `json:"deputy_id"`
	Deputy       string     `json:"deputy"`
	AckedAt      store.Time `json:"acknowledged_at"`
	AckedBy      string     `json:"acknowledged_by"`
	ShelvedUntil store.Time `json:"shelved_until"`
	Reason       string     `json:"reason"`
	ClosedAt     store.Time `json:"closed_at"`
	ClosedBy     string     `json:"closed_by"`
	Outcome      string     `json:"outcome" doc:"planned, false_alarm, handled, incident, returned; empty: not closed"`
	ChangeID     string     `json:"change_id" doc:"The record of the change that explains it"`
	ETag         string     `json:"etag"`

	Rest *Story `json:"story,omitempty" doc:"Only of one alert"`
}

// Story is what a person needs to decide about one alert.
type Story struct {
	Why         string   `json:"why" say:"true"`
	First       string   `json:"first" doc:"What to do first" say:"true"`
	FalseAlarm  string   `json:"false_alarm" doc:"How to tell that it is none" say:"true"`
	References  []string `json:"references" nullable:"false"`
	Packets     []Packet `json:"packets" nullable:"false"`
	Proof       string   `json:"proof" doc:"Head of the first packet, hexadecimal"`
	Steps       []Step   `json:"steps" nullable:"false" doc:"What happened, the oldest first"`
	Together    []Alert  `json:"together" nullable:"false" doc:"Other alerts of the same cause"`
	Programming bool     `json:"programming" doc:"The client is marked as a programming device"`
}

// Packet leads back to a packet.
type Packet struct {
	Source     string     `json:"source"`
	SourceKind string     `json:"source_kind"`
	SourceName string     `json:"source_name"`
	Number     int64      `json:"number"`
	Seen       store.Time `json:"seen"`
	Offset     int64      `json:"offset"`
}

// packetsOf names the sources of packets.
func packetsOf(ctx context.Context, r store.Reader, refs []ot.PacketRef) ([]Packet, error) {
	out := make([]Packet, 0, len(refs))
	type source struct {
		Kind string `db:"kind"`
		Name string `db:"name"`
	}
	names := map[string]source{}
	for _, p := range refs {
		of, ok := names[p.Source]
		if !ok {
			list, err := store.All[source](ctx, r, "SELECT kind, name FROM network_source WHERE source_id = ?", p.Source)
			if err != nil {
				return nil, err
			}
			if len(list) > 0 {
				of = list[0]
			}
			names[p.Source] = of
		}
		out = append(out, Packet{p.Source, of.Kind, of.Name, int64(p.Number), store.Micros(p.Seen / 1000), p.Offset})
	}
	return out, nil
}

// Step is something that happened to an alert.
type Step struct {
	At   store.Time `json:"at"`
	Kind string     `json:"kind" enum:"raised,again,acknowledged,returned,shelved,unshelved,closed,reopened,comment,owner,explained"`
	By   string     `json:"by"`
	Text string     `json:"text"`
}

type listed struct {
	alertRow
	SiteID     string `db:"site_id"`
	Site       string `db:"site_name"`
	ClientName string `db:"client_name"`
	ClientRole string `db:"client_role"`
	ClientZone string `db:"client_zone"`
	ServerName string `db:"server_name"`
	ServerRole string `db:"server_role"`
	ServerZone string `db:"server_zone"`
	Owner      string `db:"owner_name"`
	Deputy     string `db:"deputy_name"`
}

// people and assets are named here, not known: the tables are those of lower packages
// and of what Plant said when the alert was raised.
func listedColumns() string {
	cols := strings.Split(alertColumns, ", ")
	for i := range cols {
		cols[i] = "a." + cols[i] + " AS " + cols[i] // asWas puts something else in a column's place
	}
	return strings.Join(cols, ", ") + `, o.site_id, o.name AS site_name, a.client_name, a.client_role, a.client_zone, a.server_name, a.server_role, a.server_zone,
  COALESCE((SELECT u.name FROM auth_user u WHERE u.user_id = a.owner_id), '') AS owner_name, COALESCE((SELECT u.name FROM auth_user u WHERE u.user_id = a.deputy_id), '') AS deputy_name`
}

const listedFrom = " FROM detect_alert a JOIN org_site o ON o.site_no = a.site_no WHERE "

func (x *listed) show(set *rule.Set) Alert {
	a := Alert{
		ID: x.ID, SiteID: x.SiteID, Site: x.Site, Rule: x.Rule, Title: x.Rule, GroupID: x.GroupID, State: x.State, Severity: x.Severity,
		FirstAt: store.Micros(x.FirstAt), LastAt: store.Micros(x.LastAt), RaisedAt: store.Micros(x.RaisedAt), Count: x.Count, Armed: x.Armed, Live: x.Live,
		Client:    Side{x.ClientMAC, x.ClientIP, x.ClientAsset, x.ClientName, x.ClientRole, x.ClientZone},
		Server:    Side{x.ServerMAC, x.ServerIP, x.ServerAsset, x.ServerName, x.ServerRole, x.ServerZone},
		Transport: x.Transport, Port: x.Port, Protocol: x.Protocol, Facts: x.Facts.V, OwnerID: x.OwnerID, Owner: x.Owner, DeputyID: x.DeputyID, Deputy: x.Deputy,
		AckedAt: x.AckedAt, AckedBy: x.AckedBy, ShelvedUntil: x.ShelvedUntil, Reason: x.Reason, ClosedAt: x.ClosedAt, ClosedBy: x.ClosedBy, Outcome: x.Outcome, ChangeID: x.ChangeID, ETag: x.etag(),
	}
	if x.ConvNo != 0 {
		a.Conversation = strconv.FormatInt(x.SiteNo, 10) + "." + strconv.FormatInt(x.ConvNo, 10)
	}
	if a.Facts == nil {
		a.Facts = []rule.Say{}
	}
	if r := set.Lookup(x.Rule); r != nil {
		a.Title, a.Technique = r.Title, r.Technique
	}
	return a
}

func (a *alertRow) etag() string { return rest.ETag(a.ID, strconv.FormatInt(a.Version, 10)) }

// Filter narrows a list of alerts.
type Filter struct {
	Site, State, Severity, Rule, Asset, Group, Text string
	Since                                           time.Time
	At                                              time.Time // as it was then; zero: now
	Cursor                                          string
	Limit                                           int
}

// Open and All are states of a filter that mean several.
const (
	openStates = "open"
	allStates  = "all"
)

func (q Filter) where(scope Scope) ot.SQL {
	w := ot.SQL{Text: "?", Args: []any{scope.Where("a.site_no", "a.zone_no")}}
	and := func(text string, args ...any) {
		w.Text += " AND " + text
		w.Args = append(w.Args, args...)
	}
	if q.Site != "" {
		and("o.site_id = ?", q.Site)
	}
	switch q.State {
	case "", openStates:
		and("a.state IN ('new', 'acknowledged', 'returned')")
	case allStates:
	default:
		and("a.state = ?", q.State)
	}
	if !q.At.IsZero() {
		and("a.state <> ''")
	}
	if q.Severity != "" {
		and("a.severity = ?", q.Severity)
	}
	if q.Rule != "" {
		and("a.rule = ?", q.Rule)
	}
	if q.Asset != "" {
		and("(a.client_asset = ? OR a.server_asset = ?)", q.Asset, q.Asset)
	}
	if q.Group != "" {
		and("a.group_id = ?", q.Group)
	}
	if !q.Since.IsZero() {
		and("a.raised_at >= ?", q.Since.UnixMicro())
	}
	if q.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Text)) + "%"
		and(`lower(a.rule || ' ' || a.client_ip || ' ' || a.server_ip || ' ' || a.client_name || ' ' || a.server_name || ' ' || a.protocol || ' ' || a.facts) LIKE ? ESCAPE '\'`, like)
	}
	return w
}

// stateOrder puts what nobody saw first.
const stateOrder = "CASE a.state WHEN 'new' THEN 1 WHEN 'returned' THEN 2 WHEN 'acknowledged' THEN 3 WHEN 'shelved' THEN 4 ELSE 5 END"

// Alerts lists alerts: what nobody has seen first, the most urgent first, the newest first.
func (s *Service) Alerts(ctx context.Context, scope Scope, q Filter) (out rest.Page[Alert], err error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	type position struct {
		Order int64  `json:"o"`
		Rank  int64  `json:"r"`
		At    int64  `json:"a"`
		ID    string `json:"i"`
	}
	type row struct {
		listed
		Order int64 `db:"state_order"`
	}
	w := q.where(scope)
	text, args := "SELECT "+listedColumns()+", "+stateOrder+" AS state_order"+listedFrom+w.Text, w.Args
	if q.Cursor != "" {
		var p position
		if err := rest.DecodeCursor(q.Cursor, &p); err != nil {
			return out, err
		}
		text += " AND (" + stateOrder + " > ? OR " + stateOrder + " = ? AND (a.rank > ? OR a.rank = ? AND (a.last_at < ? OR a.last_at = ? AND a.alert_id > ?)))"
		args = append(args, p.Order, p.Order, p.Rank, p.Rank, p.At, p.At, p.ID)
	}
	set := s.Rules()
	err = s.db.View(ctx, func(r store.Reader) error {
		total, err := store.One[int64](ctx, r, asWas("SELECT COUNT(*)"+listedFrom+w.Text, q.At), w.Args...)
		if err != nil {
			return err
		}
		rows, err := store.All[row](ctx, r, asWas(text+" ORDER BY state_order, a.rank, a.last_at DESC, a.alert_id LIMIT ?", q.At), append(args, q.Limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, q.Limit, func(x row) string { return rest.EncodeCursor(position{x.Order, x.Rank, x.LastAt, x.ID}) })
		out = rest.Page[Alert]{Items: make([]Alert, 0, len(cut.Items)), Next: cut.Next, Total: &total}
		for i := range cut.Items {
			a := cut.Items[i].show(set)
			a.until(q.At)
			out.Items = append(out.Items, a)
		}
		return nil
	})
	return out, err
}

// maxTogether bounds how many alerts of one cause are shown with one.
const maxTogether = 50

// Alert is one alert with its story, as it was at a moment; the zero time is now.
func (s *Service) Alert(ctx context.Context, scope Scope, id string, at time.Time) (out Alert, err error) {
	set := s.Rules()
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := store.One[listed](ctx, r, asWas("SELECT "+listedColumns()+listedFrom+"a.alert_id = ? AND a.state <> '' AND ?", at), id, scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return err
		}
		out = x.show(set)
		st := &Story{Proof: hex.EncodeToString(x.Proof), References: []string{}, Steps: []Step{}, Together: []Alert{}}
		if of := set.Lookup(x.Rule); of != nil {
			st.Why, st.First, st.FalseAlarm = of.Why, of.First, of.FalseAlarm
			st.References = append(st.References, of.References...)
		}
		if st.Packets, err = packetsOf(ctx, r, x.Packets.V); err != nil {
			return err
		}
		steps, err := store.All[stepRow](ctx, r, "SELECT alert_id, step_no, at, kind, by_id, by_name, text FROM detect_step WHERE alert_id = ? ORDER BY at, step_no", id)
		if err != nil {
			return err
		}
		for _, x := range steps {
			st.Steps = append(st.Steps, Step{store.Micros(x.At), x.Kind, x.ByName, x.Text})
		}
		others, err := store.All[listed](ctx, r, asWas("SELECT "+listedColumns()+listedFrom+"a.site_no = ? AND a.group_id = ? AND a.alert_id <> ? AND a.state <> '' AND ? ORDER BY a.first_at, a.alert_id LIMIT ?", at), x.SiteNo, x.GroupID, id, scope.Where("a.site_no", "a.zone_no"), maxTogether)
		if err != nil {
			return err
		}
		for i := range others {
			st.Together = append(st.Together, others[i].show(set))
		}
		if x.ClientAsset != "" {
			n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM detect_programming WHERE asset_id = ?", x.ClientAsset)
			if err != nil {
				return err
			}
			st.Programming = n > 0
		}
		out.Rest = st
		out.until(at)
		return nil
	})
	return out, err
}
