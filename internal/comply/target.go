package comply

import (
	"fmt"
	"math"
	"strconv"
)

// Test is a check's target in numbers.
type Test struct {
	Kind     string  `yaml:"kind"` // share, count or number
	Op       string  `yaml:"op"`   // >= or <=
	Value    float64 `yaml:"value"`
	Critical float64 `yaml:"critical"` // share asked of critical assets and zones; 0: the same
	Unit     string  `yaml:"unit"`     // of a number
	Fail     float64 `yaml:"fail"`     // the value where nothing of it is achieved; 0: the default
}

// The kinds of tests.
const (
	KindShare  = "share"  // passed ÷ judged
	KindCount  = "count"  // of failing rows, or of the rows' own values
	KindNumber = "number" // an age, a duration, a ratio
)

func (t Test) check() error {
	switch {
	case t.Kind != KindShare && t.Kind != KindCount && t.Kind != KindNumber:
		return fmt.Errorf("test.kind is %q, not share, count or number", t.Kind)
	case t.Op != ">=" && t.Op != "<=":
		return fmt.Errorf("test.op is %q, not >= or <=", t.Op)
	case math.IsNaN(t.Value) || t.Value < 0 || math.IsInf(t.Value, 0):
		return fmt.Errorf("test.value is %v, not a number from 0", t.Value)
	case t.Kind == KindShare && t.Value > 1:
		return fmt.Errorf("test.value of a share is %v: write 0.95 for 95%%", t.Value)
	case t.Kind == KindCount && t.Op != "<=":
		return fmt.Errorf("test.op of a count is %q: a count has an upper limit, <=", t.Op)
	case t.Critical < 0 || t.Critical > 1 || t.Critical > 0 && t.Kind != KindShare:
		return fmt.Errorf("test.critical is %v: it is a share, and only for kind share", t.Critical)
	case t.Unit != "" && t.Kind != KindNumber:
		return fmt.Errorf("test.unit is only for kind number")
	}
	return nil
}

// Met says whether the value reaches the target.
func (t Test) Met(v float64) bool {
	const slack = 1e-9 // 19 of 20 is 95 %, also in binary
	if t.Op == "<=" {
		return v <= t.Value+slack
	}
	return v >= t.Value-slack
}

// fail is the value at which e is 0 (governance: share target − 30 points, not
// below a half; count 1 above for key, else 5; ages twice the target).
func (t Test) fail(key bool) float64 {
	switch {
	case t.Fail > 0:
		return t.Fail
	case t.Kind == KindShare && t.Op == ">=":
		return math.Min(math.Max(t.Value-.3, .5), t.Value*.9)
	case t.Kind == KindShare:
		return math.Min(t.Value+.3, math.Max(.5, t.Value+.05))
	case t.Kind == KindCount && key:
		return t.Value + 1
	case t.Kind == KindCount:
		return t.Value + 5
	case t.Op == ">=":
		return t.Value / 2
	}
	return t.Value * 2
}

// Effect is how much of the target is achieved, 0 to 1.
func (t Test) Effect(v float64, key bool) float64 {
	if t.Met(v) {
		return 1
	}
	fail := t.fail(key)
	if fail == t.Value {
		return 0
	}
	return math.Min(math.Max((v-fail)/(t.Value-fail), 0), 1)
}

// Show writes a value as people read it.
func (t Test) Show(v float64) string {
	if t.Kind == KindShare {
		// 99.96 % must not be shown as 100 %: cut, never round up to the target.
		return strconv.FormatFloat(math.Floor(v*1000+1e-6)/10, 'f', -1, 64) + " %"
	}
	s := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	switch {
	case t.Unit == "":
	case s == "1":
		s += " " + one(t.Unit)
	default:
		s += " " + t.Unit
	}
	return s
}
