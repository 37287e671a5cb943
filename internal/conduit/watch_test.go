package conduit

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

// crossing is a site of which the test says where addresses stand.
type crossing struct {
	*testing.T
	db   *store.DB
	s    *Service
	now  time.Time
	seq  uint64
	hits []rule.Hit
}

func (c *crossing) Crossings(context.Context, store.Reader, int64, time.Time) ([]Crossing, error) {
	return nil, nil
}

func (c *crossing) Zones(context.Context, store.Reader, int64, []string) (func(int64, string, string) int64, error) {
	return func(_ int64, _, ip string) int64 {
		switch {
		case strings.HasPrefix(ip, "10.0.7."):
			return 7
		case strings.HasPrefix(ip, "10.0.8."):
			return 8
		case strings.HasPrefix(ip, "203."):
			return Internet
		}
		return None
	}, nil
}

func (c *crossing) Raise(_ context.Context, _ *store.Tx, hits ...rule.Hit) error {
	c.hits = append(c.hits, hits...)
	return nil
}

// hear tells of one conversation twice, and gives the rules that it raised.
func (c *crossing) hear(from, to, class string, established bool) []string {
	c.Helper()
	c.seq++
	a, b := ot.Host{IP: netip.MustParseAddr(from)}, ot.Host{IP: netip.MustParseAddr(to)}
	sum := &sensor.Summary{Sensor: "s", Epoch: "e", Seq: c.seq, Live: true}
	sum.Flows = []sensor.FlowDelta{{Client: a, Server: b, Transport: "tcp", Port: 502, Protocol: "modbus", First: c.now.UnixNano(), Last: c.now.UnixNano(), Established: established}}
	sum.Tuples = []sensor.TupleDelta{{Flow: sensor.FlowKey{Client: a, Server: b, Transport: "tcp", Port: 502, Protocol: "modbus"}, Protocol: "modbus", Kind: "function", Class: class}}
	for range 2 {
		if err := c.db.Update(c.Context(), func(tx *store.Tx) error {
			return c.s.Watch(c.Context(), tx, sensor.Delivery{SiteNo: 1, RealmNo: 1, Source: "s", Received: c.now}, sum)
		}); err != nil {
			c.Fatal(err)
		}
	}
	var out []string
	for _, h := range c.hits {
		out = append(out, strings.TrimPrefix(h.Rule, "conduit."))
	}
	c.hits = nil
	return out
}

// Traffic against a policy calls once an hour; what no policy speaks of, once the site has begun; the rest never.
func TestWatch(t *testing.T) {
	storetest.Each(t, []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), Migrations()}, func(t *testing.T, db *store.DB) {
		c := &crossing{T: t, db: db, now: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)}
		c.s = New(db, Config{Traffic: c, Raiser: c, Clock: func() time.Time { return c.now }})
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			for _, q := range []string{
				"INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Acme', 'essential')",
				"INSERT INTO org_site (site_no, site_id, entity_id, name, country, tz, critical, weight) VALUES (1, 's1', 'e', 'Home', 'DK', 'UTC', TRUE, 1)",
				"INSERT INTO org_zone (zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway) VALUES (7, 'z7', 1, 'Cell', '1', TRUE, 2, FALSE, FALSE, FALSE)",
				"INSERT INTO org_zone (zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway) VALUES (8, 'z8', 1, 'Control', '2', TRUE, 2, FALSE, FALSE, FALSE)",
			} {
				if _, err := tx.Exec(t.Context(), q); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := func(step string, got []string, rules ...string) {
			t.Helper()
			if !slices.Equal(got, rules) {
				t.Fatalf("%s: %q, want %q", step, got, rules)
			}
		}
		want("before anybody decided anything", c.hear("10.0.8.1", "10.0.7.1", "write", true))
		all := auth.Scope{All: true}
		p, err := c.s.Add(t.Context(), all, "Ida", "s1", Rule{FromID: "z8", ToID: "z7", Transport: "tcp", Port: 502, Protocol: "modbus", Classes: []string{"read"}, Allow: true, Reason: "polling", Owner: "Ida"})
		if err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(time.Minute)
		want("what is allowed", c.hear("10.0.8.1", "10.0.7.1", "read", true))
		want("another function", c.hear("10.0.8.1", "10.0.7.1", "write", true), "violation")
		c.now = c.now.Add(time.Minute)
		want("again within the hour", c.hear("10.0.8.1", "10.0.7.1", "write", true))
		c.now = c.now.Add(2 * time.Hour)
		want("an hour later", c.hear("10.0.8.1", "10.0.7.1", "write", true), "violation")
		want("the other way, undecided", c.hear("10.0.7.1", "10.0.8.1", "read", true), "unknown")
		want("out of the plant", c.hear("10.0.7.1", "203.0.113.9", "read", true), "unknown")
		want("inside a zone", c.hear("10.0.7.1", "10.0.7.2", "write", true))
		want("an opening that nobody answered", c.hear("10.0.8.3", "10.0.7.9", "write", false))
		want("to many", c.hear("10.0.8.1", "239.1.1.1", "write", true))

		if _, err := c.s.Add(t.Context(), all, "Ida", "s1", Rule{FromID: "z8", ToID: "z7", Allow: false, Classes: []string{"read"}, Reason: "not any more", Owner: "Ida"}); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(time.Minute)
		want("denied counts before allowed", c.hear("10.0.8.2", "10.0.7.1", "read", true), "violation")
		if err := c.s.Retire(t.Context(), all, p.ID, `"stale"`); err == nil || !strings.Contains(err.Error(), "in the meantime") {
			t.Errorf("somebody changed it meanwhile: %v", err)
		}
		if _, err := c.s.Change(t.Context(), auth.Scope{Sites: []int64{2}}, "Eve", p.ID, Rule{FromID: "z8", ToID: "z7", Allow: true, Reason: "x", Owner: "x"}, p.ETag); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign policy: %v", err)
		}
	})
}
