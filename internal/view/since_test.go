package view

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestWorkingDayEnd(t *testing.T) {
	cph, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{
		"2026-11-23T08:00": "2026-11-20T16:00", // Monday: Friday
		"2026-11-24T08:00": "2026-11-23T16:00",
		"2026-11-24T20:00": "2026-11-23T16:00",
		"2026-11-22T10:00": "2026-11-20T16:00", // Sunday
		"2026-10-26T08:00": "2026-10-23T16:00", // summer time ended between
	} {
		at, err := time.ParseInLocation("2006-01-02T15:04", now, cph)
		if err != nil {
			t.Fatal(err)
		}
		if got := workingDayEnd(at).Format("2006-01-02T15:04"); got != want {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"12h": now.Add(-12 * time.Hour), "3d": now.AddDate(0, 0, -3), "1.5d": now.Add(-36 * time.Hour), "2026-11-20": time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		"2026-11-20T16:00:00Z": time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(in, now, time.UTC); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"Friday", "-3d", "0d", "900d", "d", "NaNd", "1e30d", "2099-01-01", "3d; DROP"} {
		if got, err := parseSince(in, now, time.UTC); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
}

func TestSilentHours(t *testing.T) {
	heard := map[int64]bool{12: true, 13: true, 16: true}
	if got := silentHours(10, 18, heard); !slices.Equal(got, [][2]int64{{10, 12}, {14, 16}, {17, 18}}) {
		t.Error(got)
	}
	if got := silentHours(5, 5, nil); got != nil {
		t.Error(got)
	}
}

func TestUnmatchedFirst(t *testing.T) {
	list := []WireChange{{ID: "a", Matched: true}, {ID: "b"}, {ID: "c", Matched: true}, {ID: "d"}}
	unmatchedFirst(list)
	var ids []string
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	if got := strings.Join(ids, ""); got != "bdac" {
		t.Error(got)
	}
}

// What the sensor heard comes out as devices and changes, for the one who sees the site and for nobody else.
func TestSince(t *testing.T) {
	storetest.Each(t, slicesOfView(), func(t *testing.T, db *store.DB) {
		p := newTalkPlant(t, db)
		now := time.Now()
		levels, err := comply.New(db, comply.Config{})
		if err != nil {
			t.Fatal(err)
		}
		d := NewDigest(db, levels, nil)
		if err := db.Update(t.Context(), func(tx *store.Tx) error { // everything of the capture happened an hour ago
			_, err := tx.Exec(t.Context(), "UPDATE network_event SET at = ?", store.At(now.Add(-time.Hour)))
			if err == nil {
				_, err = tx.Exec(t.Context(), "UPDATE network_conversation SET first_at = ?, last_at = ?", store.At(now.Add(-time.Hour)), store.At(now))
			}
			if err == nil {
				_, err = tx.Exec(t.Context(), "UPDATE asset_asset SET first_at = ?", store.At(now.Add(-time.Hour)))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		boss := auth.System()
		s, err := d.Since(t.Context(), boss, SinceFilter{Since: "3d", Site: p.site.ID})
		if err != nil {
			t.Fatal(err)
		}
		if s.Devices.Total == 0 || s.Changes.Total == 0 || s.Changes.Items[0].Matched || len(s.Hidden) != 0 || s.Chosen != "asked" {
			t.Fatalf("%+v", s)
		}
		event := s.Changes.Items[0]
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO comply_explanation (explanation_id, site_no, entity_id, who, why, record_id, emergency, made_by, made_name, made_at) VALUES ('x', ?, '', 'Erik', 'planned stop', '', 0, 'lena', 'Lena', ?)", p.site.No, store.At(now.Add(-time.Minute)))
			if err == nil {
				_, err = tx.Exec(t.Context(), "INSERT INTO comply_explained_event (site_no, event_no, explanation_id) SELECT site_no, event_no, 'x' FROM network_event WHERE class = ?", event.Class)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if s, err = d.Since(t.Context(), boss, SinceFilter{}); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Changes.Items, func(c WireChange) bool { return c.ID == event.ID })
		if i < 0 || !s.Changes.Items[i].Matched || s.Changes.Items[i].Who != "Erik" || s.Decisions.Total != 1 || s.Decisions.Items[0].By != "Lena" || s.Chosen != "working-day" {
			t.Errorf("explained: %+v, decided %+v", s.Changes, s.Decisions)
		}

		own, err := d.AssetChanges(t.Context(), boss, event.Server.AssetID)
		if err != nil || !slices.ContainsFunc(own.Items, func(c WireChange) bool { return c.ID == event.ID && c.Matched }) {
			t.Errorf("on its asset: %+v %v", own, err)
		}
		stranger := boss
		stranger.Scope = auth.Scope{Sites: []int64{p.site.No + 7}}
		if _, err := d.AssetChanges(t.Context(), stranger, event.Server.AssetID); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign asset: %v", err)
		}

		declareFor(t, db, p.site, now)
		if s, err = d.Since(t.Context(), boss, SinceFilter{}); err != nil {
			t.Fatal(err)
		}
		if e := s.Expiring; e.Total != 1 || e.Items[0].Kind != "declaration" || e.Items[0].Ref != (ot.Ref{Kind: "requirement", ID: "5.3"}) {
			t.Errorf("a declaration that ends in a week: %+v", e)
		}
		if i := slices.IndexFunc(s.Decisions.Items, func(d Decision) bool { return d.Kind == "declaration" }); i < 0 || s.Decisions.Total != 2 || s.Decisions.Items[i].What != "5.3" || s.Decisions.Items[i].By != "lena" {
			t.Errorf("a declaration that somebody made: %+v", s.Decisions)
		}

		other := boss
		other.Scope = auth.Scope{Sites: []int64{p.site.No + 7}}
		if s, err = d.Since(t.Context(), other, SinceFilter{}); err != nil || len(s.Sites)+s.Devices.Total+s.Changes.Total+s.Connections.Total+s.Decisions.Total+s.SignIns.Total != 0 {
			t.Errorf("of another site: %+v %v", s, err)
		}
		if _, err = d.Since(t.Context(), other, SinceFilter{Site: p.site.ID}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign site by its id: %v", err)
		}
		manager := boss
		manager.Permissions = auth.Grant(auth.PostureRead)
		if s, err = d.Since(t.Context(), manager, SinceFilter{}); err != nil || s.Devices.Total+s.Changes.Total+s.SignIns.Total != 0 || !slices.Contains(s.Hidden, "devices") || !slices.Contains(s.Hidden, "sign_ins") {
			t.Errorf("without the rights: %+v %v", s, err)
		}
	})
}

// declareFor writes a declaration of the site that ends in a week, and one of the year before.
func declareFor(t *testing.T, db *store.DB, site org.Site, now time.Time) {
	t.Helper()
	cat, err := comply.ReadCatalogue(catalog.Files)
	if err != nil {
		t.Fatal(err)
	}
	records, err := record.New(db, record.Config{Dir: t.TempDir(), Behaviours: append(record.Own(), cat.Behaviours()...), Kinds: cat.Kinds()})
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{0, -1} {
		at := now.Add(-time.Hour).AddDate(year, 0, 0)
		n := record.Draft{
			Type: "declaration", Title: "One way in", Site: site.ID, ValidFrom: at, ValidUntil: now.AddDate(year, 0, 7),
			Data: map[string]any{"requirement": "5.3", "record": "remote access standard naming the single solution; exceptions list", "statement": "There is one gateway.", "attested_by": "lena"},
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := records.Adopt(t.Context(), tx, n, record.Past{State: "in_force", By: "lena", At: at})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// What ends soon is one question a site and kind, for who must renew it.
func TestEnding(t *testing.T) {
	day := func(n int) store.Time { return store.At(time.Date(2026, 12, n, 0, 0, 0, 0, time.UTC)) }
	rows := []Expiry{{Kind: "account", Title: "Vendor", At: day(1), Ref: ot.Ref{Kind: "user", ID: "v"}}}
	for i := range 7 {
		rows = append(rows, Expiry{Kind: "declaration", Title: "standard", Site: "North", siteNo: 3, Entity: "e", At: day(2 + i), Ref: ot.Ref{Kind: "requirement", ID: "5.3"}})
	}
	rows = append(rows, Expiry{Kind: "declaration", Title: "policy", Entity: "e", At: day(3), Ref: ot.Ref{Kind: "requirement", ID: "1.1"}}, Expiry{Kind: "record", At: day(4)})
	items := endingItems(rows)
	if len(items) != 3 {
		t.Fatalf("%+v", items)
	}
	for i, want := range []struct{ title, role string }{
		{"An account ends within 14 days", auth.Administrator}, {"North: 7 declarations end within 14 days", auth.SiteOTLead}, {"A declaration ends within 14 days", auth.DSO},
	} {
		if items[i].Title != want.title || items[i].Role != want.role {
			t.Errorf("%+v, want %+v", items[i], want)
		}
	}
	if !strings.Contains(items[1].Detail, "and 2 more") || !items[1].Due.Equal(day(2).Time) || items[1].EntityID != "" || items[2].EntityID != "e" {
		t.Errorf("%+v %+v", items[1], items[2])
	}
}
