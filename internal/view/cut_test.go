package view

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// What is cut stops across the cut, keeps running inside, and touches nobody else.
func TestCut(t *testing.T) {
	storetest.Each(t, slicesOfView(), func(t *testing.T, db *store.DB) {
		p := newTalkPlant(t, db)
		s := New(db)
		all := auth.Scope{All: true}
		var last int64
		var talks int64
		if err := db.View(t.Context(), func(r store.Reader) (err error) {
			if last, err = store.One[int64](t.Context(), r, "SELECT MAX(last_at) FROM network_conversation"); err != nil {
				return err
			}
			talks, err = store.One[int64](t.Context(), r, "SELECT COUNT(*) FROM network_conversation WHERE established")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		now := time.UnixMicro(last).Add(time.Hour)
		host, err := s.Cut(t.Context(), all, p.site.ID, "", p.plcID(t), now)
		if err != nil || host.Total == 0 || int(host.Total) != len(host.Stops) || host.Inside != 0 {
			t.Fatalf("the controller: %+v, %v", host, err)
		}
		for _, x := range host.Stops {
			if x.Client.IP != "192.168.0.10" && x.Server.IP != "192.168.0.10" {
				t.Errorf("it does not touch the controller: %+v", x)
			}
		}
		zone, err := s.Cut(t.Context(), all, p.site.ID, p.cell.ID, "", now)
		if err != nil || zone.Total+zone.Inside+zone.Others != host.Total+host.Others || zone.Total+zone.Inside+zone.Others > talks {
			t.Errorf("the cell: %+v, %v", zone, err)
		}
		late, err := s.Cut(t.Context(), all, p.site.ID, p.cell.ID, "", now.Add(8*24*time.Hour))
		if err != nil || late.Total+late.Inside+late.Others != 0 {
			t.Errorf("a week later: %+v, %v", late, err)
		}
		for name, ask := range map[string][2]string{"both": {p.cell.ID, "x"}, "neither": {"", ""}} {
			if _, err := s.Cut(t.Context(), all, p.site.ID, ask[0], ask[1], now); ot.CodeOf(err) != ot.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Cut(t.Context(), auth.Scope{Sites: []int64{99}}, p.site.ID, p.cell.ID, "", now); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign site: %v", err)
		}
	})
}
