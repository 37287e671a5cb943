package record

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// item is what the inbox holds under a key.
type item struct {
	UserID   string     `db:"user_id"`
	Role     string     `db:"role"`
	Severity int64      `db:"severity"`
	Due      store.Time `db:"due_at"`
	Done     store.Time `db:"done_at"`
	Outcome  string     `db:"outcome"`
}

func (h *house) item(key string) (out item) {
	h.t.Helper()
	err := h.db.View(h.t.Context(), func(r store.Reader) error {
		rows, err := store.All[item](h.t.Context(), r, "SELECT user_id, role, severity, due_at, done_at, outcome FROM inbox_item WHERE item_key = ?", key)
		if len(rows) > 0 {
			out = rows[0]
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *house) remind() {
	h.t.Helper()
	if err := h.s.Remind(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// The next review counts from the last one, not from the day that was planned.
func TestReviews(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.profile(SmallProfile)
		d := h.create("lead", m{
			"type": "declaration", "title": "Remote access standard", "site": h.home.ID, "owner": "u-lead", "valid_until": "2029-01-01T00:00:00Z",
			"data": m{"requirement": "5.3", "record": "standard", "statement": "There is one way in.", "attested_by": "Anna, CTO"},
		})
		if d.ReviewAt != nil {
			t.Error("a draft is to be reviewed")
		}
		h.want(409, "lead", "POST", "/records/"+d.ID+"/review", m{}, nil)
		d = h.move(200, "lead", d.ID, "declare", nil)
		if d.State != "in_force" || d.ReviewAt == nil || !d.ReviewAt.Equal(h.now.AddDate(1, 0, 0)) {
			t.Fatalf("%+v", d)
		}
		h.decide(200, "dso", d.ID, m{"decision": "approve"})
		key := "record.review:" + d.ID
		start := h.now
		h.now = start.AddDate(1, 0, -31)
		h.remind()
		if h.asked(key) != 0 {
			t.Error("asked too early")
		}
		h.now = start.AddDate(1, 0, -29)
		h.remind()
		if got := h.item(key); got.UserID != "u-lead" || got.Severity != 3 || !got.Due.Equal(*d.ReviewAt) || !got.Done.IsZero() {
			t.Errorf("30 days before: %+v", got)
		}
		h.now = start.AddDate(1, 0, 1)
		h.remind()
		if got := h.item(key); got.Severity != 2 {
			t.Errorf("on the day: %+v", got)
		}
		// Late: the year begins now.
		h.now = start.AddDate(1, 2, 0)
		var got seen
		h.want(200, "lead", "POST", "/records/"+d.ID+"/review", m{"comment": "Still one way in."}, &got)
		if !got.ReviewAt.Equal(h.now.AddDate(1, 0, 0)) || h.asked(key) != 0 || got.State != "in_force" || got.Approval != Approved {
			t.Errorf("%+v", got)
		}
		h.remind()
		if h.asked(key) != 0 {
			t.Error("asked again at once")
		}
	})
}

func TestDue(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.create("lead", m{"type": "action", "title": "Replace the switch", "site": h.home.ID, "due_at": "2026-11-30T00:00:00Z", "data": m{"text": "x"}})
		key := "record.due:" + a.ID
		h.remind()
		if got := h.item(key); got.Role != "site-ot-lead" || got.UserID != "" || h.asked(key) != 1 {
			t.Errorf("what nobody owns asks a role: %+v", got)
		}
		h.want(200, "lead", "PATCH", "/records/"+a.ID, m{"due_at": "2027-05-01T00:00:00Z", "owner": "u-engineer"}, nil, "If-Match", "*")
		if got := h.item(key); got.Outcome != "moved" {
			t.Errorf("asked about a date that moved: %+v", got)
		}
		h.remind()
		if h.asked(key) != 0 {
			t.Error("asked half a year before")
		}
		h.now = time.Date(2027, 5, 2, 0, 0, 0, 0, time.UTC)
		h.remind()
		if got := h.item(key); got.UserID != "u-engineer" || got.Severity != 2 || h.asked(key) != 1 {
			t.Errorf("%+v", got)
		}
		var page struct{ Items []row }
		h.want(200, "lead", "GET", "/records?due=overdue", nil, &page)
		if len(page.Items) != 1 || !page.Items[0].Overdue {
			t.Errorf("%+v", page.Items)
		}
		h.move(200, "lead", a.ID, "drop", m{"reason": "The line goes."})
		if h.asked(key) != 0 {
			t.Error("what is closed still asks")
		}
	})
}

func TestAddMonths(t *testing.T) {
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2027-01-31", 1, "2027-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2026-11-30", 3, "2027-02-28"},
		{"2026-10-31", 6, "2027-04-30"},
		{"2027-08-31", 6, "2028-02-29"},
		{"2026-12-31", 12, "2027-12-31"},
		{"2026-11-23", 24, "2028-11-23"},
	} {
		from, err := time.Parse(time.DateOnly, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := AddMonths(from, c.months).Format(time.DateOnly); got != c.want {
			t.Errorf("%s and %d months: %s, want %s", c.from, c.months, got, c.want)
		}
	}
}

// On the wall it stays 22:00, whatever summer time does.
func TestRecurs(t *testing.T) {
	for name, c := range map[string]struct {
		data     map[string]any
		from, to string
		want     []string
	}{
		"weekly over the end of summer time": {
			map[string]any{"recurring": true, "weekdays": []any{"sat", "sun"}, "at": "22:00", "lasts": 4.0},
			"2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z",
			[]string{"2026-10-24T20:00:00Z 2026-10-25T00:00:00Z", "2026-10-25T21:00:00Z 2026-10-26T01:00:00Z"},
		},
		"at an hour that there is not": {
			map[string]any{"recurring": true, "weekdays": []any{"sun"}, "at": "02:30", "lasts": 1.0},
			"2027-03-28T00:00:00Z", "2027-03-28T12:00:00Z",
			[]string{"2027-03-28T01:30:00Z 2027-03-28T02:30:00Z"},
		},
		"it began before": {
			map[string]any{"source": "calendar", "rule": "weekly", "weekdays": []any{"mon"}, "at": "06:00", "lasts": 48.0},
			"2026-11-24T12:00:00Z", "2026-11-25T00:00:00Z",
			[]string{"2026-11-23T05:00:00Z 2026-11-25T05:00:00Z"},
		},
		"cron": {
			map[string]any{"source": "calendar", "rule": "cron", "cron": "0 6 1 * *", "lasts": 12.0, "zone_name": "America/Lima"},
			"2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z",
			[]string{"2026-11-01T11:00:00Z 2026-11-01T23:00:00Z", "2026-12-01T11:00:00Z 2026-12-01T23:00:00Z"},
		},
		"without a length": {map[string]any{"recurring": true, "weekdays": []any{"sat"}, "at": "22:00"}, "2026-10-24T00:00:00Z", "2026-12-26T00:00:00Z", nil},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		to, _ := time.Parse(time.RFC3339, c.to)
		rec := &Record{}
		rec.Data.V = c.data
		spans, err := Times(rec, "Europe/Copenhagen", from, to)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, s := range spans {
			got = append(got, s.From.Format(time.RFC3339)+" "+s.To.Format(time.RFC3339))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
	for _, bad := range []map[string]any{
		{"recurring": true, "at": "24:00"},
		{"recurring": true, "at": "x"},
		{"source": "calendar", "rule": "cron", "cron": "@reboot"},
		{"source": "calendar", "rule": "cron", "cron": "CRON_TZ=UTC 0 6 * * *"},
		{"source": "calendar", "rule": "cron", "cron": "99 * * * *"},
		{"recurring": true, "zone_name": "Local"},
		{"recurring": true, "zone_name": "../../etc/passwd"},
	} {
		rec := &Record{}
		rec.Data.V = bad
		if _, err := ruleOf(rec, "UTC"); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestGuards(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.create("lead", m{"type": "plant-state", "title": "Cleaning", "site": h.home.ID, "data": m{"mode": "cleaning", "source": "calendar", "weekdays": []string{"fri"}}})
		h.move(409, "lead", p.ID, "activate", nil)
		p = h.move(200, "lead", p.ID, "activate", m{"data": m{"at": "14:00", "lasts": 2}})
		if p.State != "active" {
			t.Errorf("%+v", p)
		}
		e := h.create("lead", m{"type": "asset-event", "title": "Old HMI", "site": h.home.ID, "data": m{"kind": "disposal", "on": "2026-11-20", "storage": []string{"disk"}, "wipe_method": "overwrite", "wiped_by": "lead"}})
		for _, b := range h.get("lead", e.ID).Transitions {
			if b.ID == "prove" && (b.Allowed || b.WhyNot == "") {
				t.Errorf("disposed of without proof: %+v", b)
			}
		}
		h.attach(201, "lead", e.ID, "certificate.pdf", nothingFor(100))
		h.move(200, "lead", e.ID, "prove", nil)
		if got := h.decide(200, "lead2", e.ID, m{"decision": "approve"}); got.State != "complete" {
			t.Errorf("%+v", got)
		}
		d := h.create("engineer", m{"type": "transient-device", "title": "Laptop of Vega", "site": h.home.ID, "valid_until": "2026-11-24T16:00:00Z", "data": m{"kind": "laptop", "holder": "Ole", "purpose": "Drive set-up"}})
		h.move(409, "engineer", d.ID, "admit", nil)
		h.move(200, "engineer", d.ID, "admit", m{"data": m{"scanned": true, "scanned_on": "2026-11-23", "scanner": "Kiosk"}})
	})
}
