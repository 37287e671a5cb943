package asset

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

type asked struct {
	Key      string     `db:"item_key"`
	Kind     string     `db:"kind"`
	Title    string     `db:"title"`
	Detail   string     `db:"detail"`
	RefKind  string     `db:"ref_kind"`
	UserID   string     `db:"user_id"`
	Severity int64      `db:"severity"`
	DueAt    store.Time `db:"due_at"`
}

func (p *plant) asked() []asked {
	p.t.Helper()
	return all[asked](p, "SELECT item_key, kind, title, detail, ref_kind, user_id, severity, due_at FROM inbox_item WHERE done_at IS NULL ORDER BY item_key")
}

func (p *plant) decideNew(d Decision) error {
	_, err := p.s.DecideNew(p.t.Context(), everywhere, ada, d)
	return err
}

// Forty devices that come at once are one question, and the question follows what was decided.
func TestNewDevicesAreOneItem(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		talk := &talk{}
		for i := range 40 {
			talk.heard(host(fmt.Sprintf("00:1b:1b:00:01:%02x", i), fmt.Sprintf("192.168.0.%d", 10+i)), 1, 9, 64, true)
		}
		p.take(talk)
		got := p.asked()
		if len(got) != 1 || got[0].Title != "40 new devices at Aarhus" || got[0].RefKind != "new-devices" || !strings.Contains(got[0].Detail, "and 35 more") || !got[0].DueAt.Equal(p.received.Add(decideWithin)) {
			t.Fatalf("%+v", got)
		}
		var ids []string
		for _, a := range p.assets() {
			ids = append(ids, a.ID)
		}
		if err := p.decideNew(Decision{IDs: ids[:39], Decision: "accept"}); err != nil {
			t.Fatal(err)
		}
		if got = p.asked(); len(got) != 1 || !strings.HasPrefix(got[0].Title, "New device at Aarhus: 192.168.0.") || got[0].RefKind != "asset" {
			t.Fatalf("one is left: %+v", got)
		}
		accepted := StateAccepted
		if err := p.patch(ids[39], Patch{State: &accepted}); err != nil {
			t.Fatal(err)
		}
		if got = p.asked(); len(got) != 0 {
			t.Fatalf("decided on its own page: %+v", got)
		}
		if by := all[string](p, "SELECT done_by FROM inbox_item"); len(by) != 1 || by[0] != ada.ID {
			t.Errorf("answered by %v", by)
		}
		fresh := StateNew
		if err := p.patch(ids[0], Patch{State: &fresh}); err != nil {
			t.Fatal(err)
		}
		if got = p.asked(); len(got) != 1 || got[0].DueAt.Before(time.Now()) {
			t.Errorf("put back, it is asked about with a new time: %+v", got)
		}
	})
}

func TestDecisionsAboutNewDevices(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		now := p.received
		p.s.UseClock(func() time.Time { return now })
		at := func(d time.Duration) int64 { return now.Add(d).UnixNano() }
		hear := func(mac, ip string, when time.Duration) {
			x := &talk{}
			x.heard(host(mac, ip), 0, 0, 64, true)
			for i := range x.sum.Hosts {
				x.sum.Hosts[i].First, x.sum.Hosts[i].Last = at(when), at(when)
			}
			p.received = now
			p.take(x)
		}
		hear(macA, "192.168.0.10", 0)
		hear(macB, "192.168.0.11", 0)
		a, b := p.at("192.168.0.10").ID, p.at("192.168.0.11").ID
		for what, d := range map[string]Decision{
			"no such decision":       {IDs: []string{a}, Decision: "shoot"},
			"nothing named":          {Decision: "accept"},
			"a visit without an end": {IDs: []string{a}, Decision: "visitor"},
			"a visit of years":       {IDs: []string{a}, Decision: "visitor", Until: now.AddDate(3, 0, 0)},
			"a block without reason": {IDs: []string{a}, Decision: "block"},
			"nobody is asked":        {IDs: []string{a}, Decision: "ask", Question: "what is it?"},
			"asked of a stranger":    {IDs: []string{a}, Decision: "ask", Question: "what is it?", Person: "nobody"},
		} {
			if err := p.decideNew(d); ot.CodeOf(err) != ot.Invalid {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := p.s.DecideNew(t.Context(), auth.Scope{Sites: []int64{99}}, ada, Decision{IDs: []string{a}, Decision: "accept"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign device: %v", err)
		}

		// Ask the engineer.
		s, err := auth.New(t.Context(), db, auth.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateUser(t.Context(), auth.User{ID: "erik", Name: "Erik", Email: "erik@example.dk", Role: auth.OTEngineer, Sites: []string{p.site.ID}}); err != nil {
			t.Fatal(err)
		}
		if err := p.decideNew(Decision{IDs: []string{b}, Decision: "ask", Question: "Is this your scale?", Person: "erik"}); err != nil {
			t.Fatal(err)
		}
		if got := p.asked(); len(got) != 2 || got[1].Kind != "question" || got[1].UserID != "erik" || got[1].Detail != "Is this your scale?" || p.at("192.168.0.11").State != StateNew {
			t.Errorf("asked: %+v", got)
		}

		// A visitor, who stays too long.
		if err := p.decideNew(Decision{IDs: []string{a}, Decision: "visitor", Until: now.Add(24 * time.Hour), Reason: "the fitter's laptop"}); err != nil {
			t.Fatal(err)
		}
		if st, err := p.s.Standing(t.Context(), everywhere, a); err != nil || len(st.Visitor) != 1 || st.Visitor[0].DecidedBy != ada.Name {
			t.Errorf("%+v %v", st, err)
		}
		now = now.Add(25 * time.Hour)
		watch := func() {
			t.Helper()
			if err := p.s.Watch(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		watch()
		if p.at("192.168.0.10").State != StateAccepted {
			t.Error("it was gone in time: no question")
		}
		hear(macA, "192.168.0.10", -10*time.Minute)
		watch()
		if x := p.at("192.168.0.10"); x.State != StateNew {
			t.Errorf("still there: %+v", x)
		}

		// Blocked, and heard again.
		if err := p.decideNew(Decision{IDs: []string{a, b}, Decision: "block", Reason: "brought from home"}); err != nil {
			t.Fatal(err)
		}
		if got := p.asked(); len(got) != 0 {
			t.Errorf("all is decided, the question too: %+v", got)
		}
		list, err := p.s.BlockList(t.Context(), everywhere, p.site.ID, "", 1)
		if err != nil || len(list.Items) != 1 || list.Next == "" || list.Items[0].Kind != "mac" {
			t.Fatalf("%+v %v", list, err)
		}
		if rest, err := p.s.BlockList(t.Context(), everywhere, "", list.Next, 1); err != nil || len(rest.Items) != 1 || rest.Items[0].AssetID == list.Items[0].AssetID {
			t.Errorf("%+v %v", rest, err)
		}
		if none, _ := p.s.BlockList(t.Context(), auth.Scope{Sites: []int64{99}}, "", "", 0); len(none.Items) != 0 {
			t.Errorf("another site's: %+v", none)
		}
		hear(macA, "192.168.0.10", 5*time.Minute) // what a summary still covers
		watch()
		if got := p.asked(); len(got) != 0 {
			t.Errorf("within the grace: %+v", got)
		}
		now = now.Add(time.Hour)
		hear(macA, "10.9.9.9", 0) // another address does not help
		watch()
		got := p.asked()
		if len(got) != 1 || got[0].Kind != "blocked-device" || got[0].Severity != 1 || !strings.Contains(got[0].Detail, "brought from home") {
			t.Fatalf("%+v", got)
		}
		now = now.Add(10 * time.Minute)
		hear(macA, "10.9.9.9", 0)
		watch()
		if st, err := p.s.Standing(t.Context(), everywhere, a); err != nil || len(st.Blocked) != 1 || st.Blocked[0].Times != 1 || st.Blocked[0].SeenAt.IsZero() {
			t.Errorf("it stayed: told of once: %+v %v", st, err)
		}
		if err := p.s.Unblock(t.Context(), auth.Scope{Sites: []int64{99}}, ada, a, ""); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("lifted by a stranger: %v", err)
		}
		if err := p.s.Unblock(t.Context(), everywhere, ada, a, "it is the new HMI"); err != nil {
			t.Fatal(err)
		}
		if got = p.asked(); len(got) != 1 || got[0].Kind != "new-device" {
			t.Errorf("off the list it waits for a decision: %+v", got)
		}
		if err := p.s.Unblock(t.Context(), everywhere, ada, a, ""); ot.CodeOf(err) != ot.Conflict {
			t.Errorf("twice: %v", err)
		}
	})
}
