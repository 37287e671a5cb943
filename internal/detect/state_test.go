package detect

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

const yieldingRules = `
id: download
title: A program was written
why: W
severity: critical
on: state
group: [client, server]
---
id: sign-in
title: A sign-in in clear text
why: W
severity: low
on: state
group: [client, server]
---
id: scan
title: A scan
why: W
severity: high
on: window
of: conversation
mask: {ports: [102]}
per: 10m
having: ports > 10
group: [client, server]
---
id: b.new-device
title: A new device
why: W
severity: medium
on: state
group: [client]
yields: true
---
id: b.new-conversation
title: A new conversation
why: W
severity: medium
on: state
group: [client, server, protocol]
yields: true
adjust: [{when: "planned && client.programming", severity: silent}]
`

// neighbours know two addresses of one device, and an engineering station.
type neighbours struct{}

func (neighbours) Who(_ context.Context, _ store.Reader, _ int64, hosts []Host) (map[Host]Party, error) {
	out := map[Host]Party{}
	for _, h := range hosts {
		switch h.IP + h.MAC {
		case "10.0.0.66", "00:30:de:00:00:66":
			out[h] = Party{Asset: "stranger"}
		case "10.0.0.7":
			out[h] = Party{Asset: "station", Programming: true}
		}
	}
	return out, nil
}

func (neighbours) Planned(_ context.Context, _ store.Reader, _ int64, from, to time.Time) ([]Window, error) {
	w := Window{Title: "New block", From: t0.Add(48 * time.Hour), To: t0.Add(50 * time.Hour)}
	if from.After(w.To) || to.Before(w.From) {
		return nil, nil
	}
	return []Window{w}, nil
}

func (neighbours) Talks(context.Context, store.Reader, int64, []TalkKey) (map[TalkKey]Talk, error) {
	return nil, nil
}

// What is only new yields to what is known to be wrong, and never hides in what is less
// grave or stood there before; a device that arrives is one alert.
func TestYields(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		s, now := open(t, db, yieldingRules)
		s.cfg.Plant = neighbours{}
		told := func(step string, want ...string) {
			t.Helper()
			var got []string
			for _, a := range alerts(t, db) {
				got = append(got, a.Rule)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: alerts %q, want %q", step, got, want)
			}
		}
		s.raiseNow(t, hit("download", "10.0.0.9", "10.0.0.1", 0), hit("b.new-conversation", "10.0.0.9", "10.0.0.1", 0))
		told("the same two", "download")
		if a := alerts(t, db)[0]; a.Count != 1 || !slices.ContainsFunc(a.Facts.V, func(f rule.Say) bool { return f.Name == "new_conversation" }) {
			t.Errorf("the alert says that they never talked before: %+v", a.Facts.V)
		}
		s.raiseNow(t, hit("b.new-conversation", "10.0.0.9", "10.0.0.2", time.Minute))
		told("another server", "b.new-conversation", "download")
		s.raiseNow(t, hit("sign-in", "10.0.0.5", "10.0.0.1", time.Minute), hit("b.new-conversation", "10.0.0.5", "10.0.0.1", time.Minute))
		told("what is less grave hides nothing", "b.new-conversation", "b.new-conversation", "download", "sign-in")

		*now = t0.Add(5 * time.Hour)
		mac := hit("b.new-device", "", "", 5*time.Hour)
		mac.Client = rule.End{MAC: "00:30:de:00:00:66"}
		s.raiseNow(t, hit("b.new-device", "10.0.0.66", "10.0.0.1", 5*time.Hour), mac)
		*now = t0.Add(6 * time.Hour)
		s.raiseNow(t, hit("b.new-conversation", "10.0.0.66", "10.0.0.3", 6*time.Hour), hit("b.new-conversation", "10.0.0.3", "10.0.0.66", 6*time.Hour))
		told("a device that arrives", "b.new-conversation", "b.new-conversation", "b.new-device", "download", "sign-in")

		*now = t0.Add(8 * time.Hour)
		again := hit("b.new-conversation", "10.0.0.9", "10.0.0.1", 8*time.Hour)
		s.raiseNow(t, again)
		told("an alert that stood there before hides nothing", "b.new-conversation", "b.new-conversation", "b.new-conversation", "b.new-device", "download", "sign-in")

		s.raiseNow(t, hit("b.new-conversation", "10.0.0.7", "10.0.0.1", 49*time.Hour))
		told("planned, from a programming device", "b.new-conversation", "b.new-conversation", "b.new-conversation", "b.new-device", "download", "sign-in")
		s.raiseNow(t, hit("b.new-conversation", "10.0.0.7", "10.0.0.1", 60*time.Hour))
		told("not planned", "b.new-conversation", "b.new-conversation", "b.new-conversation", "b.new-conversation", "b.new-device", "download", "sign-in")
	})
}

// One station that scans twelve controllers does one thing.
func TestScansFold(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		s, _ := open(t, db, yieldingRules)
		for i := range 12 {
			h := hit("scan", "10.0.0.9", "10.0.1."+string(rune('a'+i)), time.Duration(i)*time.Minute)
			h.Facts = []rule.Say{{Name: "n_ports", Value: strings.Repeat("1", i+1)}}
			s.raiseNow(t, h)
		}
		s.raiseNow(t, hit("scan", "10.0.0.8", "10.0.1.a", 0))
		got := alerts(t, db)
		if len(got) != 2 {
			t.Fatalf("%d alerts, two stations scanned", len(got))
		}
		for _, a := range got {
			n := 0
			for _, f := range a.Facts.V {
				if f.Name == "n_ports" {
					n++
				}
			}
			if a.ClientIP == "10.0.0.9" && (a.Count != 12 || n != 1) {
				t.Errorf("count %d, %d counts of ports: %+v", a.Count, n, a.Facts.V)
			}
		}
	})
}
