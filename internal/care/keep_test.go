package care

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRule(t *testing.T) {
	newest := time.Date(2026, 11, 23, 2, 30, 0, 0, time.UTC)
	var all []time.Time
	for i := range 800 { // two years, every night
		all = append(all, newest.AddDate(0, 0, -i))
	}
	all = append(all, newest.Add(-time.Hour)) // a second one of the last night
	old := map[time.Time]bool{}
	for _, o := range (Rule{Daily: 7, Weekly: 5, Monthly: 12}).Old(all) {
		old[o] = true
	}
	keptDays := map[string]bool{}
	for _, x := range all {
		if !old[x] {
			keptDays[x.Format(time.DateOnly)] = true
		}
	}
	if len(keptDays) > 7+5+12 || len(keptDays) < 7+3+11 {
		t.Errorf("%d are kept", len(keptDays))
	}
	for _, day := range []string{"2026-11-23", "2026-11-17", "2026-11-15", "2026-10-31", "2025-12-31"} {
		if !keptDays[day] {
			t.Errorf("%s is not kept", day)
		}
	}
	if keptDays["2026-11-16"] && keptDays["2026-11-14"] || old[newest] || !old[newest.Add(-time.Hour)] {
		t.Error("too much is kept, or the newest is not")
	}
}

// Whatever the rule and the nights, the newest stays, and what is kept is never more
// than the rule says.
func TestRuleHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rule{rapid.IntRange(0, 9).Draw(t, "daily"), rapid.IntRange(0, 9).Draw(t, "weekly"), rapid.IntRange(0, 9).Draw(t, "monthly")}
		hours := rapid.SliceOfNDistinct(rapid.IntRange(0, 30000), 1, 100, rapid.ID[int]).Draw(t, "hours")
		var times []time.Time
		var newest time.Time
		for _, h := range hours {
			at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(h) * time.Hour)
			times = append(times, at)
			if at.After(newest) {
				newest = at
			}
		}
		old := r.Old(times)
		if len(times)-len(old) > max(1, r.Daily+r.Weekly+r.Monthly) {
			t.Errorf("%d of %d are kept by %+v", len(times)-len(old), len(times), r)
		}
		for _, o := range old {
			if o.Equal(newest) {
				t.Error("the newest goes")
			}
		}
	})
}

func TestDueAt(t *testing.T) {
	p := Plan{Hour: 2, Minute: 30, Zone: "Europe/Copenhagen"}
	for now, want := range map[string]string{
		"2026-11-23T01:29:59Z": "2026-11-22T01:30:00Z", // winter: UTC+1
		"2026-11-23T01:30:00Z": "2026-11-23T01:30:00Z",
		"2026-07-01T00:30:00Z": "2026-07-01T00:30:00Z", // summer: UTC+2
		"2026-03-29T12:00:00Z": "2026-03-29T01:30:00Z", // the hour that is not: Go reads it as 03:30
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.dueAt(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("at %s the last turn was %s, want %s", now, got, want)
		}
	}
}

func TestForecast(t *testing.T) {
	var list []Day
	for i := range int64(40) {
		list = append(list, Day{Day: 20000 + i, Free: 100e9 - i*1e9})
	}
	if days, ok := forecast(list, 61e9); !ok || days < 60.9 || days > 61.1 {
		t.Errorf("%v %v", days, ok)
	}
	for name, l := range map[string][]Day{
		"two days": list[:2], "none": nil, "it empties": {{Day: 1, Free: 1}, {Day: 2, Free: 5}, {Day: 3, Free: 9}}, "still": {{Day: 1, Free: 5}, {Day: 2, Free: 5}, {Day: 3, Free: 5}},
	} {
		if days, ok := forecast(l, 1e9); ok {
			t.Errorf("%s: %v", name, days)
		}
	}
}

func FuzzHostKey(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPmIZ8vD6hMqGyOQVQvZbmQwPXcGyvT9RTCg9yLXF2c host")
	f.Add("[nas]:22 ssh-rsa AAAA")
	f.Add("nas.example,10.0.0.1 ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY=")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := parseHostKey(s); (k == nil) == (err == nil) {
			t.Errorf("%v %v", k, err)
		}
	})
}

func FuzzFileName(f *testing.F) {
	f.Add("skanse-2026-11-23T023000Z.snapshot.age")
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := timeOf(s); ok && fileName(at) != s {
			t.Errorf("%q is read as %v, which is called %q", s, at, fileName(at))
		}
	})
}
