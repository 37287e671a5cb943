package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/store"
)

func TestLifeOfAFinding(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		f := h.finding("engineer", "RDP from the office to an HMI")
		if f.Ref != "FND-2026-0001" || f.State != "open" || f.Version != 1 || f.Data["source"] != "person" {
			t.Errorf("%+v", f)
		}
		if got := h.finding("engineer", "Second"); got.Ref != "FND-2026-0002" {
			t.Error(got.Ref)
		}
		if w := h.do("engineer", "PATCH", "/records/"+f.ID, `{"title":"x"}`); w.Code != 428 {
			t.Errorf("without If-Match: %d", w.Code)
		}
		if w := h.do("engineer", "PATCH", "/records/"+f.ID, `{"title":"x"}`, "If-Match", `"7"`); w.Code != 412 {
			t.Errorf("of another version: %d", w.Code)
		}
		var got seen
		w := h.want(200, "engineer", "PATCH", "/records/"+f.ID, m{"owner": "u-lead", "due_at": "2026-12-01T00:00:00Z", "data": m{"severity": "critical"}}, &got, "If-Match", `"1"`)
		if got.Version != 2 || got.Data["severity"] != "critical" || w.Header().Get("ETag") != `"2"` {
			t.Errorf("%+v %s", got, w.Header())
		}
		if got := h.move(409, "engineer", f.ID, "close", nil); got.State != "" {
			t.Error(got)
		}
		h.move(200, "engineer", f.ID, "accept", nil)
		h.move(422, "engineer", f.ID, "mended", nil) // how?
		got = h.move(200, "engineer", f.ID, "mended", m{"data": m{"resolution": "Rule removed from the firewall."}})
		got = h.move(200, "lead", f.ID, "close", nil)
		if got.State != "closed" || got.ClosedAt == nil {
			t.Errorf("%+v", got)
		}
		if w := h.do("engineer", "PATCH", "/records/"+f.ID, `{"data":{"text":"it never was"}}`, "If-Match", "*"); w.Code != 409 {
			t.Errorf("a closed record says something else: %d %s", w.Code, w.Body)
		}
		var past struct{ Items []Version }
		h.want(200, "reader", "GET", "/records/"+f.ID+"/history", nil, &past)
		if len(past.Items) != 5 || past.Items[0].Title != "Verified" || len(past.Items[3].Changes) != 3 || past.Items[3].Changes[0].AfterText != "lead" {
			t.Errorf("%+v", past.Items)
		}
		err := h.db.View(t.Context(), func(r store.Reader) error {
			n, err := Verify(t.Context(), r)
			if n != 6 {
				t.Errorf("%d revisions verified", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, title := range []string{"Alpha", "Beta", "Gamma", "Delta", "100 % sure"} {
			h.finding("engineer", title)
		}
		h.create("dso", m{"type": "finding", "title": "Of the company", "data": m{"text": "x", "severity": "low"}})
		h.create("malmo", m{"type": "finding", "title": "Elsewhere", "site": h.other.ID, "data": m{"text": "x", "severity": "low"}})
		var page struct {
			Items []row
			Next  string
			Total *int64
		}
		h.want(200, "engineer", "GET", "/records?type=finding&sort=title&limit=4", nil, &page)
		if len(page.Items) != 4 || page.Next == "" || *page.Total != 6 || page.Items[0].Title != "100 % sure" {
			t.Errorf("%+v %d", page.Items, *page.Total)
		}
		h.want(200, "engineer", "GET", "/records?type=finding&sort=title&limit=4&cursor="+page.Next, nil, &page)
		if len(page.Items) != 2 || page.Items[1].Title != "Of the company" {
			t.Errorf("%+v", page.Items)
		}
		for query, want := range map[string]int{
			"q=00+%25": 1, "q=fnd-2026-0002": 1, "filter=severity:high": 5, "filter=severity:low": 1, "filter=safety:false": 0, "state=open": 6, "state=closed": 0,
			"site=" + h.home.ID: 5, "site=" + h.other.ID: 0, "site=none": 1, "filter=severity:": 0, "filter=consequence:": 6, "owner=none": 6, "owner=me": 0, "due=overdue": 0, "link=asset:nothing": 0, "sort=-severity": 6, "sort=due_at": 6, "as_of=2026-11-23": 6, "as_of=2026-11-22": 0,
		} {
			h.want(200, "engineer", "GET", "/records?type=finding&"+query, nil, &page)
			if len(page.Items) != want || page.Total == nil || int(*page.Total) != want {
				t.Errorf("%s: %d items, total %v, want %d", query, len(page.Items), page.Total, want)
			}
		}
		for _, query := range []string{"type=nothing", "sort=nothing", "filter=nothing:x", "type=finding&cursor=AAAA", "due=late", "as_of=yesterday"} {
			if w := h.do("engineer", "GET", "/records?"+query, ""); w.Code < 400 || w.Code >= 500 {
				t.Errorf("%s: %d", query, w.Code)
			}
		}
		var facets Facets
		h.want(200, "engineer", "GET", "/records/facets?type=finding", nil, &facets)
		if len(facets.State) != 1 || facets.State[0] != (Facet{"open", "Open", 6}) || len(facets.Site) != 2 || facets.Site[0].Count != 5 {
			t.Errorf("%+v", facets)
		}
		if want := []Facet{{"high", "", 5}, {"low", "", 1}}; !slices.Equal(facets.Group, want) {
			t.Errorf("groups %+v, want %+v", facets.Group, want)
		}
		h.want(200, "engineer", "GET", "/records/facets?type=finding&site=none", nil, &facets)
		if want := []Facet{{"low", "", 1}}; !slices.Equal(facets.Group, want) {
			t.Errorf("groups of the company %+v, want %+v", facets.Group, want)
		}
		if w := h.do("malmo", "GET", "/records?type=finding", ""); strings.Contains(w.Body.String(), "Alpha") || !strings.Contains(w.Body.String(), "Elsewhere") || !strings.Contains(w.Body.String(), "Of the company") {
			t.Errorf("the other site sees: %s", w.Body)
		}
		if w := h.do("vendor", "GET", "/records", ""); w.Code != 403 {
			t.Errorf("a vendor: %d", w.Code)
		}
	})
}
