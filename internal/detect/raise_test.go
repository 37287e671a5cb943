package detect

import (
	"context"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func allSlices() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), Migrations()}
}

// t0 is when the tests' packets were seen.
var t0 = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

const fourRules = `
id: stop
title: A controller was told to stop
why: W
severity: high
on: state
group: [client, server]
---
id: download
title: A program was written
why: W
severity: critical
on: state
group: [client, server]
`

// open makes the slice on an empty database, with a clock that the test moves.
func open(t *testing.T, db *store.DB, text string) (*Service, *time.Time) {
	t.Helper()
	rules, err := rule.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Compile(rules, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	now := t0
	return New(db, Config{Rules: set, Clock: func() time.Time { return now }}), &now
}

func hit(id, client, server string, at time.Duration) rule.Hit {
	ns := t0.Add(at).UnixNano()
	return rule.Hit{
		Rule: id, SiteNo: 1, RealmNo: 1, Client: rule.End{IP: client}, Server: rule.End{IP: server}, Protocol: "s7comm", First: ns, Last: ns, Count: 1, Live: true,
		Packets: []ot.PacketRef{{Source: "x", Number: uint64(at/time.Second) + 1, Seen: ns}}, Facts: []rule.Say{{Name: "function", Value: "PLC stop"}},
	}
}

func (s *Service) raiseNow(t *testing.T, hits ...rule.Hit) {
	t.Helper()
	if err := s.db.Update(context.Background(), func(tx *store.Tx) error { return s.Raise(context.Background(), tx, hits...) }); err != nil {
		t.Fatal(err)
	}
}

func alerts(t *testing.T, db *store.DB) (rows []alertRow) {
	t.Helper()
	if err := db.View(context.Background(), func(r store.Reader) (err error) {
		rows, err = store.All[alertRow](context.Background(), r, "SELECT "+alertColumns+" FROM detect_alert ORDER BY first_at, alert_id")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestHitsBecomeAlerts(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		s, now := open(t, db, fourRules)
		s.raiseNow(t, hit("stop", "10.0.0.9", "10.0.0.1", 0), hit("stop", "10.0.0.9", "10.0.0.1", time.Second))
		*now = t0.Add(time.Minute)
		s.raiseNow(t, hit("stop", "10.0.0.9", "10.0.0.1", time.Minute), hit("download", "10.0.0.9", "10.0.0.1", 2*time.Minute), hit("stop", "10.0.0.8", "10.0.0.1", 3*time.Minute))
		got := alerts(t, db)
		if len(got) != 3 {
			t.Fatalf("%d alerts of three kinds of hits", len(got))
		}
		a := got[0]
		if a.Count != 3 || a.Armed != 1 || a.State != StateNew || a.Severity != "high" || len(a.Packets.V) != 3 || len(a.Facts.V) != 1 || a.RaisedAt != t0.UnixMicro() || a.LastAt-a.FirstAt != time.Minute.Microseconds() {
			t.Errorf("three hits of one kind make %+v", a)
		}
		if got[1].GroupID != a.GroupID || got[2].GroupID == a.GroupID {
			t.Errorf("what one actor did is one group, what another did is not: %s %s %s", a.GroupID, got[1].GroupID, got[2].GroupID)
		}
		many := make([]rule.Hit, 60)
		for i := range many {
			many[i] = hit("stop", "10.0.0.9", "10.0.0.1", 10*time.Minute+time.Duration(i)*time.Second)
		}
		s.raiseNow(t, many...)
		if a = alerts(t, db)[0]; a.Count != 63 || len(a.Packets.V) != keptPackets || a.Packets.V[0].Number != 1 || a.Packets.V[keptPackets-1].Number != 660 {
			t.Errorf("the first packets and the last are kept: %d, %+v", a.Count, a.Packets.V)
		}
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			return s.Raise(context.Background(), tx, hit("unheard-of", "10.0.0.9", "10.0.0.1", 0))
		})
		if ot.CodeOf(err) != ot.Invalid {
			t.Errorf("a hit of no rule: %v", err)
		}
	})
}

func TestShippedRulesOfTheBaseline(t *testing.T) {
	raw, err := catalog.Files.ReadFile("detections/baseline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := rule.Parse("baseline.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.On != rule.State || r.First == "" || r.FalseAlarm == "" {
			t.Errorf("%s: on %s, what to do first and how to tell a false alarm are needed", r.ID, r.On)
		}
	}
}
