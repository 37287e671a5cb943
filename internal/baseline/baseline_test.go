package baseline_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// house is a plant of which the test says where things stand and what it does.
type house struct {
	*testing.T
	db      *store.DB
	s       *baseline.Service
	now     time.Time
	state   string
	places  map[string]baseline.Place
	aliases map[string][]string
	hits    []rule.Hit
	seq     uint64
}

func (h *house) Places(_ context.Context, _ store.Reader, _ int64, ends []baseline.End) (map[baseline.End]baseline.Place, error) {
	out := map[baseline.End]baseline.Place{}
	for _, e := range ends {
		out[e] = h.places[e.Address]
	}
	return out, nil
}

func (h *house) Names(context.Context, store.Reader, int64, []baseline.End) (map[baseline.End]baseline.Named, error) {
	return map[baseline.End]baseline.Named{{RealmNo: 1, Address: "10.0.1.1"}: {AssetID: "a1", Name: "Press 1"}}, nil
}

func (h *house) Aliases(_ context.Context, _ store.Reader, _ int64, ends []baseline.End) (map[baseline.End][]string, error) {
	out := map[baseline.End][]string{}
	for _, e := range ends {
		if list := h.aliases[e.Address]; len(list) > 0 {
			out[e] = list
		}
	}
	return out, nil
}

func (h *house) State(context.Context, store.Reader, int64, time.Time) (func(int64) string, error) {
	state := h.state
	return func(int64) string { return state }, nil
}

func (h *house) Raise(_ context.Context, _ *store.Tx, hits ...rule.Hit) error {
	h.hits = append(h.hits, hits...)
	return nil
}

// raised gives the rules that were raised since the last look.
func (h *house) raised() []string {
	var out []string
	for _, x := range h.hits {
		out = append(out, strings.TrimPrefix(x.Rule, "baseline."))
	}
	h.hits = nil
	slices.Sort(out)
	return out
}

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), baseline.Migrations()}
}

func each(t *testing.T, fn func(h *house)) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) { fn(newHouse(t, db)) })
}

// once is each on SQLite alone.
func once(t *testing.T, fn func(h *house)) {
	fn(newHouse(t, storetest.Open(t, storetest.SQLite(t), tables())))
}

func newHouse(t *testing.T, db *store.DB) *house {
	h := &house{T: t, db: db, now: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), state: "production", places: map[string]baseline.Place{}}
	h.s = baseline.New(db, baseline.Config{Plant: h, Raiser: h, Clock: func() time.Time { return h.now }})
	h.exec("INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Acme', 'essential')",
		"INSERT INTO org_site (site_no, site_id, entity_id, name, country, tz, critical, weight) VALUES (1, 's1', 'e', 'Home', 'DK', 'UTC', TRUE, 1)",
		"INSERT INTO org_zone (zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway) VALUES (7, 'z7', 1, 'Cell', '1', TRUE, 2, FALSE, FALSE, FALSE)",
		"INSERT INTO org_zone (zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway) VALUES (8, 'z8', 1, 'Control', '2', TRUE, 2, FALSE, FALSE, FALSE)")
	return h
}

func (h *house) exec(queries ...string) {
	h.Helper()
	if err := h.db.Update(h.Context(), func(tx *store.Tx) error {
		for _, q := range queries {
			if _, err := tx.Exec(h.Context(), q); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		h.Fatal(err)
	}
}

// ask is one conversation of modbus with one kind of function.
type ask struct {
	from, to, class string
	lo, hi          uint32
	packets         uint64
}

func (h *house) hear(asks ...ask) {
	h.Helper()
	sum := h.summary(asks...)
	for range 2 { // the same again changes nothing
		for _, p := range baseline.Parts(sum) {
			if err := h.db.Update(h.Context(), func(tx *store.Tx) error { return h.s.Learn(h.Context(), tx, h.delivery(), p) }); err != nil {
				h.Fatal(err)
			}
		}
	}
}

func (h *house) want(step string, rules ...string) {
	h.Helper()
	if got := h.raised(); !slices.Equal(got, rules) {
		h.Fatalf("%s: raised %q, want %q", step, got, rules)
	}
}

var everybody = auth.Scope{All: true}

func (h *house) groups(f baseline.Filter) []baseline.Group {
	h.Helper()
	f.Site = "s1"
	page, err := h.s.Groups(h.Context(), everybody, f)
	if err != nil {
		h.Fatal(err)
	}
	return page.Items
}

func (h *house) set(phase string, until *time.Time) {
	h.Helper()
	if _, err := h.s.Set(h.Context(), everybody, "Ida", "s1", "z7", h.state, baseline.Setting{Phase: phase, Until: until, Reason: "new line"}, "*"); err != nil {
		h.Fatal(err)
	}
}

func (h *house) decide(d baseline.Decision) baseline.Decided {
	h.Helper()
	out, err := h.s.Decide(h.Context(), everybody, "Ida", d)
	if err != nil {
		h.Fatal(err)
	}
	return out
}

// plant is fourteen panels that poll one controller, and one station that sets it.
func (h *house) plant() []ask {
	h.places["10.0.1.1"] = baseline.Place{ZoneNo: 7, Role: "plc"}
	var out []ask
	for i := range 14 {
		ip := netip.AddrFrom4([4]byte{10, 0, 3, byte(10 + i)}).String()
		h.places[ip] = baseline.Place{ZoneNo: 8, Role: "hmi"}
		out = append(out, ask{from: ip, to: "10.0.1.1", class: "read", lo: 0, hi: 99})
	}
	h.places["10.0.3.99"] = baseline.Place{ZoneNo: 8, Role: "engineering"}
	return append(out, ask{from: "10.0.3.99", to: "10.0.1.1", class: "write", lo: 40, hi: 49})
}

// The whole way: learn, review in groups, protect, and everything that departs.
func TestLearnThenProtect(t *testing.T) {
	each(t, func(h *house) {
		usual := h.plant()
		h.hear(usual...)
		h.want("while it learns")
		groups := h.groups(baseline.Filter{Verdict: "undecided"})
		if len(groups) != 2 || groups[0].Talks != 14 || groups[0].Clients != 14 || groups[0].Servers != 1 || groups[0].ClientRole != "hmi" || groups[0].ServerRole != "plc" ||
			groups[0].Does != "polls" || groups[0].Zone != "Cell" || groups[0].ClientZone != "Control" || groups[1].Does != "sets" {
			t.Fatalf("groups %+v", groups)
		}
		if got := h.decide(baseline.Decision{Groups: []string{groups[0].ID}, Verdict: "approved", Reason: "panels"}); got.Talks != 14 || got.Functions != 14 {
			t.Fatalf("decided %+v", got)
		}
		h.set(baseline.Protecting, nil)
		h.now = h.now.Add(10 * time.Minute)
		h.hear(usual...)
		h.want("the usual")

		h.now = h.now.Add(time.Hour)
		h.hear(ask{from: "10.0.3.10", to: "10.0.1.1", class: "write", lo: 5, hi: 6})
		h.want("a panel that writes", "new-function")
		h.now = h.now.Add(2 * time.Hour)
		h.hear(ask{from: "10.0.3.99", to: "10.0.1.1", class: "write", lo: 40, hi: 400})
		h.want("a register beyond", "out-of-range")
		h.hear(ask{from: "10.0.3.99", to: "10.0.1.1", class: "write", lo: 40, hi: 400})
		h.want("the same again")
		h.now = h.now.Add(2 * time.Hour)
		h.hear(ask{from: "10.0.3.11", to: "10.0.1.1", class: "read", lo: 0, hi: 500})
		h.want("reading more is drift, no alarm")
		h.places["10.0.9.9"] = baseline.Place{ZoneNo: 8, Role: "workstation"}
		h.hear(ask{from: "10.0.9.9", to: "10.0.1.1", class: "read"})
		h.want("somebody new", "new-device")
		h.hear(ask{from: "10.0.3.10", to: "10.0.3.99"}) // zone 8 still learns
		h.want("a zone that learns")
		h.places["10.0.1.2"] = baseline.Place{ZoneNo: 7, Role: "plc"}
		h.hear(ask{from: "10.0.1.2", to: "10.0.1.1"}, ask{from: "10.0.1.2", to: "10.0.3.99"})
		h.want("a new controller that talks twice", "new-device")
		h.now = h.now.Add(2 * time.Hour)
		h.hear(ask{from: "10.0.3.12", to: "10.0.1.1", class: "read", packets: 9000})
		h.want("a flood", "rate")

		fresh := h.groups(baseline.Filter{Verdict: "new"})
		if len(fresh) != 2 { // the workstation's and the new controller's
			t.Fatalf("new groups %+v", fresh)
		}
		for _, g := range fresh {
			if g.ClientRole == "workstation" {
				h.decide(baseline.Decision{Groups: []string{g.ID}, Verdict: "denied", Reason: "not its business"})
			}
		}
		h.now = h.now.Add(2 * time.Hour)
		h.hear(ask{from: "10.0.9.9", to: "10.0.1.1", class: "read"})
		h.want("what is denied", "denied")
		h.hear(ask{from: "10.0.9.9", to: "10.0.1.1", class: "read"})
		h.want("once an hour is enough")

		h.state = "turnaround" // another baseline, which learns
		h.places["10.0.9.10"] = baseline.Place{ZoneNo: 8, Role: "engineering"}
		h.hear(ask{from: "10.0.9.10", to: "10.0.1.1", class: "configure"})
		h.want("a turnaround is another baseline")
		h.state = "production"
		h.now = h.now.Add(2 * time.Hour)
		h.hear(ask{from: "10.0.9.10", to: "10.0.1.1", class: "configure"})
		h.want("the same in production", "new-conversation")
	})
}

// What was left to expire, and what was approved for a time, is new again afterwards.
func TestExpiry(t *testing.T) {
	each(t, func(h *house) {
		usual := h.plant()
		h.hear(usual...)
		h.set(baseline.Protecting, nil)
		for _, g := range h.groups(baseline.Filter{}) {
			switch g.Does {
			case "sets":
				until := h.now.Add(24 * time.Hour)
				h.decide(baseline.Decision{Groups: []string{g.ID}, Verdict: "approved", Until: &until})
			case "polls":
				h.decide(baseline.Decision{Groups: []string{g.ID}, Verdict: "expire"})
			}
		}
		h.now = h.now.Add(time.Hour)
		h.hear(usual[0], usual[14])
		h.want("what was let go", "new-conversation")
		h.now = h.now.Add(48 * time.Hour)
		if err := h.s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.hear(usual[14])
		h.want("an approval that ended", "new-conversation")
		if _, err := h.s.Decide(t.Context(), everybody, "Ida", baseline.Decision{Groups: []string{"1.abc"}, Verdict: "approved"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a group that is not there: %v", err)
		}
		blind := auth.Scope{Sites: []int64{2}}
		if _, err := h.s.Decide(t.Context(), blind, "Eve", baseline.Decision{Groups: []string{h.groups(baseline.Filter{})[0].ID}, Verdict: "approved"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign group: %v", err)
		}
	})
}

// While a zone is commissioned nobody is told, and everything waits for review.
func TestCommissioning(t *testing.T) {
	each(t, func(h *house) {
		h.hear(h.plant()...)
		until := h.now.Add(24 * time.Hour)
		h.set(baseline.Commissioning, &until)
		h.places["10.0.1.5"] = baseline.Place{ZoneNo: 7, Role: "drive"}
		h.hear(ask{from: "10.0.3.99", to: "10.0.1.5", class: "configure"})
		h.want("while it is commissioned")
		if g := h.groups(baseline.Filter{Verdict: "new"}); len(g) != 1 || g[0].Does != "configures" {
			t.Fatalf("waits for review: %+v", g)
		}
		h.now = h.now.Add(25 * time.Hour)
		h.places["10.0.1.6"] = baseline.Place{ZoneNo: 7, Role: "drive"}
		h.hear(ask{from: "10.0.3.99", to: "10.0.1.6", class: "configure"})
		h.want("when its time is over it protects", "new-device")
		long := h.now.Add(365 * 24 * time.Hour)
		if _, err := h.s.Set(t.Context(), everybody, "Ida", "s1", "z7", "production", baseline.Setting{Phase: baseline.Commissioning, Until: &long, Reason: "x"}, "*"); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("a year without protection: %v", err)
		}
	})
}

// A conversation heard in every hour of two days and then no more, while the zone is
// still heard, is a finding; so is its return, and a sensor that is off makes nobody silent.
func TestSilence(t *testing.T) {
	each(t, func(h *house) {
		usual := h.plant()
		for range 30 {
			h.hear(usual...)
			h.now = h.now.Add(time.Hour)
		}
		h.set(baseline.Protecting, nil)
		sweep := func() {
			t.Helper()
			if err := h.s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h.now = h.now.Add(5 * time.Hour)
		sweep()
		h.want("nothing is heard at all")
		h.hear(usual[1:]...)
		sweep()
		h.want("one panel is missing", "silence")
		sweep()
		h.want("once")
		h.now = h.now.Add(time.Hour)
		h.hear(usual...)
		h.want("it is back")
		d, err := h.s.Drift(t.Context(), everybody, "s1", "", "", h.now.Add(-3*time.Hour), h.now.Add(time.Minute))
		if err != nil || d.Before != 15 || d.After != 15 || len(d.Added)+len(d.Gone) != 0 || len(d.Changed) != 2 || d.Changed[0].What != "returned" || d.Changed[1].What != "silence" {
			t.Errorf("drift %+v, %v", d, err)
		}
	})
}

// Drift is a diff between two dates.
func TestDrift(t *testing.T) {
	each(t, func(h *house) {
		usual := h.plant()
		h.hear(usual...)
		first := h.now.Add(time.Hour)
		h.now = h.now.Add(20 * 24 * time.Hour)
		h.places["10.0.1.9"] = baseline.Place{ZoneNo: 7, Role: "drive"}
		h.hear(append(usual[:13:13], ask{from: "10.0.3.10", to: "10.0.1.9", class: "read"})...)
		d, err := h.s.Drift(t.Context(), everybody, "s1", "z7", "production", first, h.now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if d.Before != 15 || d.After != 14 || len(d.Added) != 1 || d.Added[0].Server != "10.0.1.9" || len(d.Gone) != 2 || d.Gone[0].ServerName != "Press 1" {
			t.Errorf("drift: %d → %d, added %+v, gone %+v", d.Before, d.After, d.Added, d.Gone)
		}
		if _, err := h.s.Drift(t.Context(), everybody, "s1", "", "", h.now, first); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("backwards: %v", err)
		}
		// A function that appears while the zone learns is a step of drift, and so is a wider range that is only read.
		h.now = h.now.Add(24 * time.Hour)
		h.hear(ask{from: "10.0.3.10", to: "10.0.1.1", class: "write", lo: 3, hi: 4})
		h.set(baseline.Protecting, nil)
		h.now = h.now.Add(10 * time.Minute)
		h.hear(ask{from: "10.0.3.10", to: "10.0.1.1", class: "read", lo: 0, hi: 700})
		h.want("neither calls")
		later, err := h.s.Drift(t.Context(), everybody, "s1", "", "", h.now.Add(-2*time.Hour), h.now.Add(time.Hour))
		if err != nil || len(later.Changed) != 2 || later.Changed[0].What != "out-of-range" || later.Changed[0].Now != "0–700" || later.Changed[0].Server != "Press 1" || later.Changed[1].What != "new-function" {
			t.Errorf("steps %+v, %v", later.Changed, err)
		}
		x, err := h.s.Talk(t.Context(), everybody, d.Added[0].ID)
		if err != nil || len(x.Functions) != 1 || x.Functions[0].Code != 3 || !slices.Equal(x.Weekends, []int{8}) {
			t.Errorf("talk %+v, %v", x, err)
		}
	})
}

// Who keeps hours is told of outside them, once an hour of the day; who comes at any hour never is.
func TestUnusualHours(t *testing.T) {
	each(t, func(h *house) {
		usual := h.plant()
		office, clockwork := usual[14], usual[0] // the station works by day, the panel polls day and night
		start := h.now
		for hour := range 21 * 24 {
			h.now = start.Add(time.Duration(hour) * time.Hour)
			said := []ask{}
			if hour%5 == 0 {
				said = append(said, clockwork)
			}
			if d := h.now.Weekday(); d != time.Saturday && d != time.Sunday && h.now.Hour() >= 8 && h.now.Hour() < 15 {
				said = append(said, office)
			}
			if len(said) > 0 {
				h.learn(said...)
			}
		}
		h.set(baseline.Protecting, nil)
		h.hits = nil
		monday := start.Add(21 * 24 * time.Hour)
		at := func(hours time.Duration) { h.now = monday.Truncate(24 * time.Hour).Add(hours * time.Hour) }
		at(15)
		h.hear(office)
		h.want("overtime")
		at(26)
		h.hear(office, clockwork)
		h.want("at two in the night", "time")
		at(50)
		h.hear(office)
		h.want("the next night: it was told")
		at(5*24 + 12) // Saturday
		h.hear(office, clockwork)
		h.want("at the weekend", "time")
	})
}
