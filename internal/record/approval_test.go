package record

import (
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/store"
)

func (h *house) exception(who string) seen {
	h.t.Helper()
	return h.create(who, m{
		"type": "exception", "title": "Old HMI without updates", "site": h.home.ID, "owner": "u-engineer", "valid_until": "2027-06-30T00:00:00Z",
		"data": m{"why": "No updates for its system.", "compensation": "Alone in its zone.", "check": "patch.age"},
	})
}

func (h *house) profile(p string) {
	h.t.Helper()
	h.want(204, "dso", "PUT", "/approval-profiles/"+h.entity.ID, m{"profile": p}, nil)
}

// asked counts the open items of the inbox about approvals and second looks.
func (h *house) asked(key string) int64 {
	h.t.Helper()
	var n int64
	err := h.db.View(h.t.Context(), func(r store.Reader) (err error) {
		n, err = store.One[int64](h.t.Context(), r, "SELECT count(*) FROM inbox_item WHERE item_key = ? AND done_at IS NULL", key)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestFourEyes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		e := h.exception("lead")
		e = h.move(200, "lead", e.ID, "approve", nil)
		if e.State != "requested" || e.Approval != Waiting || h.asked("record.approval:"+e.ID) != 1 {
			t.Errorf("asked: %+v", e)
		}
		if e.MayApprove || e.MayNotWhy == "" {
			t.Error("who asks is told that they may approve")
		}
		h.decide(403, "lead", e.ID, m{"decision": "approve"})
		h.decide(403, "engineer", e.ID, m{"decision": "approve"}) // has not the permission
		h.decide(404, "malmo", e.ID, m{"decision": "approve"})    // does not see the site
		h.decide(422, "dso", e.ID, m{"decision": "reject"})       // why not?
		h.move(409, "lead", e.ID, "give_up", m{"reason": "x"})
		if got := h.get("lead2", e.ID); !got.MayApprove {
			t.Errorf("a colleague may not approve: %s", got.MayNotWhy)
		}
		e = h.decide(200, "lead2", e.ID, m{"decision": "approve"})
		if e.State != "approved" || e.Approval != Approved || e.Approvals[0].Text != "Approved" || h.asked("record.approval:"+e.ID) != 0 {
			t.Errorf("approved: %+v", e)
		}
		h.decide(409, "dso", e.ID, m{"decision": "approve"})

		// What was approved says something else now: it is asked anew, of others than who changed it.
		var got seen
		h.want(200, "lead2", "PATCH", "/records/"+e.ID, m{"data": m{"compensation": "None."}}, &got, "If-Match", "*")
		if got.State != "requested" || got.Approval != Waiting || got.Approvals[0].State != "waiting" || got.Approvals[1].State != "reopened" || got.Approvals[0].Version != got.Version {
			t.Errorf("changed after approval: %+v", got)
		}
		h.decide(403, "lead2", e.ID, m{"decision": "approve"})
		e = h.decide(200, "dso", e.ID, m{"decision": "reject", "comment": "Not without compensation."})
		if e.State != "rejected" || e.Approval != Rejected || e.ClosedAt == nil {
			t.Errorf("refused: %+v", e)
		}
		h.move(200, "lead", e.ID, "again", nil)
		if got := h.get("lead", e.ID); got.Approval != NoApproval || got.State != "requested" {
			t.Errorf("asked again: %+v", got)
		}
		err := h.db.View(t.Context(), func(r store.Reader) error { _, err := Verify(t.Context(), r); return err })
		if err != nil {
			t.Error(err)
		}
	})
}

// A change while it waits makes the request another one: what was asked before does not count.
func TestChangedWhileWaiting(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		e := h.exception("engineer")
		h.move(200, "engineer", e.ID, "approve", nil)
		var got seen
		h.want(200, "lead", "PATCH", "/records/"+e.ID, m{"data": m{"why": "Another reason."}}, &got, "If-Match", "*")
		if got.Approval != Waiting || got.Approvals[0].Version != got.Version {
			t.Errorf("%+v", got)
		}
		h.decide(403, "lead", e.ID, m{"decision": "approve"}) // it is the lead's text now
		var other seen
		h.want(200, "engineer", "PATCH", "/records/"+e.ID, m{"data": m{"why": "A third reason."}}, &other, "If-Match", "*")
		h.decide(403, "lead", e.ID, m{"decision": "approve"}) // asked in an earlier round
		w := h.do("lead2", "POST", "/records/"+e.ID+"/approval", `{"decision":"approve"}`, "If-Match", `"2"`)
		if w.Code != 412 {
			t.Errorf("approved a version that nobody shows any more: %d", w.Code)
		}
		h.want(200, "engineer", "PATCH", "/records/"+e.ID, m{"owner": "u-lead"}, &other, "If-Match", "*") // who answers for it may change
		if other.Approvals[0].State != "waiting" || len(other.Approvals) != 3 {
			t.Errorf("%+v", other.Approvals)
		}
		h.decide(200, "lead2", e.ID, m{"decision": "approve"})
	})
}

func TestSmallPlant(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.profile(SmallProfile)
		e := h.exception("lead")
		e = h.move(200, "lead", e.ID, "approve", nil)
		if e.State != "approved" || e.SecondDue == nil || !e.SecondDue.Equal(h.now.Add(7*24*time.Hour)) || e.Approvals[0].Text != "Approved by one, second look due 2026-11-30" {
			t.Errorf("%+v", e)
		}
		h.decide(403, "lead", e.ID, m{"decision": "approve"})
		h.now = h.now.Add(8 * 24 * time.Hour)
		if err := h.s.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.get("lead", e.ID); !got.Overdue || h.asked("record.second:"+e.ID) != 1 {
			t.Errorf("a week later nobody is asked: %+v", got)
		}
		h.decide(422, "lead", e.ID, m{"decision": "approve", "outside": "Jens Holm, DTU"}) // how and when?
		e = h.decide(200, "lead", e.ID, m{"decision": "approve", "outside": "Jens Holm, DTU", "comment": "By telephone, looked at the drawing."})
		if e.SecondDue != nil || e.Overdue || e.Approvals[0].Votes[0].Outside == "" || h.asked("record.second:"+e.ID) != 0 {
			t.Errorf("%+v", e)
		}
		// Who may not approve asks, as everywhere.
		x := h.exception("engineer")
		if x = h.move(200, "engineer", x.ID, "approve", nil); x.Approval != Waiting {
			t.Errorf("%+v", x)
		}
		// A second look that finds it wrong takes it back.
		y := h.exception("lead")
		h.move(200, "lead", y.ID, "approve", nil)
		if y = h.decide(200, "dso", y.ID, m{"decision": "reject", "comment": "No."}); y.State != "rejected" || y.SecondDue != nil {
			t.Errorf("%+v", y)
		}
	})
}

func TestGroup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.profile(GroupProfile)
		e := h.exception("engineer")
		h.move(200, "engineer", e.ID, "approve", nil)
		if got := h.decide(200, "lead", e.ID, m{"decision": "approve"}); got.Approval != Waiting {
			t.Errorf("one of two: %+v", got)
		}
		h.decide(409, "lead", e.ID, m{"decision": "approve"}) // twice the same person
		if got := h.decide(200, "lead2", e.ID, m{"decision": "approve"}); got.Approval != Waiting {
			t.Errorf("two of one site: %+v", got)
		}
		if got := h.decide(200, "dso", e.ID, m{"decision": "approve"}); got.State != "approved" {
			t.Errorf("%+v", got)
		}
		w := h.do("lead", "PUT", "/approval-profiles/"+h.entity.ID, `{"profile":"small"}`)
		if w.Code != 404 {
			t.Errorf("who answers for one site sets the company's profile: %d", w.Code)
		}
	})
}

func TestEmergencyChange(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.create("engineer", m{"type": "change", "title": "Bypassed a jammed valve", "zone": h.zone.ID, "data": m{"kind": "emergency", "text": "Forced output Q3.1.", "risk": "hidden and dropped"}})
		if _, there := c.Data["risk"]; there {
			t.Error("a field that is not shown is kept")
		}
		h.move(409, "engineer", c.ID, "approve", nil) // not for emergencies
		h.move(422, "engineer", c.ID, "after_the_fact", nil)
		c = h.move(200, "engineer", c.ID, "after_the_fact", m{"data": m{"done_at": "2026-11-23T02:10:00+01:00", "why_emergency": "Steam.", "performed_by": "Shift 3"}})
		if c.State != "emergency_done" || c.Data["done_at"] != "2026-11-23T01:10:00Z" {
			t.Errorf("%+v", c)
		}
		h.move(200, "engineer", c.ID, "approve_emergency", m{"data": m{"observed": "Nothing else."}})
		c = h.decide(200, "lead", c.ID, m{"decision": "approve"})
		if c.State != "done" || c.Approval != Approved {
			t.Errorf("%+v", c)
		}
		c = h.move(200, "engineer", c.ID, "verify", nil)
		if c.State != "verified" {
			t.Errorf("%+v", c)
		}
	})
}

// The database refuses what the code must never try.
func TestApprovalBySameIdentityIsNoRow(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		e := h.exception("lead")
		e = h.move(200, "lead", e.ID, "approve", nil)
		err := h.db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO record_approval (approval_id, request_id, record_id, version, requested_by, by_id, outside, whole, decision, comment, at)
				SELECT 'x', request_id, record_id, version, requested_by, requested_by, '', ?, 'approve', '', 1 FROM record_request WHERE record_id = ?`, true, e.ID)
			return err
		})
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "check") {
			t.Errorf("the table takes it: %v", err)
		}
	})
}
