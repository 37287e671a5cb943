package comply

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// explain writes why the level is what it is, and what lifts it, as sentences.
func (j *Judgement) explain(f Facts, gate [3]bool, now time.Time) {
	j.Why = append(j.Why, j.first(f))
	for _, c := range f.Checks {
		if c.Answer.Status == Fail {
			j.Why = append(j.Why, c.Spec.Title+": "+c.Answer.Reason)
		}
	}
	if unknown := unanswered(f.Checks); len(unknown) > 0 && j.Measured {
		j.Why = append(j.Why, fmt.Sprintf("Unknown: %s.", list(unknown, 3)))
	}
	for i, g := range j.Standing.Gates {
		if !g.Broken.IsZero() && j.Level >= 3+i {
			j.Why = append(j.Why, fmt.Sprintf("What level %d needs is missing since %s; the level falls on %s unless it is back.", 3+i, day(g.Broken), day(g.Broken.Add(gateGrace))))
		}
	}
	j.lift(f, gate, now)
}

func (j *Judgement) first(f Facts) string {
	name := LevelName(j.Level)
	switch {
	case len(j.Contradictions) > 0:
		return name + ", but measured otherwise: " + after(j.Contradictions[0], "Measured: ")
	case j.Level == 0:
		return "Nothing is declared and nothing is measured."
	case j.Level <= 2 && worstOf(f.Checks) != nil:
		w := worstOf(f.Checks)
		if j.Level == 2 {
			return fmt.Sprintf("Documented, but %s: %s, target %s.", lower(w.Spec.Title), w.Spec.Test.Show(*w.Answer.Value), w.Spec.Target)
		}
		return fmt.Sprintf("%s: %s, target %s; %d of %d records declared.", w.Spec.Title, w.Spec.Test.Show(*w.Answer.Value), w.Spec.Target, valid(f), len(f.Requirement.Declared))
	case j.Level == 1:
		return fmt.Sprintf("Started: %d of %d records declared, %d of %d checks answered.", valid(f), len(f.Requirement.Declared), j.Answered, len(f.Checks))
	case !j.Measured:
		return "Documented; nothing of it is measured yet."
	case j.Level == 2:
		return fmt.Sprintf("Documented; %s.", strings.Join(j.short(.8, .6, .8), ", "))
	}
	return fmt.Sprintf("%s: coverage %s, effect %s, data fresh.", name, percent(j.C), percent(j.E))
}

// worstOf is the failing check to speak of first: one that contradicts, else the first.
func worstOf(checks []CheckFact) *CheckFact {
	var out *CheckFact
	for i, c := range checks {
		if c.Answer.Status == Fail && c.Answer.Value != nil && (out == nil || c.Spec.Contradicts && !out.Spec.Contradicts) {
			out = &checks[i]
		}
	}
	return out
}

// short names the numbers that miss a gate.
func (j *Judgement) short(c, e, f float64) []string {
	var out []string
	if j.C < c {
		out = append(out, fmt.Sprintf("coverage %s of %s", percent(j.C), percent(c)))
	}
	if j.E < e {
		out = append(out, fmt.Sprintf("effect %s of %s", percent(j.E), percent(e)))
	}
	if j.F < f {
		out = append(out, "data too old")
	}
	if len(out) == 0 {
		out = append(out, "practised, but not yet for 7 days")
	}
	return out
}

func (j *Judgement) lift(f Facts, gate [3]bool, now time.Time) {
	say := func(format string, args ...any) { j.Lift = append(j.Lift, fmt.Sprintf(format, args...)) }
	next := j.Level + 1
	n := min(max(next, 3), 5)
	c, e, fr := .8, .6, .8
	if n >= 4 {
		c, e, fr = .95, .9, 1
	}
	fix := func(k CheckFact) bool { return k.Answer.Status == Fail && (k.Spec.Contradicts || j.E < e) }
	for _, k := range f.Checks {
		if fix(k) {
			say("Bring %q to %s (now %s).", k.Spec.Title, k.Spec.Target, show(k))
		}
	}
	for _, d := range f.Requirement.Declared {
		if !slices.Contains(f.Valid, d.Record) {
			say("To reach 2: declare %q, attested by %s.", d.Record, d.AttestedBy)
		}
	}
	if f.Requirement.Mode == Declared {
		if j.Level == 2 && !f.Independent {
			say("To reach 3: record an independent check.")
		}
		return
	}
	if next > 5 {
		return
	}
	for _, k := range f.Checks {
		a := k.Answer
		switch {
		case fix(k):
		case a.Population == 0:
			say("To reach %d: answer %q. %s", n, k.Spec.Title, k.Spec.Wants)
		case a.Coverage() < c:
			say("To reach %d: %d of %d are not judged for %q. %s", n, a.Unknown, a.Population, k.Spec.Title, k.Spec.Wants)
		case a.Coverage() < .95:
			say("To reach 4: %d of %d are not judged for %q.", a.Unknown, a.Population, k.Spec.Title)
		case fresh(a.Collected, now, k.Spec.TTL.Length()) < fr:
			say("To reach %d: renew the data of %q: %s.", n, k.Spec.Title, age(a.Collected, now))
		}
	}
	if i := n - 3; gate[i] && j.Level < n && len(j.Contradictions) == 0 {
		since := j.Standing.Gates[i].Since
		say("To reach %d: hold it for %.0f days, until %s.", n, gateHold[i].Hours()/24, day(since.Add(gateHold[i])))
	} else if n == 5 && j.Level == 4 {
		say("To reach 5: hold it for a year and close an exercise or audit finding.")
	}
}

func unanswered(checks []CheckFact) []string {
	var out []string
	for _, c := range checks {
		if c.Answer.Status != Pass && c.Answer.Status != Fail {
			out = append(out, lower(c.Spec.Title))
		}
	}
	return out
}

func valid(f Facts) int {
	return int(math.Round(declaredShare(f.Requirement, f.Valid) * float64(len(f.Requirement.Declared))))
}

func show(c CheckFact) string {
	if c.Answer.Value == nil {
		return "unknown"
	}
	return c.Spec.Test.Show(*c.Answer.Value)
}

func age(collected, now time.Time) string {
	if collected.IsZero() {
		return "no live source has delivered any"
	}
	h := now.Sub(collected).Hours()
	if h < 48 {
		return "it is " + counted(int(math.Round(h)), "hours") + " old"
	}
	return "it is " + counted(int(math.Round(h/24)), "days") + " old"
}

func list(s []string, n int) string {
	if len(s) <= n {
		return strings.Join(s, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(s[:n], "; "), len(s)-n)
}

func after(s, sep string) string {
	_, tail, _ := strings.Cut(s, sep)
	return tail
}

// lower makes a title fit into a sentence; abbreviations keep their capitals.
func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// percent cuts, so that 94.9 is not shown as the 95 it misses.
func percent(v float64) string { return fmt.Sprintf("%.0f %%", math.Floor(v*100+1e-6)) }

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }
