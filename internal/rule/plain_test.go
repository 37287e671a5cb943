package rule

import (
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/skanse/skanse/catalog"
)

// dice is a View that answers at random, the same for the same name.
type dice struct{ seed uint64 }

func (d dice) of(v Var) *rand.Rand { return rand.New(rand.NewPCG(d.seed, uint64(v))) }

func (d dice) Text(v Var) string {
	all := []string{"", "plc", "hmi", "tcp", "modbus", "none", "guest", "1", "4", "NT LM 0.12", "manager", "IPC$", "C$", "00:00:5e:00:01:07", "itself", "Access Point", "attr", "é"}
	return all[d.of(v).IntN(len(all))]
}

func (d dice) Int(v Var) int64 {
	all := []int64{0, 1, 2, 8, 20, 30, 80, 502, 5000, 1 << 40, 1<<63 - 1, -1, -1 << 63}
	return all[d.of(v).IntN(len(all))]
}

func (d dice) Bool(v Var) bool { return d.of(v).IntN(2) == 1 }

// same says that CEL reads what we read, and answers as we do.
func same(t *testing.T, of Input, text string, want *cel.Type, rolls uint64) bool {
	t.Helper()
	lang := newLanguage(of)
	n := plain(text, lang.names, want)
	if n == nil {
		return false
	}
	p, err := lang.program("when", text, want)
	if err != nil {
		t.Fatalf("%s: %q is read here, and CEL says %v", of, text, err)
	}
	for seed := range rolls {
		v := dice{seed}
		out, _, err := p.Eval(activation{lang.names, v})
		if want == cel.StringType {
			if got := n.says(v); err != nil || types.String(got) != out {
				t.Fatalf("%s: %q says %q, CEL %v, %v", of, text, got, out, err)
			}
			continue
		}
		got, ok := n.holds(v)
		if ok && (err != nil || types.Bool(got) != out) {
			t.Fatalf("%s: %q gives %v, CEL %v, %v", of, text, got, out, err)
		}
	}
	return true
}

func TestShippedConditionsArePlain(t *testing.T) {
	folder, err := fs.Sub(catalog.Files, "detections")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for i := range rules {
		r := &rules[i]
		of := (&Ready{Rule: r}).Over()
		check := func(text string, of Input, want *cel.Type) {
			switch {
			case text == "":
			case !same(t, of, text, want, 40):
				t.Errorf("%s: %q takes the slow way", r.ID, text)
			default:
				read++
			}
		}
		check(r.When, of, cel.BoolType)
		check(r.Value, of, cel.StringType)
		check(r.Having, Window, cel.BoolType)
		for _, a := range r.Adjust {
			check(a.When, of, cel.BoolType)
		}
	}
	if read < 100 {
		t.Errorf("%d conditions are read without CEL; want nearly all of the shipped ones", read)
	}
}

func TestPlainLeavesTheRestToCEL(t *testing.T) {
	for _, text := range []string{
		"", "value", "code", "changed &&", "changed & back", "(changed", "changed)", "value == 1", "value.size() > 3", "value == 'a\\n'", "value == '''a'''", "value == r'a'",
		"others > 1.5", "others > 0x10", "others > 1u", "others > -1", "others % 2 == 0", "others in []", "changed in [true]", "value in ['a', 1]", "changed < back", "value.matches('[')",
		"others > 9223372036854775808", "value.contains(attr)", "changed ? back : changed", "value . contains('a')", "[1].all(x, x == 1)", "changed // why", strings.Repeat("!", 60) + "changed",
		strings.Repeat("(", 60) + "changed" + strings.Repeat(")", 60), "first > 3", "value == '\xff'",
	} {
		if n := plain(text, namesOf(Fact), cel.BoolType); n != nil {
			t.Errorf("%q is read", text)
		}
	}
	for text, want := range map[string]bool{ // what runs over is for CEL to say
		"others + 1 > 0": false, "others * 2 > 0": false, "others - 1 > 0": true, "0 - others < 0": true, "others > 3 && 'a' in ['b', 'a'] || false": true,
	} {
		n := plain(text, namesOf(Fact), cel.BoolType)
		if n == nil {
			t.Fatalf("%q is not read", text)
		}
		if _, ok := n.holds(most{}); ok != want {
			t.Errorf("%q: answered %v, want %v", text, ok, want)
		}
	}
}

// most answers with the largest number.
type most struct{ dice }

func (most) Int(Var) int64 { return 1<<63 - 1 }

func FuzzPlain(f *testing.F) {
	f.Add("others > 0 && !(value in ['a', 'b'])", uint8(3))
	f.Add("last - first >= 500 || name.startsWith('x')", uint8(1))
	f.Add("malformed * 5 >= client_packets + server_packets", uint8(2))
	f.Add("count >= 3 == (servers < 1)", uint8(4))
	f.Fuzz(func(t *testing.T, text string, input uint8) {
		if len(text) > maxText {
			return
		}
		of := []Input{Message, Tuple, Conversation, Fact, Window}[input%5]
		if !same(t, of, text, cel.BoolType, 12) {
			same(t, of, text, cel.StringType, 12)
		}
	})
}
