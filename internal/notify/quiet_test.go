package notify

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/inbox"
)

func TestQuiet(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	night := Quiet{On: true, From: "22:00", To: "06:00", Breaks: 1}
	weekend := Quiet{On: true, From: "00:00", To: "23:59", Days: []int64{0, 6}, Breaks: 1}
	for _, c := range []struct {
		name     string
		q        Quiet
		severity inbox.Severity
		now      string
		want     string
	}{
		{"evening", night, inbox.Today, "2026-11-23 22:00", "2026-11-24 06:00"},
		{"past midnight", night, inbox.Today, "2026-11-24 03:00", "2026-11-24 06:00"},
		{"the last minute", night, inbox.Today, "2026-11-24 05:59", "2026-11-24 06:00"},
		{"morning", night, inbox.Today, "2026-11-24 06:00", ""},
		{"before", night, inbox.Today, "2026-11-23 21:59", ""},
		{"what cannot wait", night, inbox.Now, "2026-11-24 03:00", ""},
		{"nothing breaks through", Quiet{On: true, From: "22:00", To: "06:00"}, inbox.Now, "2026-11-24 03:00", "2026-11-24 06:00"},
		{"off", Quiet{From: "22:00", To: "06:00"}, inbox.Today, "2026-11-24 03:00", ""},
		{"saturday", weekend, inbox.Today, "2026-11-28 12:00", "2026-11-28 23:59"},
		{"friday", weekend, inbox.Today, "2026-11-27 12:00", ""},
		{"a night that began on friday", Quiet{On: true, From: "22:00", To: "06:00", Days: []int64{5}}, inbox.Today, "2026-11-28 03:00", "2026-11-28 06:00"},
		{"a night that began on saturday", Quiet{On: true, From: "22:00", To: "06:00", Days: []int64{5}}, inbox.Today, "2026-11-29 03:00", ""},
		{"to summer time", Quiet{On: true, From: "22:00", To: "06:00"}, inbox.Today, "2026-03-28 23:00", "2026-03-29 06:00"},
		{"an end that is skipped", Quiet{On: true, From: "22:00", To: "02:30"}, inbox.Today, "2026-03-28 23:00", "2026-03-29 03:30"},
		{"no length", Quiet{On: true, From: "22:00", To: "22:00"}, inbox.Today, "2026-11-23 22:00", ""},
		{"nonsense", Quiet{On: true, From: "25:00", To: "x"}, inbox.Today, "2026-11-23 22:00", ""},
	} {
		want := time.Time{}
		if c.want != "" {
			want = at(c.want)
		}
		if got := c.q.holds(c.severity, at(c.now).UTC(), zone); !got.Equal(want) {
			t.Errorf("%s: held until %v, want %v", c.name, got, want)
		}
	}
	for now, want := range map[string]string{"2026-11-23 07:29": "2026-11-23 07:30", "2026-11-23 07:30": "2026-11-24 07:30", "2026-10-24 08:00": "2026-10-25 07:30"} {
		if got := nextAt("07:30", at(now).UTC(), zone); !got.Equal(at(want)) {
			t.Errorf("next after %s: %v, want %s", now, got, want)
		}
	}
}
