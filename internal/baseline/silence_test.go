package baseline

import (
	"testing"
	"time"
)

// A device that is heard nowhere else is named; where both are, the two; many devices of
// a zone are one hit.
func TestWhoFellSilent(t *testing.T) {
	now := time.Date(2026, 11, 14, 8, 0, 0, 0, time.UTC)
	last := now.Add(-2 * time.Hour).UnixMicro()
	var rows []unheard
	heard := map[siteEnd]int64{}
	end := func(a string) siteEnd { return siteEnd{1, End{1, a}} }
	silent := func(client, server string, zone int64) {
		rows = append(rows, unheard{talk{SiteNo: 1, RealmNo: 1, ZoneNo: zone, State: "production", Client: client, Server: server, Last: last}, now.UnixMicro()})
		for _, a := range []string{client, server} {
			if heard[end(a)] == 0 {
				heard[end(a)] = last
			}
		}
	}
	for _, a := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"} {
		heard[end(a)] = now.UnixMicro() // heard elsewhere
	}
	silent("10.0.0.1", "10.0.7.1", 7) // the controller fell silent, with all who ask it
	silent("10.0.0.2", "10.0.7.1", 7)
	silent("10.0.9.1", "10.0.0.3", 8) // the panel fell silent
	silent("10.0.0.3", "10.0.0.4", 9) // both are heard, but not with one another
	for _, a := range []string{"10.0.6.1", "10.0.6.2", "10.0.6.3"} {
		silent("10.0.0.1", a, 6) // a line is off
	}
	hits := silenceHits(whoFell(rows, heard), now)
	type want struct {
		rule, client, server string
		zone                 int64
		count                uint64
	}
	for i, w := range []want{
		{RuleSilence, "10.0.7.1", "", 7, 2}, {RuleSilence, "10.0.9.1", "", 8, 1}, {RuleSilence, "10.0.0.3", "10.0.0.4", 9, 1}, {RuleZoneSilence, "", "", 6, 1},
	} {
		if i >= len(hits) {
			t.Fatalf("%d hits: %+v", len(hits), hits)
		}
		if h := hits[i]; h.Rule != w.rule || h.Client.IP != w.client || h.Server.IP != w.server || h.ZoneNo != w.zone || h.Count != w.count {
			t.Errorf("hit %d: %+v, want %+v", i, h, w)
		}
	}
	if len(hits) != 4 || hits[3].Facts[1].Value != "3" {
		t.Errorf("hits %+v", hits)
	}
}
