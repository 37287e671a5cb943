package comply

import "testing"

func TestRollArea(t *testing.T) {
	s := func(level int, w float64, key bool, state State) Score {
		return Score{Name: "x", Level: level, Weight: w, Key: key, State: state, Target: 3}
	}
	for name, c := range map[string]struct {
		in    []Score
		level int
		state State
	}{
		"empty":                       {nil, 0, StateUnknown},
		"80 % at 3":                   {[]Score{s(3, 8, false, StateAt), s(2, 2, false, StateBelow)}, 3, StateAt},
		"79 % at 3":                   {[]Score{s(3, 79, false, StateAt), s(2, 21, false, StateBelow)}, 2, StateBelow},
		"a key row holds it down":     {[]Score{s(4, 90, false, StateAt), s(2, 2, true, StateKeyBelow)}, 3, StateKeyBelow},
		"nothing shown holds it down": {[]Score{s(4, 6, false, StateAt), s(0, 4, false, StateUnknown)}, 0, StateBelow},
		"declared, not measured":      {[]Score{s(4, 6, false, StateAt), s(2, 4, false, StateUnknown)}, 2, StateBelow},
		"mostly unknown":              {[]Score{s(4, 4, false, StateAt), s(0, 6, true, StateUnknown)}, 0, StateUnknown},
		"a contradiction shows":       {[]Score{s(4, 9, false, StateAt), s(2, 1, false, StateContradicted)}, 4, StateContradicted},
	} {
		t.Run(name, func(t *testing.T) {
			if r := RollArea(c.in, 3); r.Level != c.level || r.State != c.state || r.Why == "" {
				t.Errorf("%d %s (%s), want %d %s", r.Level, r.State, r.Why, c.level, c.state)
			}
		})
	}
}

func TestRollSites(t *testing.T) {
	s := func(level int, w float64, critical bool, state State) Score {
		return Score{Name: "x", Level: level, Weight: w, Critical: critical, State: state, Target: 3}
	}
	for name, c := range map[string]struct {
		in    []Score
		level int
	}{
		"one of five below":       {[]Score{s(3, 4, false, StateAt), s(1, 1, false, StateBelow)}, 3},
		"the critical one below":  {[]Score{s(4, 9, false, StateAt), s(1, 1, true, StateBelow)}, 2},
		"critical and unknown":    {[]Score{s(4, 9, false, StateAt), s(0, 1, true, StateUnknown)}, 1},
		"weights count, not rows": {[]Score{s(3, 1, false, StateAt), s(3, 1, false, StateAt), s(1, 8, false, StateBelow)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if r := RollSites(c.in, 3); r.Level != c.level {
				t.Errorf("%d, want %d", r.Level, c.level)
			}
		})
	}
}
