package detect

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// alertRow is detect_alert.
type alertRow struct {
	ID           string                     `db:"alert_id"`
	SiteNo       int64                      `db:"site_no"`
	ZoneNo       int64                      `db:"zone_no"`
	RealmNo      int64                      `db:"realm_no"`
	Rule         string                     `db:"rule"`
	Key          string                     `db:"alert_key"`
	GroupID      string                     `db:"group_id"`
	Cause        string                     `db:"cause"`
	State        string                     `db:"state"`
	Severity     string                     `db:"severity"`
	Rank         int64                      `db:"rank"`
	FirstAt      int64                      `db:"first_at"`
	LastAt       int64                      `db:"last_at"`
	Count        int64                      `db:"count"`
	Armed        int64                      `db:"armed"`
	RaisedAt     int64                      `db:"raised_at"`
	HeardAt      int64                      `db:"heard_at"`
	Live         bool                       `db:"live"`
	ClientMAC    string                     `db:"client_mac"`
	ClientIP     string                     `db:"client_ip"`
	ServerMAC    string                     `db:"server_mac"`
	ServerIP     string                     `db:"server_ip"`
	ClientAsset  string                     `db:"client_asset"`
	ServerAsset  string                     `db:"server_asset"`
	Transport    string                     `db:"transport"`
	Port         int64                      `db:"port"`
	Protocol     string                     `db:"protocol"`
	ConvNo       int64                      `db:"conv_no"`
	Facts        store.JSON[[]rule.Say]     `db:"facts"`
	Packets      store.JSON[[]ot.PacketRef] `db:"packets"`
	Proof        []byte                     `db:"proof"`
	OwnerID      string                     `db:"owner_id"`
	DeputyID     string                     `db:"deputy_id"`
	AckedAt      store.Time                 `db:"acked_at"`
	AckedBy      string                     `db:"acked_by"`
	ShelvedUntil store.Time                 `db:"shelved_until"`
	Reason       string                     `db:"reason"`
	ClosedAt     store.Time                 `db:"closed_at"`
	ClosedBy     string                     `db:"closed_by"`
	Outcome      string                     `db:"outcome"`
	ChangeID     string                     `db:"change_id"`
	Version      int64                      `db:"version"`
	ClientName   string                     `db:"client_name"`
	ClientRole   string                     `db:"client_role"`
	ClientZone   string                     `db:"client_zone"`
	ServerName   string                     `db:"server_name"`
	ServerRole   string                     `db:"server_role"`
	ServerZone   string                     `db:"server_zone"`
}

const alertColumns = "alert_id, site_no, zone_no, realm_no, rule, alert_key, group_id, cause, state, severity, rank, first_at, last_at, count, armed, raised_at, heard_at, live, client_mac, client_ip, server_mac, server_ip, client_asset, server_asset, transport, port, protocol, conv_no, facts, packets, proof, owner_id, deputy_id, acked_at, acked_by, shelved_until, reason, closed_at, closed_by, outcome, change_id, version, client_name, client_role, client_zone, server_name, server_role, server_zone"

func alertSet() []string {
	return []string{
		"zone_no", "group_id", "cause", "state", "severity", "rank", "first_at", "last_at", "count", "armed", "raised_at", "heard_at", "live", "client_asset", "server_asset", "conv_no",
		"facts", "packets", "proof", "owner_id", "deputy_id", "acked_at", "acked_by", "shelved_until", "reason", "closed_at", "closed_by", "outcome", "change_id", "version", "alert_key", "client_name", "client_role", "client_zone", "server_name", "server_role", "server_zone",
	}
}

// keptPackets is how many packet references an alert keeps: the first ones and the last.
const keptPackets = 20

// together is how near each other two alerts of one actor are to be one cause.
const together = 30 * time.Minute

// ranks order severities; 1 is the most urgent.
func ranks(s ot.Severity) int64 {
	return int64(slices.Index([]ot.Severity{ot.Critical, ot.High, ot.Medium, ot.Low, ot.Info}, s) + 1)
}

// Raise makes alerts of hits, in the caller's transaction. A hit whose alert is open
// updates it; one whose alert had returned calls again. It is not idempotent: who
// takes in a summary twice sees to that itself.
func (s *Service) Raise(ctx context.Context, tx *store.Tx, hits ...rule.Hit) error {
	if len(hits) == 0 {
		return nil
	}
	r := raising{
		s: s, tx: tx, set: s.Rules(), now: s.now(), rows: map[string]*alertRow{}, means: map[int64]map[string]settingRow{}, except: map[int64][]exceptionRow{},
		who: map[int64]map[Host]Party{}, standing: map[int64][]*alertRow{},
	}
	if err := r.surround(ctx, hits); err != nil {
		return err
	}
	for i := range hits {
		if err := r.add(ctx, &hits[i]); err != nil {
			return err
		}
	}
	return r.flush(ctx)
}

// raising is one call of Raise.
type raising struct {
	s     *Service
	tx    *store.Tx
	set   *rule.Set
	now   time.Time
	rows  map[string]*alertRow
	order []string
	steps []stepRow
	hours []hourRow

	means    map[int64]map[string]settingRow // by site
	except   map[int64][]exceptionRow
	who      map[int64]map[Host]Party // of state rules
	standing map[int64][]*alertRow    // open before this call
}

// stepRow is detect_step.
type stepRow struct {
	AlertID string `db:"alert_id"`
	No      int64  `db:"step_no"`
	At      int64  `db:"at"`
	Kind    string `db:"kind"`
	ByID    string `db:"by_id"`
	ByName  string `db:"by_name"`
	Text    string `db:"text"`
}

// hourRow is detect_hour.
type hourRow struct {
	SiteNo int64  `db:"site_no"`
	Month  int64  `db:"month"`
	Hour   int64  `db:"hour"`
	Rule   string `db:"rule"`
	Hits   int64  `db:"hits"`
	Calls  int64  `db:"calls"`
	Silent int64  `db:"silent"`
}

func groupOf(r *rule.Rule, h *rule.Hit) []string {
	if h.Group != nil {
		return h.Group
	}
	out := make([]string, len(r.Group))
	for i, g := range r.Group {
		switch g {
		case "client":
			out[i] = h.Client.Name()
		case "server":
			out[i] = h.Server.Name()
		case "protocol":
			out[i] = h.Protocol
		case "port":
			out[i] = strconv.Itoa(int(h.Port))
		}
	}
	return out
}

// KeyOf names the alert that a hit belongs to.
func KeyOf(r *rule.Rule, h *rule.Hit) string {
	return r.ID + "|" + strconv.FormatInt(h.RealmNo, 10) + "|" + strings.Join(groupOf(r, h), "|")
}

func (r *raising) add(ctx context.Context, h *rule.Hit) error {
	of := r.set.Lookup(h.Rule)
	if of == nil {
		return ot.Errorf(ot.Invalid, "a hit names the rule %q, which does not stand in the catalogue; add it to catalog/detections", h.Rule)
	}
	if err := r.meant(ctx, h); err != nil {
		return err
	}
	us := h.First / 1000
	if h.Severity == rule.Silent {
		r.hours = append(r.hours, hourRow{SiteNo: h.SiteNo, Month: monthOf(us), Hour: us / (3600 * 1e6), Rule: of.ID, Hits: int64(max(h.Count, 1)), Silent: int64(max(h.Count, 1))})
		return nil
	}
	key := KeyOf(of, h)
	at := strconv.FormatInt(h.SiteNo, 10) + "|" + key
	a := r.rows[at]
	if a == nil {
		rows, err := store.All[alertRow](ctx, r.tx, "SELECT "+alertColumns+" FROM detect_alert WHERE site_no = ? AND alert_key = ?", h.SiteNo, key)
		if err != nil {
			return err
		}
		switch {
		case len(rows) > 0:
			a = &rows[0]
		default:
			if into, err := r.belongs(ctx, of, h); err != nil || into != nil {
				if into != nil {
					r.join(into, of, h)
				}
				return err
			}
			if a, err = r.open(ctx, of, key, h); err != nil {
				return err
			}
		}
		r.rows[at] = a
		r.order = append(r.order, at)
	}
	calls := int64(0)
	if a.Version == 0 || a.State == StateReturned {
		calls = 1
		a.State, a.RaisedAt = StateNew, r.now.UnixMicro()
		a.Armed++
		a.AckedAt, a.AckedBy = store.Time{}, ""
		kind := "raised"
		if a.Armed > 1 {
			kind = "again"
		}
		r.steps = append(r.steps, stepRow{AlertID: a.ID, At: h.First / 1000, Kind: kind})
	}
	a.Version++
	a.add(of, h, r.now)
	r.hours = append(r.hours, hourRow{SiteNo: h.SiteNo, Month: monthOf(us), Hour: us / (3600 * 1e6), Rule: of.ID, Hits: int64(max(h.Count, 1)), Calls: calls})
	return nil
}

// add counts a hit in its alert.
func (a *alertRow) add(of *rule.Rule, h *rule.Hit, now time.Time) {
	a.FirstAt, a.LastAt = min(a.FirstAt, h.First/1000), max(a.LastAt, h.Last/1000)
	a.Count += int64(max(h.Count, 1))
	a.HeardAt = now.UnixMicro()
	a.Live = a.Live || h.Live
	severity := of.Severity
	if h.Severity != "" {
		severity = h.Severity
	}
	if n := ranks(severity); a.Rank == 0 || n < a.Rank {
		a.Severity, a.Rank = string(severity), n
	}
	if h.ZoneNo != 0 {
		a.ZoneNo = h.ZoneNo
	}
	if h.Conv != 0 {
		a.ConvNo = h.Conv
	}
	for _, p := range h.Packets {
		if len(a.Packets.V) >= keptPackets {
			a.Packets.V = slices.Delete(a.Packets.V, keptPackets/2, keptPackets/2+1)
		}
		a.Packets.V = append(a.Packets.V, p)
	}
	for _, f := range h.Facts {
		a.say(rule.Say{Name: f.Name, Value: ot.Printable(f.Value)})
	}
	if len(a.Proof) == 0 {
		a.Proof = h.Proof
	}
}

// say notes a fact. Of what a window counted the newest count stands.
func (a *alertRow) say(f rule.Say) {
	if strings.HasPrefix(f.Name, "n_") || f.Name == "bytes" || f.Name == "last" {
		if i := slices.IndexFunc(a.Facts.V, func(o rule.Say) bool { return o.Name == f.Name }); i >= 0 {
			a.Facts.V[i] = f
			return
		}
	}
	if len(a.Facts.V) < rule.MaxSay && !slices.Contains(a.Facts.V, f) {
		a.Facts.V = append(a.Facts.V, f)
	}
}

// open makes a new alert, in the group of what the same actor did a moment ago.
func (r *raising) open(ctx context.Context, of *rule.Rule, key string, h *rule.Hit) (*alertRow, error) {
	a := &alertRow{
		ID: store.NewID(), SiteNo: h.SiteNo, ZoneNo: h.ZoneNo, RealmNo: h.RealmNo, Rule: of.ID, Key: key, Cause: h.Cause, State: StateNew, FirstAt: h.First / 1000, LastAt: h.Last / 1000,
		ClientMAC: h.Client.MAC, ClientIP: h.Client.IP, ServerMAC: h.Server.MAC, ServerIP: h.Server.IP, Transport: h.Transport, Port: int64(h.Port), Protocol: h.Protocol,
		Facts: store.AsJSON([]rule.Say{}), Packets: store.AsJSON([]ot.PacketRef{}),
	}
	a.GroupID = a.ID
	a.ClientAsset, a.ServerAsset = r.who[h.SiteNo][a.client()].Asset, r.who[h.SiteNo][a.server()].Asset
	near := func(o *alertRow) bool {
		if o.SiteNo != a.SiteNo || o.RealmNo != a.RealmNo {
			return false
		}
		if a.Cause != "" || o.Cause != "" {
			return a.Cause == o.Cause
		}
		same := a.ClientIP != "" && o.ClientIP == a.ClientIP || a.ClientIP == "" && a.ClientMAC != "" && o.ClientMAC == a.ClientMAC
		gap := max(o.FirstAt-a.LastAt, a.FirstAt-o.LastAt)
		return same && gap <= together.Microseconds()
	}
	for _, at := range r.order {
		if o := r.rows[at]; near(o) {
			a.GroupID = o.GroupID
			return a, nil
		}
	}
	where, args := "client_ip = ?", []any{a.SiteNo, a.RealmNo, a.ClientIP}
	switch {
	case a.Cause != "":
		where, args[2] = "cause = ?", a.Cause
	case a.ClientIP == "" && a.ClientMAC == "":
		return a, nil
	case a.ClientIP == "":
		where, args[2] = "client_ip = '' AND client_mac = ?", a.ClientMAC
	}
	old, err := store.All[alertRow](ctx, r.tx, "SELECT "+alertColumns+" FROM detect_alert WHERE site_no = ? AND realm_no = ? AND "+where+" AND state <> 'closed' ORDER BY last_at DESC, alert_id LIMIT 20", args...)
	if err != nil {
		return nil, err
	}
	for i := range old {
		if near(&old[i]) {
			a.GroupID = old[i].GroupID
			break
		}
	}
	return a, nil
}

// name asks whose the addresses of new alerts are.
func (r *raising) name(ctx context.Context) error {
	if r.s.cfg.Plant == nil {
		return nil
	}
	hosts := map[int64][]Host{}
	for _, a := range r.rows {
		hosts[a.SiteNo] = append(hosts[a.SiteNo], a.client(), a.server())
	}
	for siteNo, list := range hosts {
		who, err := r.s.cfg.Plant.Who(ctx, r.tx, siteNo, list)
		if err != nil {
			return err
		}
		for _, a := range r.rows {
			if a.SiteNo != siteNo {
				continue
			}
			if p, ok := who[a.client()]; ok {
				a.ClientAsset, a.ClientName, a.ClientRole, a.ClientZone = p.Asset, p.Name, p.Role, p.Zone
			}
			if p, ok := who[a.server()]; ok {
				a.ServerAsset, a.ServerName, a.ServerRole, a.ServerZone = p.Asset, p.Name, p.Role, p.Zone
				if a.ZoneNo == 0 {
					a.ZoneNo = p.ZoneNo
				}
			}
		}
	}
	return nil
}

func (a *alertRow) client() Host { return hostAt(a.RealmNo, a.ClientIP, a.ClientMAC) }
func (a *alertRow) server() Host { return hostAt(a.RealmNo, a.ServerIP, a.ServerMAC) }

func hostAt(realmNo int64, ip, mac string) Host {
	if ip != "" {
		mac = ""
	}
	return Host{RealmNo: realmNo, IP: ip, MAC: mac}
}

// flush writes what the hits changed and tells the bus.
func (r *raising) flush(ctx context.Context) error {
	if len(r.rows) == 0 {
		return addHours(ctx, r.tx, r.hours)
	}
	if err := r.name(ctx); err != nil {
		return err
	}
	rows := make([]alertRow, 0, len(r.rows))
	sites := map[int64][]ot.Ref{}
	for _, at := range r.order {
		a := r.rows[at]
		rows = append(rows, *a)
		sites[a.SiteNo] = append(sites[a.SiteNo], ot.Ref{Kind: "alert", ID: a.ID})
	}
	if err := store.Upsert(ctx, r.tx, "detect_alert", rows, []string{"alert_id"}, alertSet()); err != nil {
		return err
	}
	if err := note(ctx, r.tx, r.steps...); err != nil {
		return err
	}
	if err := r.ask(ctx); err != nil {
		return err
	}
	if err := addHours(ctx, r.tx, r.hours); err != nil {
		return err
	}
	for siteNo, refs := range sites {
		if err := bus.Publish(ctx, r.tx, bus.Event{Topic: ot.TopicAlert, SiteNo: siteNo, Refs: refs}); err != nil {
			return err
		}
	}
	return nil
}

// ask puts what called into the inbox: the first of each cause, where somebody must look
// soon and a live sensor saw it. The others stand beside it on its page.
func (r *raising) ask(ctx context.Context) error {
	for _, st := range r.steps {
		for _, a := range r.rows {
			if a.ID != st.AlertID || a.GroupID != a.ID || a.Rank > ranks(ot.High) || !a.Live || a.State != StateNew {
				continue
			}
			of := r.set.Lookup(a.Rule)
			item := inbox.Item{
				Key: inboxKey(a.ID), Kind: "alert", SiteNo: a.SiteNo, ZoneNo: a.ZoneNo, Role: auth.SiteOTLead, Severity: inbox.Today, Title: of.Title, Detail: of.First,
				Ref: ot.Ref{Kind: "alert", ID: a.ID}, Action: inbox.ActionLook, Due: r.now.Add(24 * time.Hour),
			}
			if a.Rank == ranks(ot.Critical) {
				item.Severity, item.Due = inbox.Now, r.now.Add(time.Hour)
			}
			if err := inbox.Put(ctx, r.tx, r.now, item); err != nil {
				return err
			}
		}
	}
	return nil
}

// note adds steps to alerts' stories.
func note(ctx context.Context, tx *store.Tx, steps ...stepRow) error {
	for _, st := range steps {
		if _, err := tx.Exec(ctx, `INSERT INTO detect_step (alert_id, step_no, at, kind, by_id, by_name, text)
			SELECT CAST(? AS TEXT), COALESCE((SELECT MAX(step_no) FROM detect_step WHERE alert_id = ?), 0) + 1, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT)`,
			st.AlertID, st.AlertID, st.At, st.Kind, st.ByID, st.ByName, st.Text); err != nil {
			return err
		}
	}
	return nil
}

// addHours adds up how noisy rules were.
func addHours(ctx context.Context, tx *store.Tx, hours []hourRow) error {
	type key struct {
		site, hour int64
		rule       string
	}
	at := map[key]int{}
	var sum []hourRow
	for _, h := range hours {
		k := key{h.SiteNo, h.Hour, h.Rule}
		i, ok := at[k]
		if !ok {
			at[k] = len(sum)
			sum = append(sum, h)
			continue
		}
		sum[i].Hits += h.Hits
		sum[i].Calls += h.Calls
		sum[i].Silent += h.Silent
	}
	return store.Upsert(ctx, tx, "detect_hour", sum, []string{"site_no", "month", "hour", "rule"},
		[]string{"hits = detect_hour.hits + excluded.hits", "calls = detect_hour.calls + excluded.calls", "silent = detect_hour.silent + excluded.silent"})
}

func monthOf(us int64) int64 {
	t := time.UnixMicro(us).UTC()
	return int64(t.Year())*12 + int64(t.Month()) - 1
}
