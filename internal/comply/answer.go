package comply

import (
	"fmt"
	"math"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Verdict is what a row of a check says about the one thing it watches.
type Verdict string

// The verdicts. Excepted is a failure with an approved exception in date.
const (
	Pass     Verdict = "pass"
	Fail     Verdict = "fail"
	Unknown  Verdict = "unknown"
	Excepted Verdict = "excepted"
)

// Row is one thing that a check watches.
type Row struct {
	SiteNo  int64    `db:"site_no"`
	Kind    string   `db:"kind"`
	Ref     string   `db:"ref"`
	Label   string   `db:"label"`
	Verdict Verdict  `db:"verdict"`
	Value   *float64 `db:"value"`
	Reason  string   `db:"reason"`
}

// Answer is what a check says of one site at one time. Population, judged and the
// rest count the same rows that the drill-down pages.
type Answer struct {
	Status     Verdict  // pass, fail or unknown
	Value      *float64 // nil: nothing was judged
	Population int
	Judged     int // passed + failed + excepted
	Passed     int
	Failed     int
	Unknown    int
	Excepted   int
	Observed   *float64  // share of the window that the site's OT zones were listened to; nil: not a matter of listening
	Collected  time.Time // newest data behind it from a live source; zero: none
	Reason     string    // one sentence
}

// Coverage is the share of what should be judged that was judged. Nothing to judge is 0: unknown is never pass.
func (a Answer) Coverage() float64 {
	if a.Population == 0 {
		return 0
	}
	return float64(a.Judged) / float64(a.Population)
}

// tally folds the rows of one check and site.
type tally struct {
	Answer
	sum, max, min         float64
	values                int
	critJudged, critFails int
	failing               []ot.Ref
	first, firstRef       string // reason of the failing row with the smallest ref: the same on every run
	firstUnknown, unknRef string
}

func (t *tally) add(r Row, critical bool) {
	t.Population++
	switch r.Verdict {
	case Pass:
		t.Passed++
	case Excepted:
		t.Excepted++
	case Fail:
		t.Failed++
		t.failing = append(t.failing, ot.Ref{Kind: r.Kind, ID: r.Ref})
		if t.firstRef == "" || r.Ref < t.firstRef {
			t.first, t.firstRef = r.Reason, r.Ref
		}
	default:
		t.Unknown++
		if t.unknRef == "" || r.Ref < t.unknRef {
			t.firstUnknown, t.unknRef = r.Reason, r.Ref
		}
		return
	}
	t.Judged++
	if critical {
		t.critJudged++
		if r.Verdict == Fail {
			t.critFails++
		}
	}
	if r.Value != nil && !math.IsNaN(*r.Value) {
		v := *r.Value
		if t.values == 0 || v > t.max {
			t.max = v
		}
		if t.values == 0 || v < t.min {
			t.min = v
		}
		t.sum += v
		t.values++
	}
}

// minJudged is the share of rows that must be judged before a met target counts; a check
// that asks for more listening asks for as much judging.
const minJudged = .5

// answer closes the fold. The observed share comes from the caller, as listening is not a matter of rows.
func (t *tally) answer(k *CheckSpec, fold ot.Fold, observed *float64) Answer {
	a := t.Answer
	a.Observed = observed
	a.Status = Unknown
	if a.Judged == 0 {
		switch {
		case a.Population == 0:
			a.Reason = "Nothing to judge yet. Wants: " + k.Wants
		case t.firstUnknown != "":
			a.Reason = t.firstUnknown
		default:
			a.Reason = "Nothing could be judged. Wants: " + k.Wants
		}
		return a
	}
	v := t.value(k, fold)
	a.Value = &v
	met := k.Test.Met(v)
	if met && k.Test.Critical > 0 && t.critJudged > 0 && float64(t.critJudged-t.critFails)/float64(t.critJudged) < k.Test.Critical-1e-9 {
		a.Status = Fail
		a.Reason = fmt.Sprintf("%s in all, but %d of %d critical ones fail. %s", k.Test.Show(v), t.critFails, t.critJudged, t.first)
		return a
	}
	coverage, least := a.Coverage(), math.Max(minJudged, k.Observed)
	switch {
	case met && observed != nil && k.Observed > 0 && *observed < k.Observed:
		a.Reason = fmt.Sprintf("Nothing against it was seen, but only %.0f %% of the last %s was listened to; %.0f %% is needed.", math.Floor(*observed*100), k.Window.People(), k.Observed*100)
	case met && coverage < least:
		a.Reason = fmt.Sprintf("Only %d of %d could be judged. %s", a.Judged, a.Population, t.firstUnknown)
	case met:
		a.Status = Pass
		a.Reason = fmt.Sprintf("%s, target %s; %d of %d judged.", k.Test.Show(v), k.Target, a.Judged, a.Population)
	case fold == ot.Share && coverage < minJudged && t.bestCase(k):
		a.Reason = fmt.Sprintf("Only %d of %d could be judged; the rest decides. %s", a.Judged, a.Population, t.firstUnknown)
	default:
		a.Status = Fail
		a.Reason = fmt.Sprintf("%s, target %s. %s", k.Test.Show(v), k.Target, t.first)
	}
	return a
}

func (t *tally) value(k *CheckSpec, fold ot.Fold) float64 {
	switch fold {
	case ot.Count:
		return float64(t.Failed)
	case ot.Sum:
		return t.sum
	case ot.Max:
		return t.max
	case ot.Min:
		return t.min
	}
	if k.Test.Op == "<=" { // a share of failures
		return float64(t.Failed) / float64(t.Judged)
	}
	return float64(t.Passed+t.Excepted) / float64(t.Judged)
}

// bestCase says whether the target would be met if all unknown rows passed.
func (t *tally) bestCase(k *CheckSpec) bool {
	n := float64(t.Population)
	if k.Test.Op == "<=" {
		return k.Test.Met(float64(t.Failed) / n)
	}
	return k.Test.Met(float64(t.Passed+t.Excepted+t.Unknown) / n)
}

// fresh is 1 until the data is ttl old, then falls to 0 at twice that age.
func fresh(collected, now time.Time, ttl time.Duration) float64 {
	if collected.IsZero() {
		return 0
	}
	age := now.Sub(collected)
	return math.Min(math.Max(2-float64(age)/float64(ttl), 0), 1)
}
