package comply

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixture makes a requirement with one share and one count check, answered well.
func fixture(key bool, mode Mode) Facts {
	w := func(s string) Window { w, _ := ParseWindow(s); return w }
	r := &Requirement{
		ID: "5.1", Area: 5, Title: "R", Mode: mode, Scope: ScopeSite, Key: key, Weight: 1,
		Declared: []RecordSpec{{Record: "standard", AttestedBy: "DSO", ValidFor: w("12mo")}},
	}
	specs := []*CheckSpec{
		{ID: "a.share", Title: "Shares", Target: "95%", Test: Test{Kind: KindShare, Op: ">=", Value: .95}, Window: w("30d"), TTL: w("24h"), Weight: 1, Wants: "A sensor."},
		{ID: "a.count", Title: "Bypasses", Target: "0", Test: Test{Kind: KindCount, Op: "<=", Value: 0}, Window: w("30d"), TTL: w("24h"), Weight: 1, Wants: "A sensor.", Contradicts: true},
	}
	r.Checks = specs
	return Facts{Requirement: r, Valid: []string{"standard"}, Checks: []CheckFact{
		{specs[0], answered(specs[0], ot.Share, 20, 0, 0)},
		{specs[1], answered(specs[1], ot.Count, 10, 0, 0)},
	}}
}

func answered(k *CheckSpec, fold ot.Fold, pass, fail, unknown int) Answer {
	t := &tally{}
	for i := range pass + fail + unknown {
		r := Row{Ref: fmt.Sprint(i), Verdict: Pass}
		if i >= pass {
			r.Verdict, r.Reason = Fail, "It is one."
		}
		if i >= pass+fail {
			r.Verdict = Unknown
		}
		t.add(r, false)
	}
	a := t.answer(k, fold, nil)
	a.Collected = noon
	return a
}

func held(days ...int) Standing {
	var s Standing
	for i, d := range days {
		s.Gates[i].Since = noon.AddDate(0, 0, -d)
	}
	return s
}

func TestJudge(t *testing.T) {
	type mutate func(*Facts)
	share := func(p, f, u int) mutate {
		return func(x *Facts) { x.Checks[0].Answer = answered(x.Checks[0].Spec, ot.Share, p, f, u) }
	}
	count := func(p, f, u int) mutate {
		return func(x *Facts) { x.Checks[1].Answer = answered(x.Checks[1].Spec, ot.Count, p, f, u) }
	}
	undeclared := func(x *Facts) { x.Valid = nil }
	stale := func(d time.Duration) mutate {
		return func(x *Facts) {
			for i := range x.Checks {
				x.Checks[i].Answer.Collected = noon.Add(-d)
			}
		}
	}
	nothing := func(x *Facts) {
		for i := range x.Checks {
			x.Checks[i].Answer = Answer{}
		}
	}
	quiet := func(x *Facts) { x.Checks[1].Spec.Contradicts = false }
	for name, c := range map[string]struct {
		key   bool
		mode  Mode
		prev  Standing
		do    []mutate
		level int
		state State // against 3, or 4 when key
	}{
		"nothing at all":                     {mode: Measured, do: []mutate{undeclared, nothing}, level: 0, state: StateUnknown},
		"measured only":                      {mode: Measured, do: []mutate{undeclared}, level: 1, state: StateBelow},
		"declared only, measured row":        {mode: Measured, do: []mutate{nothing}, level: 2, state: StateUnknown},
		"declared only, mixed row":           {mode: Mixed, do: []mutate{nothing}, level: 2, state: StateBelow},
		"all gates of 3, first day":          {mode: Measured, level: 2, state: StateBelow},
		"all gates of 3, seven days":         {mode: Measured, prev: held(7), level: 3, state: StateAt},
		"six days":                           {mode: Measured, prev: held(6), level: 2, state: StateBelow},
		"ninety days":                        {mode: Measured, prev: held(90, 90), level: 4, state: StateAt},
		"ninety days, key":                   {key: true, mode: Measured, prev: held(90, 90), level: 4, state: StateAt},
		"eighty-nine days, key":              {key: true, mode: Measured, prev: held(89, 89), level: 3, state: StateKeyBelow},
		"a year without improvement":         {mode: Measured, prev: held(365, 365), level: 4, state: StateAt},
		"a year and improved":                {mode: Measured, prev: held(365, 365, 365), do: []mutate{func(f *Facts) { f.Improved = true }}, level: 5, state: StateAt},
		"overdue key finding":                {mode: Measured, prev: held(100), do: []mutate{func(f *Facts) { f.Overdue = true }}, level: 3, state: StateAt},
		"declared mode stops at 2":           {mode: Declared, prev: held(400, 400), level: 2, state: StateBelow},
		"declared mode, independent check":   {mode: Declared, prev: held(8), do: []mutate{func(f *Facts) { f.Independent = true }}, level: 3, state: StateAt},
		"coverage 79 % for three days":       {mode: Measured, prev: Standing{Gates: [3]Gate{{Since: noon.AddDate(0, 0, -20), Broken: noon.AddDate(0, 0, -3)}}}, do: []mutate{share(79, 0, 21)}, level: 2, state: StateBelow},
		"coverage back at 80 %":              {mode: Measured, prev: Standing{Gates: [3]Gate{{Since: noon.AddDate(0, 0, -20), Broken: noon.AddDate(0, 0, -3)}}}, do: []mutate{share(80, 0, 20)}, level: 3, state: StateAt},
		"one check unanswered":               {mode: Measured, prev: Standing{}, do: []mutate{func(f *Facts) { f.Checks[0].Answer = Answer{} }}, level: 2, state: StateBelow},
		"contradicted":                       {mode: Measured, prev: held(400, 400), do: []mutate{count(9, 1, 0)}, level: 2, state: StateContradicted},
		"same failure without a declaration": {mode: Measured, do: []mutate{count(9, 1, 0), undeclared}, level: 1, state: StateBelow},
		"non-key failure falls after grace":  {mode: Measured, prev: held(10), do: []mutate{quiet, count(0, 10, 0), share(10, 10, 0)}, level: 3, state: StateAt},
		"key failure falls at once":          {key: true, mode: Measured, prev: held(10), do: []mutate{quiet, count(9, 1, 0)}, level: 2, state: StateKeyBelow},
		"stale for 30 h keeps 3 in grace":    {key: true, mode: Measured, prev: held(10), do: []mutate{stale(30 * time.Hour)}, level: 3, state: StateKeyBelow},
		"withdrawn declaration falls now":    {mode: Measured, prev: held(100, 100), do: []mutate{undeclared}, level: 1, state: StateBelow},
		"excepted eleven percent":            {mode: Measured, prev: held(100, 100), do: []mutate{func(f *Facts) { f.Checks[0].Answer.Excepted = 4 }}, level: 3, state: StateAt},
	} {
		t.Run(name, func(t *testing.T) {
			f := fixture(c.key, c.mode)
			for _, m := range c.do {
				m(&f)
			}
			j := Judge(f, c.prev, noon)
			target := 3
			if c.key {
				target = 4
			}
			if s := j.StateOf(f.Requirement, target); j.Level != c.level || s != c.state {
				t.Errorf("level %d %s, want %d %s\nC %.2f E %.2f F %.2f D %.2f\nwhy %q\nlift %q\ncaps %q", j.Level, s, c.level, c.state, j.C, j.E, j.F, j.D, j.Why, j.Lift, j.Caps)
			}
			if len(j.Why) == 0 || j.Level < target && c.state != StateAt && len(j.Lift) == 0 {
				t.Errorf("says neither why (%q) nor what lifts it (%q)", j.Why, j.Lift)
			}
		})
	}
}

// The worked example of the maturity model: 5.3 at Aarhus.
func TestAarhus(t *testing.T) {
	c := shipped(t)
	r, _ := c.Requirement("5.3")
	f := Facts{Requirement: r, Valid: []string{r.Declared[0].Record}}
	for _, k := range r.Checks {
		var a Answer
		switch k.ID {
		case "remote.bypass": // 14 ways in, 12 watched, 3 with a bypass
			a = answered(k, ot.Count, 9, 3, 2)
		case "remote.count":
			a = answered(k, ot.Sum, 12, 0, 2)
		default:
			a = answered(k, ot.Share, 12, 0, 2)
		}
		a.Collected = noon.Add(-3 * time.Minute)
		f.Checks = append(f.Checks, CheckFact{k, a})
	}
	j := Judge(f, held(30), noon)
	if j.Level != 2 || j.E != 0 || j.F != 1 || j.D != 1 || percent(j.C) != "85 %" {
		t.Errorf("level %d C %.3f E %.2f F %.2f D %.2f; want 2, 0.857, 0, 1, 1", j.Level, j.C, j.E, j.F, j.D)
	}
	text := strings.Join(append(append(j.Why, j.Lift...), j.Caps...), "\n")
	for _, want := range []string{"Documented, but measured otherwise", "3 conversations where the target is 0", "2 of 14", "contradicted"} {
		if !strings.Contains(text, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, text)
		}
	}
	if len(j.Contradicting) != 1 || j.Contradicting[0] != "remote.bypass" {
		t.Errorf("contradicted by %v", j.Contradicting)
	}
}

// A sensor's restart swings nothing; a loss of more than 48 hours does.
func TestGrace(t *testing.T) {
	f := fixture(false, Measured)
	s := Standing{}
	at := noon
	step := func(hours int, fresh bool) int {
		at = at.Add(time.Duration(hours) * time.Hour)
		for i := range f.Checks {
			if fresh {
				f.Checks[i].Answer.Collected = at
			} else {
				f.Checks[i].Answer.Collected = time.Time{}
			}
		}
		j := Judge(f, s, at)
		s = j.Standing
		return j.Level
	}
	for i, x := range []struct {
		hours int
		fresh bool
		want  int
	}{
		{0, true, 2},
		{24 * 6, true, 2},
		{24, true, 3},
		{1, false, 3},
		{40, false, 3},
		{1, true, 3},
		{1, false, 3},
		{47, false, 3},
		{1, false, 2},
		{1, true, 2},
		{24 * 6, true, 2},
		{24, true, 3},
	} {
		if got := step(x.hours, x.fresh); got != x.want {
			t.Fatalf("step %d: level %d, want %d", i, got, x.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	f := fixture(false, Measured)
	sh, ct := f.Checks[0].Spec, f.Checks[1].Spec
	half, full := .5, .95
	ct.Observed = .8
	for name, c := range map[string]struct {
		k                   *CheckSpec
		fold                ot.Fold
		pass, fail, unknown int
		observed            *float64
		want                Verdict
	}{
		"empty population":           {sh, ot.Share, 0, 0, 0, nil, Unknown},
		"all unknown":                {sh, ot.Share, 0, 0, 9, nil, Unknown},
		"met":                        {sh, ot.Share, 19, 1, 0, nil, Pass},
		"missed":                     {sh, ot.Share, 18, 2, 0, nil, Fail},
		"met on a few":               {sh, ot.Share, 3, 0, 9, nil, Unknown},
		"missed on a few, may do":    {sh, ot.Share, 0, 1, 99, nil, Unknown},
		"missed on a few, never":     {sh, ot.Share, 0, 10, 50, nil, Fail},
		"zero, listened enough":      {ct, ot.Count, 5, 0, 0, &full, Pass},
		"zero from a short look":     {ct, ot.Count, 5, 0, 0, &half, Unknown},
		"one even from a short look": {ct, ot.Count, 4, 1, 0, &half, Fail},
	} {
		t.Run(name, func(t *testing.T) {
			tl := &tally{}
			for i := range c.pass + c.fail + c.unknown {
				v := Pass
				if i >= c.pass {
					v = Fail
				}
				if i >= c.pass+c.fail {
					v = Unknown
				}
				tl.add(Row{Verdict: v}, false)
			}
			if a := tl.answer(c.k, c.fold, c.observed); a.Status != c.want || a.Reason == "" {
				t.Errorf("%s (%s), want %s", a.Status, a.Reason, c.want)
			}
		})
	}
}

func TestCriticalTarget(t *testing.T) {
	k := &CheckSpec{Test: Test{Kind: KindShare, Op: ">=", Value: .9, Critical: 1}, Target: "90%"}
	tl := &tally{}
	for i := range 20 {
		v := Pass
		if i == 0 {
			v = Fail
		}
		tl.add(Row{Verdict: v}, i == 0)
	}
	if a := tl.answer(k, ot.Share, nil); a.Status != Fail {
		t.Errorf("one critical item fails, yet %s: %s", a.Status, a.Reason)
	}
}

// Whatever the numbers: unknown never passes, no level without its gates, more failures never lift.
func TestJudgeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fixture(rapid.Bool().Draw(t, "key"), rapid.SampledFrom([]Mode{Measured, Mixed, Declared}).Draw(t, "mode"))
		n := func(s string) int { return rapid.IntRange(0, 30).Draw(t, s) }
		p, x, u := n("pass"), n("fail"), n("unknown")
		f.Checks[0].Answer = answered(f.Checks[0].Spec, ot.Share, p, x, u)
		if rapid.Bool().Draw(t, "withdrawn") {
			f.Valid = nil
		}
		prev := held(rapid.IntRange(0, 400).Draw(t, "3"), rapid.IntRange(0, 400).Draw(t, "4"))
		j := Judge(f, prev, noon)
		if j.Level >= 3 && (j.D < 1 || len(j.Contradictions) > 0) {
			t.Fatalf("level %d with D %.2f, contradictions %v", j.Level, j.D, j.Contradictions)
		}
		if p+x == 0 && f.Checks[0].Answer.Status != Unknown {
			t.Fatalf("nothing judged, yet %s", f.Checks[0].Answer.Status)
		}
		// Of the same items: five more that fail would also be five more that are judged, which is more coverage.
		turned := min(5, p)
		f.Checks[0].Answer = answered(f.Checks[0].Spec, ot.Share, p-turned, x+turned, u)
		if worse := Judge(f, prev, noon); worse.Level > j.Level {
			t.Fatalf("%d items that fail instead of passing lift %d to %d", turned, j.Level, worse.Level)
		}
	})
}
