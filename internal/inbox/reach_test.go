package inbox

import (
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestAbsence(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		d.put(d.ask("to lena", d.north, "", "lena"), d.ask("to the lead", d.north, auth.SiteOTLead, ""), d.ask("to the lead of south", d.south, auth.SiteOTLead, ""))
		lena := d.people["lena"]
		away := func(deputy string, from, to time.Duration) error {
			_, err := d.s.AddAbsence(t.Context(), lena, NewAbsence{Deputy: deputy, FromAt: d.now.Add(from), ToAt: d.now.Add(to)})
			return err
		}
		d.refused("without a deputy", away("", 0, time.Hour), ot.Invalid)
		d.refused("by oneself", away("lena", 0, time.Hour), ot.Invalid)
		d.refused("by who does not see the site", away("ulf", 0, time.Hour), ot.Invalid)
		d.refused("backwards", away("erik", time.Hour, 0), ot.Invalid)
		if _, err := d.s.AddAbsence(t.Context(), d.people["erik"], NewAbsence{User: "lena", Deputy: "erik", FromAt: d.now, ToAt: d.now.Add(time.Hour)}); ot.CodeOf(err) != ot.Forbidden {
			t.Errorf("somebody else's: %v", err)
		}
		d.ok(away("erik", time.Hour, 48*time.Hour))
		d.refused("twice at once", away("sam", 2*time.Hour, 3*time.Hour), ot.Conflict)
		d.want("not yet", d.sees("erik", Filter{}))
		d.now = d.now.Add(2 * time.Hour)
		d.want("the deputy sees what she is asked, in person and by role", d.sees("erik", Filter{}), "to lena", "to the lead")
		d.want("she sees it too", d.sees("lena", Filter{}), "to lena", "to the lead")
		d.want("mail goes to both", d.reached("to lena"), "erik", "lena")
		d.want("for the role too", d.reached("to the lead"), "erik", "lena")
		people, err := d.s.People(t.Context(), d.people["sam"].Scope, d.north.ID)
		d.ok(err)
		i := slices.IndexFunc(people, func(c Colleague) bool { return c.ID == "lena" })
		if i < 0 || people[i].Away.IsZero() || people[i].Deputy != "Erik" || slices.ContainsFunc(people, func(c Colleague) bool { return c.ID == "ulf" }) {
			t.Errorf("people of north: %+v", people)
		}
		mine, err := d.s.Away(t.Context(), lena)
		d.ok(err)
		if len(mine.Absences) != 1 || !mine.Absences[0].Now || mine.Absences[0].Deputy.Name != "Erik" {
			t.Errorf("hers: %+v", mine)
		}
		if his, _ := d.s.Away(t.Context(), d.people["erik"]); len(his.Standing) != 1 || len(his.Colleague) != 1 {
			t.Errorf("his: %+v", his)
		}
		if other, _ := d.s.Away(t.Context(), d.people["ulf"]); len(other.Colleague) != 0 {
			t.Errorf("another site's people: %+v", other)
		}
		d.refused("ended by another", d.s.EndAbsence(t.Context(), d.people["erik"], mine.Absences[0].ID), ot.NotFound)
		d.put(d.ask("another", d.north, "", "lena"))
		for key, who := range map[string]string{"to lena": "erik", "another": "dora"} { // the officer sees all, but stands in for nobody
			d.ok(d.s.Answer(t.Context(), d.people[who], d.id(key), "done"))
			got, err := d.s.Detail(t.Context(), lena, d.id(key))
			d.ok(err)
			if want := map[bool]string{true: "lena"}[who == "erik"]; got.DoneBy.ID != who || got.DoneFor.ID != want {
				t.Errorf("%s: by %+v for %+v, want for %q", key, got.DoneBy, got.DoneFor, want)
			}
		}
		d.ok(d.s.EndAbsence(t.Context(), lena, mine.Absences[0].ID))
		d.want("she is back", d.sees("erik", Filter{}))
	})
}

func TestWhoHasLeft(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		d.hire("eva", auth.OTEngineer, &d.north)
		d.put(d.ask("to eva", d.north, "", "eva"))
		d.want("hers", d.sees("erik", Filter{}))
		_, err := d.auth.UpdateUser(t.Context(), "eva", func(u auth.User) (auth.User, error) { u.Disabled = true; return u, nil })
		d.ok(err)
		d.want("she has left: at once her role's", d.sees("erik", Filter{}), "to eva")
		d.want("mail too", d.reached("to eva"), "erik")
		d.ok(d.s.Escalate(t.Context()))
		full, err := d.s.Detail(t.Context(), d.people["erik"], d.id("to eva"))
		d.ok(err)
		if full.Role != auth.OTEngineer || full.User.ID != "" || len(full.Steps) != 1 || full.Steps[0].Kind != "returned" || full.Steps[0].To.Name != "Eva" {
			t.Errorf("the step is kept: %+v", full)
		}
	})
}

func (d *desk) escalate(after time.Duration) {
	d.t.Helper()
	d.now = d.now.Add(after)
	d.ok(d.s.Escalate(d.t.Context()))
}

func (d *desk) steps(title string) (kinds []string) {
	d.t.Helper()
	full, err := d.s.Detail(d.t.Context(), d.people["dora"], d.id(title))
	d.ok(err)
	for _, s := range full.Steps {
		kinds = append(kinds, s.Kind)
	}
	return kinds
}

func TestEscalation(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		d.ok(d.s.SetDeputy(t.Context(), d.people["lena"], "erik"))
		d.ok(d.s.AddTurns(t.Context(), d.people["lena"], Turns{Site: d.north.ID, From: "2026-11-23T07:00", Every: "day", Turns: 5, Users: []string{"sam"}}))
		d.put(d.ask("a", d.north, "", "lena"))
		d.escalate(30 * time.Minute)
		d.want("not due yet", d.steps("a"))
		d.escalate(31 * time.Minute)
		d.want("the deputy", d.steps("a"), "deputy")
		d.want("sees it", d.sees("erik", Filter{}), "a")
		d.escalate(time.Hour)
		d.want("has four hours", d.steps("a"), "deputy")
		d.escalate(3*time.Hour + time.Minute)
		d.want("who is on call", d.steps("a"), "deputy", "on-call")
		d.want("sees it", d.sees("sam", Filter{}), "a")
		d.want("mail", d.reached("a"), "erik", "lena", "sam")
		d.escalate(5 * time.Hour)
		d.want("the officer", d.steps("a"), "deputy", "on-call", "officer")
		d.want("sees it", d.sees("dora", Filter{}), "a")
		d.escalate(50 * time.Hour)
		d.want("it ends there", d.steps("a"), "deputy", "on-call", "officer")
		d.ok(d.s.Answer(t.Context(), d.people["sam"], d.id("a"), "done"))
		d.put(d.ask("a", d.north, "", "lena"))
		d.want("asked anew, the old steps reach nobody", d.sees("sam", Filter{}))
	})
}

func TestEscalationPastAGap(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		info, aside := d.ask("for information", d.north, auth.SiteOTLead, ""), d.ask("put aside", d.north, auth.SiteOTLead, "")
		info.Severity = Information
		d.put(d.ask("a", d.north, auth.SiteOTLead, ""), info, aside)
		d.ok(d.s.Snooze(t.Context(), d.people["lena"], d.id("put aside"), d.now.Add(20*time.Hour), "weekend"))
		d.escalate(2 * time.Hour)
		d.want("nobody is on call: the officer, and the gap is shown", d.steps("a"), "gap", "officer")
		d.want("information waits", d.steps("for information"))
		d.want("so does what is put aside", d.steps("put aside"), "snoozed")
		d.escalate(19 * time.Hour)
		d.want("until its time", d.steps("put aside"), "snoozed", "gap", "officer")
	})
}

func TestRota(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		lena := d.people["lena"]
		plan := func(p auth.Principal, t2 Turns) error { return d.s.AddTurns(t.Context(), p, t2) }
		d.refused("a foreign site", plan(lena, Turns{Site: d.south.ID, From: "2026-11-23T07:00", Every: "day", Turns: 1, Users: []string{"lena"}}), ot.NotFound)
		d.refused("somebody who cannot see it", plan(lena, Turns{Site: d.north.ID, From: "2026-11-23T07:00", Every: "day", Turns: 1, Users: []string{"ulf"}}), ot.Invalid)
		d.refused("no time", plan(lena, Turns{Site: d.north.ID, From: "Monday", Every: "day", Turns: 1, Users: []string{"lena"}}), ot.Invalid)
		d.refused("no such role", plan(lena, Turns{Site: d.north.ID, From: "2026-11-23T07:00", Every: "day", Turns: 1, Role: "king"}), ot.Invalid)
		d.ok(plan(lena, Turns{Site: d.north.ID, From: "2026-11-23T07:00", Every: "week", Turns: 1, Users: []string{"sam", "erik"}}))
		d.ok(plan(lena, Turns{Site: d.north.ID, From: "2026-12-01T07:00", Every: "day", Turns: 2, Role: auth.ShiftLeader}))
		r, err := d.s.Rota(t.Context(), lena.Scope, d.north.ID, 14)
		d.ok(err)
		want := []Gap{{"2026-11-30T07:00", "2026-12-01T07:00"}, {"2026-12-03T07:00", "2026-12-07T13:00"}}
		if r.Now != "2026-11-23T13:00" || len(r.Duties) != 3 || !r.Duties[0].Now || r.Duties[1].Now || !slices.Equal(r.Gaps, want) || len(r.OnCall) != 1 || r.OnCall[0].Name != "Sam" {
			t.Errorf("%+v", r)
		}
		if _, err := d.s.Rota(t.Context(), lena.Scope, d.south.ID, 14); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign rota: %v", err)
		}
		d.refused("a foreign turn", d.s.DropTurn(t.Context(), d.people["ulf"], r.Duties[0].ID), ot.NotFound)
		d.ok(d.s.DropTurn(t.Context(), lena, r.Duties[0].ID))
		if r, _ = d.s.Rota(t.Context(), lena.Scope, d.north.ID, 14); len(r.OnCall) != 0 || len(r.Gaps) != 2 || r.Gaps[0].From != "2026-11-23T13:00" {
			t.Errorf("%+v", r)
		}
		d.now = time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
		if r, _ = d.s.Rota(t.Context(), lena.Scope, d.north.ID, 1); len(r.OnCall) != 1 || r.OnCall[0].ID != "sam" {
			t.Errorf("whoever has the role: %+v", r.OnCall)
		}
	})
}

func TestGaps(t *testing.T) {
	for name, c := range map[string]struct {
		duties []span
		want   []span
	}{
		"none":       {nil, []span{{"b", "y"}}},
		"whole":      {[]span{{"a", "z"}}, nil},
		"hole":       {[]span{{"m", "z"}, {"a", "f"}}, []span{{"f", "m"}}},
		"overlap":    {[]span{{"a", "m"}, {"c", "d"}, {"k", "p"}}, []span{{"p", "y"}}},
		"outside":    {[]span{{"y", "z"}, {"a", "b"}}, []span{{"b", "y"}}},
		"touching":   {[]span{{"b", "f"}, {"f", "y"}}, nil},
		"at the end": {[]span{{"c", "x"}}, []span{{"b", "c"}, {"x", "y"}}},
	} {
		if got := gaps("b", "y", c.duties); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTurnsKeepTheHour(t *testing.T) {
	spans, err := Turns{From: "2026-10-22T07:00", Every: "day", Turns: 5, Users: []string{"a"}}.lay() // summer time ends on the 25th
	if err != nil || spans[4] != (span{"2026-10-26T07:00", "2026-10-27T07:00"}) {
		t.Errorf("%v %v", spans, err)
	}
}

func TestHandover(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		sam := d.people["sam"]
		if _, err := d.s.HandOverShift(t.Context(), d.people["ulf"], d.north.ID, 8*time.Hour, "x"); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign site: %v", err)
		}
		if _, err := d.s.HandOverShift(t.Context(), sam, d.north.ID, 40*time.Hour, "x"); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("a shift of 40 hours: %v", err)
		}
		id, err := d.s.HandOverShift(t.Context(), sam, d.north.ID, 8*time.Hour, "Filler 2 runs slow.\nScale 3 is new.\x07")
		d.ok(err)
		d.refused("from oneself", d.s.TakeShift(t.Context(), sam, id, ""), ot.Conflict)
		d.refused("by another site", d.s.TakeShift(t.Context(), d.people["ulf"], id, ""), ot.NotFound)
		d.now = d.now.Add(10 * time.Minute)
		d.ok(d.s.TakeShift(t.Context(), d.people["erik"], id, "fine"))
		d.refused("twice", d.s.TakeShift(t.Context(), d.people["lena"], id, ""), ot.Conflict)
		h, err := d.s.Handover(t.Context(), sam.Scope, id)
		d.ok(err)
		if h.Giver.Name != "Sam" || h.Taker.Name != "Erik" || !h.TakenAt.Equal(d.now) || !h.GivenAt.Equal(noon) || !h.FromAt.Equal(noon.Add(-8*time.Hour)) ||
			h.Notes != "Filler 2 runs slow.\nScale 3 is new.\uFFFD" || !slices.Contains([]string{`{"site":"` + d.north.ID + `"}`, `{"site": "` + d.north.ID + `"}`}, string(h.Picture)) {
			t.Errorf("%+v %s", h, h.Picture)
		}
		for range 2 {
			d.now = d.now.Add(time.Hour)
			_, err = d.s.HandOverShift(t.Context(), sam, d.north.ID, 8*time.Hour, "")
			d.ok(err)
		}
		page, err := d.s.Handovers(t.Context(), sam.Scope, d.north.ID, "", 2)
		d.ok(err)
		next, err := d.s.Handovers(t.Context(), sam.Scope, d.north.ID, page.Next, 2)
		d.ok(err)
		if len(page.Items) != 2 || len(next.Items) != 1 || next.Items[0].ID != id || next.Next != "" || next.Items[0].Picture != nil {
			t.Errorf("%+v %+v", page, next)
		}
		if page, _ = d.s.Handovers(t.Context(), d.people["ulf"].Scope, "", "", 0); len(page.Items) != 0 {
			t.Errorf("another site's: %+v", page)
		}
	})
}
