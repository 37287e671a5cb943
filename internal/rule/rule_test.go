package rule_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// numbers stands in for dissect.Set, which is on the same line.
type numbers map[string][]string

func (n numbers) names() []string { return []string{"alpha", "beta"} }

func (n numbers) Lookup(protocol string) (ot.Protocol, bool) {
	for i, p := range n.names() {
		if p == protocol {
			return ot.Protocol(i), true
		}
	}
	return 0, false
}

func (n numbers) Kind(p ot.Protocol, name string) (ot.Kind, bool) {
	for i, k := range n[n.names()[p]] {
		if k == name {
			return ot.Kind(i), true
		}
	}
	return 0, false
}

var protocols = numbers{"alpha": {"function", "service"}, "beta": {"command"}}

const head = "id: a-rule\ntitle: T\nseverity: high\nwhy: W\n"

func compiled(t *testing.T, mask string) *rule.Set {
	t.Helper()
	rules, err := rule.Parse("x.yaml", []byte(head+"on: message\nmask:\n"+mask))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Compile(rules, protocols, 2)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestMasks(t *testing.T) {
	type m = ot.Message
	for name, c := range map[string]struct {
		mask         string
		hits, misses []m
	}{
		"class": {
			"  classes: [control, firmware]\n",
			[]m{{Class: ot.Control}, {Protocol: 1, Class: ot.Firmware}},
			[]m{{Class: ot.Read}, {Class: ot.Control, Flags: ot.Inner}},
		},
		"class and direction": {
			"  classes: [control]\n  dir: request\n",
			[]m{{Class: ot.Control, Dir: ot.Request}},
			[]m{{Class: ot.Control, Dir: ot.Response}, {Class: ot.Control}},
		},
		"protocol": {
			"  protocols: [beta]\n  classes: [login]\n",
			[]m{{Protocol: 1, Class: ot.Login}},
			[]m{{Protocol: 0, Class: ot.Login}},
		},
		"flags": {
			"  flags: [clear_text]\n  without: [refused]\n",
			[]m{{Flags: ot.ClearText, Class: ot.Read}, {Flags: ot.ClearText | ot.Midstream}},
			[]m{{}, {Flags: ot.Forced}, {Flags: ot.ClearText | ot.Refused}},
		},
		"class and flags": {
			"  classes: [login]\n  flags: [refused]\n",
			[]m{{Class: ot.Login, Flags: ot.Refused}},
			[]m{{Class: ot.Login}, {Class: ot.Read, Flags: ot.Refused}},
		},
		"kind": {
			"  kinds: [alpha.service]\n",
			[]m{{Kind: 1, Class: ot.Read}},
			[]m{{Kind: 0, Class: ot.Read}, {Protocol: 1, Kind: 1, Class: ot.Read}, {Kind: 200, Class: ot.Read}},
		},
		"codes": {
			"  codes:\n    alpha.function: [0x29, 5]\n    beta.command: [STOP]\n",
			[]m{{Code: 41, Class: ot.Other}, {Code: 5, Class: ot.Other}, {Protocol: 1, Text: []byte("STOP"), Class: ot.Other}},
			[]m{{Code: 6, Class: ot.Other}, {Kind: 1, Code: 41, Class: ot.Other}, {Protocol: 1, Code: 41, Class: ot.Other}, {Protocol: 1, Text: []byte("START"), Class: ot.Other}},
		},
		"inner, asked for": {
			"  classes: [control]\n  flags: [inner]\n",
			[]m{{Class: ot.Control, Flags: ot.Inner}},
			[]m{{Class: ot.Control}},
		},
	} {
		set := compiled(t, c.mask)
		for i := range c.hits {
			if got := set.Hit(&c.hits[i], nil); len(got) != 1 || set.Rule(got[0]).ID != "a-rule" {
				t.Errorf("%s: %+v is not hit", name, c.hits[i])
			}
		}
		for i := range c.misses {
			if got := set.Hit(&c.misses[i], nil); len(got) != 0 {
				t.Errorf("%s: %+v is hit", name, c.misses[i])
			}
		}
	}
}

func TestHitAllocatesNothing(t *testing.T) {
	set := compiled(t, "  codes:\n    alpha.function: [1]\n    beta.command: [STOP]\n")
	m := ot.Message{Protocol: 1, Text: []byte("STOP"), Class: ot.Control}
	dst := make([]uint16, 0, 4)
	if n := testing.AllocsPerRun(100, func() { dst = set.Hit(&m, dst[:0]) }); n != 0 || len(dst) != 1 {
		t.Errorf("%v allocations, %d hits", n, len(dst))
	}
	var none *rule.Set
	if got := none.Hit(&m, nil); got != nil || none.Version() != "" {
		t.Error("no rules must hit nothing")
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"unknown field":   {head + "on: message\nmaks: {}\n", "maks"},
		"window":          {head + "on: window\nmask: {classes: [read]}\nhaving: count > 3\n", "per: a window needs"},
		"adjust":          {head + "on: message\nmask: {classes: [read]}\nadjust: [{when: planned, severity: loud}]\n", "adjust"},
		"id":              {"id: A Rule\ntitle: T\nwhy: W\nseverity: high\non: message\n", "id: must be"},
		"no reason":       {"id: a\ntitle: T\nseverity: high\non: message\n", "why are needed"},
		"severity":        {"id: a\ntitle: T\nwhy: W\nseverity: bad\non: message\n", `severity: "bad"`},
		"technique":       {head + "technique: 843\non: message\n", "T0843"},
		"input":           {head + "on: packet\n", `on: "packet"`},
		"group":           {head + "on: message\nmask: {classes: [read]}\ngroup: [colour]\n", "colour"},
		"class":           {head + "on: message\nmask: {classes: [reading]}\n", "reading"},
		"flag":            {head + "on: message\nmask: {flags: [loud]}\n", "loud"},
		"direction":       {head + "on: message\nmask: {classes: [read], dir: up}\n", `dir "up"`},
		"everything":      {head + "on: message\nmask: {protocols: [alpha]}\n", "lets every message through"},
		"kind's form":     {head + "on: message\nmask: {kinds: [function]}\n", "protocol.kind"},
		"codes' form":     {head + "on: message\nmask: {codes: {function: [1]}}\n", "protocol.kind"},
		"not YAML":        {"id: [", "x.yaml"},
		"negative code":   {head + "on: message\nmask: {codes: {alpha.function: [-1]}}\n", "x.yaml"},
		"second document": {head + "on: message\nmask: {classes: [read]}\n---\nid: b\n", `rule "b"`},
	} {
		_, err := rule.Parse("x.yaml", []byte(c.text))
		if ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "x.yaml") {
			t.Errorf("%s: %v; want a sentence with %q and the file", name, err, c.says)
		}
	}
	for mask, says := range map[string]string{
		"{protocols: [gamma], classes: [read]}": "gamma",
		"{kinds: [alpha.nothing]}":              "nothing",
		"{codes: {gamma.function: [1]}}":        "gamma",
	} {
		rules, err := rule.Parse("x.yaml", []byte(head+"on: message\nmask: "+mask))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rule.Compile(rules, protocols, 2); ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; a rule that can never fire must not look as if it watched", mask, err)
		}
	}
	two := fstest.MapFS{"a.yaml": {Data: []byte(head + "on: window\nmask: {classes: [read]}\nper: 1m\nhaving: count > 1\n")}, "b.yaml": {Data: []byte(head + "on: window\nmask: {classes: [read]}\nper: 1m\nhaving: count > 1\n")}}
	if _, err := rule.Read(two); ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), "b.yaml") || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("one id twice: %v", err)
	}
	if _, err := rule.Parse("x.yaml", make([]byte, 1<<20)); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("a huge file: %v", err)
	}
}

func TestShippedDetections(t *testing.T) {
	folder, err := fs.Sub(catalog.Files, "detections")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := rule.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	for _, r := range rules {
		if r.On == rule.Message {
			messages++
		}
		if len(r.References) == 0 || r.Technique == "" || len(r.Group) == 0 {
			t.Errorf("%s: a shipped rule names its technique, references and group", r.ID)
		}
	}
	if messages < 10 {
		t.Errorf("%d message rules, want at least 10", messages)
	}
}

func TestNotJudged(t *testing.T) {
	rules, err := rule.Parse("x.yaml", []byte(head+"on: state\n---\nid: b\ntitle: T\nwhy: W\nseverity: low\non: message\nmask: {classes: [read]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Compile(rules, protocols, 2)
	if err != nil {
		t.Fatal(err)
	}
	if s := set.NotJudged(); len(s) != 1 || s[0].ID != "a-rule" || set.Judged() != 1 || set.Lookup("b") == nil || set.Lookup("c") != nil || len(set.Version()) != 12 {
		t.Errorf("not judged %v, judged %d", s, set.Judged())
	}
	other, err := rule.Compile(rules[:1], protocols, 2)
	if err != nil || other.Version() == set.Version() {
		t.Errorf("other rules, same version %s, %v", other.Version(), err)
	}
}

// A condition is checked against the names and types that its input has, and may not cost
// more than a glance.
func TestConditions(t *testing.T) {
	compile := func(text string) (*rule.Set, error) {
		rules, err := rule.Parse("x.yaml", []byte(head+text))
		if err != nil {
			return nil, err
		}
		return rule.Compile(rules, protocols, 2)
	}
	for text, says := range map[string]string{
		"on: message\nmask: {classes: [read]}\nwhen: first > 3\n":                       "undeclared reference to 'first'",
		"on: message\nmask: {classes: [read]}\nwhen: code == 'x'\n":                     "no matching overload",
		"on: message\nmask: {classes: [read]}\nwhen: code + 1\n":                        "gives a int, want a bool",
		"on: fact\nmask: {attrs: [a.b]}\nvalue: changed\ngroup: [value]\n":              "gives a bool, want a string",
		"on: window\nof: tuple\nper: 1m\nmask: {classes: [read]}\nhaving: name == ''\n": "undeclared reference to 'name'",
	} {
		if _, err := compile(text); ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	set, err := compile("on: message\nmask: {classes: [read]}\nwhen: client.role == 'hmi' && code > 3\n")
	if err != nil {
		t.Fatal(err)
	}
	when := set.Ready("a-rule").When
	for code, want := range map[int64]bool{4: true, 3: false} {
		if got, err := when.Holds(seen{rule.ClientSide + rule.SideRole: "hmi", rule.CodeOf: code}); err != nil || got != want {
			t.Errorf("code %d: %v %v", code, got, err)
		}
	}
	if set, err = compile("on: fact\nmask: {attrs: [a.b]}\nwhen: \"[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, value != 'x' + string(a+b+c))))\"\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := set.Ready("a-rule").When.Holds(seen{rule.Value: "y"}); err == nil || got {
		t.Errorf("a condition that costs too much gives %v, %v", got, err)
	}
}

// seen is what a condition looks at, by name.
type seen map[rule.Var]any

func (s seen) Text(v rule.Var) string { t, _ := s[v].(string); return t }
func (s seen) Int(v rule.Var) int64   { n, _ := s[v].(int64); return n }
func (s seen) Bool(v rule.Var) bool   { b, _ := s[v].(bool); return b }

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "on: message\nmask: {classes: [read], codes: {alpha.function: [1, STOP]}}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		rules, err := rule.Parse("x.yaml", raw)
		if err != nil {
			return
		}
		if set, err := rule.Compile(rules, protocols, 2); err == nil {
			set.Hit(&ot.Message{Class: ot.Read}, nil)
		}
	})
}
