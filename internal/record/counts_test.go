package record

import (
	"slices"
	"testing"
	"time"
)

func TestCounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		late := h.finding("engineer", "Late")
		h.want(200, "engineer", "PATCH", "/records/"+late.ID, m{"due_at": "2026-11-24T00:00:00Z"}, nil, "If-Match", `"1"`)
		done := h.finding("engineer", "Done")
		h.want(200, "engineer", "PATCH", "/records/"+done.ID, m{"owner": "u-lead", "due_at": "2026-11-24T00:00:00Z"}, nil, "If-Match", `"1"`)
		h.move(200, "engineer", done.ID, "accept", nil)
		h.move(200, "engineer", done.ID, "mended", m{"data": m{"resolution": "Rule removed."}})
		h.move(200, "lead", done.ID, "close", nil)
		h.finding("engineer", "In time")
		h.create("malmo", m{"type": "finding", "title": "Elsewhere", "site": h.other.ID, "data": m{"text": "x", "severity": "low"}})
		e := h.create("engineer", m{"type": "change", "title": "New CPU", "site": h.home.ID, "owner": "u-lead", "data": m{
			"kind": "normal", "text": "x", "risk": "x", "test": "x", "back_out": "x",
		}})
		h.move(200, "engineer", e.ID, "approve", nil)

		h.now = h.now.Add(48 * time.Hour)
		of := func(who, id string) TypeCount {
			var got struct{ Items []TypeCount }
			h.want(200, who, "GET", "/records/counts", nil, &got)
			i := slices.IndexFunc(got.Items, func(c TypeCount) bool { return c.Type == id })
			return got.Items[i]
		}
		if got := of("reader", "finding"); got != (TypeCount{"finding", 2, 1, 0}) {
			t.Errorf("findings of Aarhus: %+v", got)
		}
		if got := of("malmo", "finding"); got != (TypeCount{"finding", 1, 0, 0}) {
			t.Errorf("findings of Malmö: %+v", got)
		}
		if got := of("dso", "finding"); got != (TypeCount{"finding", 3, 1, 0}) {
			t.Errorf("findings of the company: %+v", got)
		}
		if got := of("reader", "change"); got != (TypeCount{"change", 1, 0, 1}) {
			t.Errorf("changes: %+v", got)
		}
		if w := h.do("vendor", "GET", "/records/counts", ""); w.Code != 403 {
			t.Errorf("a vendor: %d", w.Code)
		}
	})
}
