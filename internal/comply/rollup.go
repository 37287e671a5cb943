package comply

import (
	"fmt"
	"slices"
)

// Score is a level on its way up: of a requirement to its area, of a site to its company. What
// is declared and not measured is drawn unknown, and still has the level that its papers give.
type Score struct {
	Name     string
	Level    int
	Target   int
	State    State
	Weight   float64
	Key      bool // of a requirement
	Critical bool // of a site
	Measured bool
}

// Rolled is what several scores make together.
type Rolled struct {
	Level    int
	State    State
	Why      string
	Measured float64 // share of weight with a measurement behind it
	AtTarget int     // how many scores are at target
}

// share80 is how much of the weight must reach a level.
const share80 = .8

// RollArea folds the requirements of one area: the highest level that 80 % of the
// weight reaches, with no key requirement more than one below it.
func RollArea(scores []Score, target int) Rolled {
	scores, none := applying(scores)
	if none {
		return Rolled{State: StateNA, Why: "Nothing of it applies here."}
	}
	out := summarise(scores)
	out.Level = highest(scores)
	for _, s := range scores {
		if s.Key && s.Level+1 < out.Level {
			out.Level = s.Level + 1
		}
	}
	out.finish(scores, target, "The lowest key requirement is")
	return out
}

// RollSites folds the sites of a company: the same rule, weighted by site, and at
// most one above the worst critical site.
func RollSites(scores []Score, target int) Rolled {
	scores, none := applying(scores)
	if none {
		return Rolled{State: StateNA, Why: "It applies nowhere."}
	}
	out := summarise(scores)
	out.Level = highest(scores)
	for _, s := range scores {
		if s.Critical && s.Level+1 < out.Level {
			out.Level = s.Level + 1
		}
	}
	out.finish(scores, target, "The worst site is")
	return out
}

// applying leaves out what does not apply; none says that nothing is left of something.
func applying(scores []Score) (left []Score, none bool) {
	left = slices.DeleteFunc(slices.Clone(scores), func(s Score) bool { return s.State == StateNA })
	return left, len(left) == 0 && len(scores) > 0
}

func highest(scores []Score) int {
	var total float64
	var at [6]float64
	for _, s := range scores {
		total += s.Weight
		for l := 1; l <= s.Level && l < len(at); l++ {
			at[l] += s.Weight
		}
	}
	for l := len(at) - 1; l > 0; l-- {
		if total > 0 && at[l]/total >= share80-1e-9 {
			return l
		}
	}
	return 0
}

func summarise(scores []Score) Rolled {
	var out Rolled
	var total float64
	for _, s := range scores {
		total += s.Weight
		if s.Measured {
			out.Measured += s.Weight
		}
		if s.State == StateAt {
			out.AtTarget++
		}
	}
	if total > 0 {
		out.Measured /= total
	}
	return out
}

func (r *Rolled) finish(scores []Score, target int, worstIs string) {
	var total, unknown float64
	var contradicted, keyBelow []string
	worst := -1
	for i, s := range scores {
		total += s.Weight
		switch s.State {
		case StateUnknown:
			unknown += s.Weight
		case StateContradicted:
			contradicted = append(contradicted, s.Name)
		case StateKeyBelow:
			keyBelow = append(keyBelow, s.Name)
		}
		if worst < 0 || s.rank() < scores[worst].rank() {
			worst = i
		}
	}
	switch {
	case len(contradicted) > 0:
		r.State = StateContradicted
		r.Why = "Declared one way, measured another: " + list(contradicted, 2) + "."
		return
	case total == 0 || unknown*2 > total:
		r.State = StateUnknown
		r.Why = fmt.Sprintf("%.0f %% of it is unknown: nothing of that is measured.", share(unknown, total)*100)
		return
	case len(keyBelow) > 0:
		r.State = StateKeyBelow
	case r.Level >= target:
		r.State = StateAt
	default:
		r.State = StateBelow
	}
	w := scores[worst]
	if w.State == StateUnknown {
		r.Why = fmt.Sprintf("%d of %d at target. Unknown: %s.", r.AtTarget, len(scores), w.Name)
		return
	}
	if len(keyBelow) > 0 {
		r.Why = fmt.Sprintf("%d of %d at target. %s %s.", r.AtTarget, len(scores), worstIs, keyBelow[0])
		return
	}
	r.Why = fmt.Sprintf("%d of %d at target. Lowest: %s at %d.", r.AtTarget, len(scores), w.Name, w.Level)
}

// rank orders scores worst first: unknown before any level, key before others.
func (s Score) rank() int {
	n := s.Level * 4
	if s.State == StateUnknown {
		n = 0
	}
	if s.Key || s.Critical {
		n--
	}
	return n
}

func share(part, total float64) float64 {
	if total == 0 {
		return 1
	}
	return part / total
}
