package comply

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The names of the levels 0 to 5.
var levelNames = [...]string{"Nothing shown", "Started", "Documented", "Practised", "Controlled", "Improving"}

// LevelName returns what a level is called.
func LevelName(level int) string {
	if level < 0 || level >= len(levelNames) {
		return ""
	}
	return levelNames[level]
}

// Facts is all that a level may rest on: one requirement at one site or entity.
type Facts struct {
	Requirement *Requirement
	Checks      []CheckFact // one for each check of the requirement, answered or not
	Valid       []string    // declared records in date
	Independent bool        // an independent check within 24 months
	Improved    bool        // proof of improvement
	Overdue     bool        // an overdue key finding
}

// CheckFact is a check with its answer. A check that this release cannot answer has the zero Answer.
type CheckFact struct {
	Spec   *CheckSpec
	Answer Answer
}

// Standing is what a requirement remembers between two judgements: since when the
// gates of the levels 3, 4 and 5 hold. The index is the level less 3.
type Standing struct {
	Gates [3]Gate `json:"gates"`
}

// Gate says since when a gate holds, and since when it does not while the grace runs.
type Gate struct {
	Since  time.Time `json:"since,omitzero"`
	Broken time.Time `json:"broken,omitzero"`
}

// Hysteresis: a level rises after its gate held this long, and a gate that breaks for
// another reason than a key check has this grace, so that a sensor's restart moves nothing.
var gateHold = [3]time.Duration{7 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour}

const gateGrace = 48 * time.Hour

// Judgement is a level with its three numbers and its reasons as sentences.
type Judgement struct {
	Level          int
	C, E, F, D     float64
	Measured       bool     // at least one check was judged
	Answered       int      // checks with at least one judged row
	Contradictions []string // findings "declared X, measured Y"
	Contradicting  []string // the checks of the findings
	Why, Lift      []string
	Caps           []string
	Standing       Standing
}

// State says how a cell is drawn.
type State string

// The states, worst first for those that need a person.
const (
	StateContradicted State = "contradicted"
	StateKeyBelow     State = "key_below"
	StateBelow        State = "below"
	StateUnknown      State = "unknown"
	StateAt           State = "at"
	StateNA           State = "not_applicable" // a record in force says that it does not apply here
)

// StateOf draws the judgement against its target.
func (j Judgement) StateOf(r *Requirement, target int) State {
	switch {
	case len(j.Contradictions) > 0:
		return StateContradicted
	case j.Level == 0, r.Mode == Measured && !j.Measured:
		return StateUnknown
	case j.Level >= target:
		return StateAt
	case r.Key:
		return StateKeyBelow
	}
	return StateBelow
}

// Judge derives the level by gates, never by averages.
func Judge(f Facts, prev Standing, now time.Time) Judgement {
	r := f.Requirement
	j := Judgement{C: 1, F: 1, E: 1, Standing: prev}
	j.measure(f, now)
	j.D = declaredShare(r, f.Valid)

	failing := slices.ContainsFunc(f.Checks, func(c CheckFact) bool { return c.Answer.Status == Fail })
	if len(f.Valid) > 0 {
		j.contradict(f)
	}
	most := j.caps(f)

	gate := [3]bool{}
	gate[0] = j.D >= 1 && j.Measured && j.C >= .8 && j.E >= .6 && j.F >= .8
	if r.Mode == Declared && f.Independent {
		gate[0] = j.D >= 1
	}
	gate[1] = gate[0] && j.Measured && j.C >= .95 && j.E >= .9 && j.F >= 1 && !f.Overdue
	gate[2] = gate[1] && f.Improved
	atOnce := j.D < 1 || len(j.Contradictions) > 0 || r.Key && failing
	for i := range gate {
		j.Standing.Gates[i] = j.Standing.Gates[i].step(gate[i], atOnce, now)
	}
	if j.D > 0 || j.Measured {
		j.Level = 1
	}
	if j.D >= 1 {
		j.Level = 2
		for i, g := range j.Standing.Gates {
			if !g.active(gateHold[i], now) {
				break
			}
			j.Level = 3 + i
		}
	}
	j.Level = min(j.Level, most)
	j.explain(f, gate, now)
	return j
}

func (g Gate) step(ok, atOnce bool, now time.Time) Gate {
	switch {
	case ok && g.Since.IsZero():
		return Gate{Since: now}
	case ok:
		return Gate{Since: g.Since}
	case g.Since.IsZero() || atOnce:
		return Gate{}
	case g.Broken.IsZero():
		return Gate{Since: g.Since, Broken: now}
	case now.Sub(g.Broken) >= gateGrace:
		return Gate{}
	}
	return g
}

// active says whether the gate held long enough; the time of a grace does not count.
func (g Gate) active(hold time.Duration, now time.Time) bool {
	if g.Since.IsZero() {
		return false
	}
	end := now
	if !g.Broken.IsZero() {
		end = g.Broken
	}
	return end.Sub(g.Since) >= hold
}

// measure computes C (the least coverage of all checks), E (weighted, over answered
// checks; 0 when a key requirement's check reached its fail point) and F (the least
// freshness of answered checks).
func (j *Judgement) measure(f Facts, now time.Time) {
	var effect, weight float64
	zeroed := false
	for _, c := range f.Checks {
		a := c.Answer
		j.C = math.Min(j.C, a.Coverage())
		if a.Judged == 0 {
			continue
		}
		j.Measured = true
		j.Answered++
		j.F = math.Min(j.F, fresh(a.Collected, now, c.Spec.TTL.Length()))
		if a.Status == Unknown || a.Value == nil {
			continue
		}
		e := c.Spec.Test.Effect(*a.Value, f.Requirement.Key)
		if a.Status == Fail && e == 1 { // met in all, but not for the critical ones
			e = .5
		}
		zeroed = zeroed || e == 0 && f.Requirement.Key
		effect += e * c.Spec.Weight
		weight += c.Spec.Weight
	}
	switch {
	case weight == 0 || zeroed:
		j.E = 0
	default:
		j.E = effect / weight
	}
	if !j.Measured {
		j.F = 0
	}
	if len(f.Checks) == 0 {
		j.C = 0
	}
}

func declaredShare(r *Requirement, valid []string) float64 {
	if len(r.Declared) == 0 {
		return 0
	}
	n := 0
	for _, d := range r.Declared {
		if slices.Contains(valid, d.Record) {
			n++
		}
	}
	return float64(n) / float64(len(r.Declared))
}

// contradict finds measurements against what is declared.
func (j *Judgement) contradict(f Facts) {
	for _, c := range f.Checks {
		if !c.Spec.Contradicts || c.Answer.Status != Fail || c.Answer.Value == nil {
			continue
		}
		j.Contradicting = append(j.Contradicting, c.Spec.ID)
		j.Contradictions = append(j.Contradictions, fmt.Sprintf("Declared: %s. Measured: %s, %s where the target is %s.",
			f.Valid[0], lower(c.Spec.Title), c.Spec.Test.Show(*c.Answer.Value), c.Spec.Target))
	}
}

// maxExcepted is the share of exceptions above which a level stops at 3.
const maxExcepted = .10

// caps gives the highest level that the facts allow, and says each limit as a sentence.
func (j *Judgement) caps(f Facts) int {
	most := 5
	limit := func(n int, sentence string) {
		most = min(most, n)
		j.Caps = append(j.Caps, sentence)
	}
	if len(j.Contradictions) > 0 {
		limit(2, "Stops at 2: a declaration is contradicted by a measurement.")
	}
	switch {
	case f.Requirement.Mode == Declared && f.Independent:
		limit(3, "Stops at 3: it rests on declarations, with one independent check.")
	case f.Requirement.Mode == Declared:
		limit(2, "Stops at 2: it rests on declarations only; an independent check lifts it to 3.")
	case !j.Measured && j.D > 0:
		limit(2, "Stops at 2: it is declared, but nothing of it is measured.")
	}
	population, excepted := 0, 0
	for _, c := range f.Checks {
		population += c.Answer.Population
		excepted += c.Answer.Excepted
	}
	if population > 0 && float64(excepted)/float64(population) > maxExcepted {
		limit(3, fmt.Sprintf("Stops at 3: %d of %d items are excepted, more than 10 %%.", excepted, population))
	}
	return most
}
