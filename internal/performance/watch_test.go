package performance

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// line is a wire with one controller that is asked twice a second.
type line struct {
	*testing.T
	db   *store.DB
	s    *Service
	now  time.Time
	seq  uint64
	hits []rule.Hit
}

func (l *line) Raise(_ context.Context, _ *store.Tx, hits ...rule.Hit) error {
	l.hits = append(l.hits, hits...)
	return nil
}

// pace is what an hour was like.
type pace struct {
	answer, spread, cycle  time.Duration
	refused, again, resets uint64
	toAll                  uint64
	bytes                  uint64
	skew                   time.Duration
}

func usual() pace {
	return pace{answer: 5 * time.Millisecond, cycle: 500 * time.Millisecond, toAll: 10, bytes: 10_000, spread: time.Millisecond}
}

// hour tells of an hour.
func (l *line) hour(p pace) {
	l.Helper()
	l.now = l.now.Add(time.Hour)
	l.seq++
	host := func(ip string) ot.Host { return ot.Host{IP: netip.MustParseAddr(ip)} }
	plc, hmi := host("10.0.1.1"), host("10.0.2.1")
	to := l.now.UnixNano()
	const n = 100
	spread := func(mean, dev time.Duration) sensor.Spread {
		m, d := float64(mean.Microseconds()), float64(dev.Microseconds())
		return sensor.Spread{N: n, Sum: uint64(n * m), Squares: n * (m*m + d*d), Most: uint64(m + d)}
	}
	key := sensor.FlowKey{Client: hmi, Server: plc, Transport: "tcp", Port: 502, Protocol: "modbus"}
	sum := &sensor.Summary{
		Sensor: "s", Epoch: "e", Seq: l.seq, From: to - int64(10*time.Second), To: to, Sent: l.now.Add(p.skew).UnixNano(), Live: true,
		Flows: []sensor.FlowDelta{
			{Client: hmi, Server: plc, Transport: "tcp", Port: 502, Protocol: "modbus", ClientPackets: n, ServerPackets: n, ClientBytes: p.bytes, Again: p.again, Resets: p.resets},
			{Client: hmi, Server: host("255.255.255.255"), Transport: "udp", Port: 67, ClientPackets: p.toAll},
		},
		Tuples: []sensor.TupleDelta{
			{Flow: key, Protocol: "modbus", Kind: "function", Code: 3, Name: "Read holding registers", Dir: "request", Count: n, Pace: &sensor.Pace{Asked: spread(p.cycle, time.Millisecond), Answered: spread(p.answer, p.spread)}},
			{Flow: key, Protocol: "modbus", Kind: "function", Code: 3, Name: "Read holding registers", Dir: "response", Count: n, Refused: p.refused},
		},
	}
	if err := l.db.Update(l.Context(), func(tx *store.Tx) error {
		return l.s.Take(l.Context(), tx, sensor.Delivery{SiteNo: 1, RealmNo: 1, Source: "s", Received: l.now}, sum)
	}); err != nil {
		l.Fatal(err)
	}
}

// raised looks at the hour before now and gives what was raised.
func (l *line) raised() string {
	l.Helper()
	l.hits = nil
	at := l.now
	l.now = l.now.Add(time.Hour)
	for range 2 { // once only
		if err := l.s.Watch(l.Context()); err != nil {
			l.Fatal(err)
		}
	}
	l.now = at
	var out []string
	for _, h := range l.hits {
		out = append(out, strings.TrimPrefix(h.Rule, "perf."))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Each figure that departs from its week is raised once an hour, and nothing is raised without a week, or of what is as ever.
func TestWatch(t *testing.T) {
	for want, change := range map[string]func(*pace){
		"":                func(*pace) {},
		"answer":          func(p *pace) { p.answer = 40 * time.Millisecond },
		"jitter":          func(p *pace) { p.spread = 15 * time.Millisecond },
		"cycle":           func(p *pace) { p.cycle = 200 * time.Millisecond },
		"exceptions":      func(p *pace) { p.refused = 30 },
		"retransmissions": func(p *pace) { p.again = 25 },
		"resets":          func(p *pace) { p.resets = 21 },
		"broadcast":       func(p *pace) { p.toAll = 200 },
		"saturation":      func(p *pace) { p.bytes = 20_000_000 },
		"clock":           func(p *pace) { p.skew = 6 * time.Second },
	} {
		t.Run(want, func(t *testing.T) {
			each := func(t *testing.T, db *store.DB) {
				l := &line{T: t, db: db, now: time.Date(2026, 11, 2, 8, 0, 10, 0, time.UTC)}
				l.s = New(db, func() time.Time { return l.now })
				l.s.Tell(l)
				p := usual()
				for range 10 {
					l.hour(p)
				}
				other := p
				change(&other)
				if want != "saturation" { // its peak would be the week's
					l.hour(other)
				}
				if got := l.raised(); got != "" && want != "clock" { // which needs none
					t.Errorf("without a week: %s", got)
				}
				for range 24 {
					l.hour(p)
				}
				if got := l.raised(); got != "" {
					t.Errorf("an hour as ever: %s", got)
				}
				other = usual()
				change(&other)
				l.hour(other)
				if got := l.raised(); got != want {
					t.Errorf("raised %q, want %q: %+v", got, want, l.hits)
				}
			}
			if want == "answer" || want == "broadcast" { // both engines for the SQL, one for the arithmetic
				storetest.Each(t, tables(), each)
				return
			}
			each(t, alone(t))
		})
	}
}

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), Migrations()}
}

func alone(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + t.TempDir() + "/skanse.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context(), tables()); err != nil {
		t.Fatal(err)
	}
	return db
}
