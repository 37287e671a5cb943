package edge

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func TestAnswer(t *testing.T) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &Order{No: 7, Key: key.PublicKey().Bytes()}
	body := []byte(strings.Repeat("packets ", 1000))
	m, err := SealAnswer("edge-1", o, Answer{Head: []byte(`{"n":1}`)}, body)
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind != KindAnswer || bytes.Contains(m.Body, []byte("packets")) {
		t.Errorf("%q is not sealed", m.Body[:40])
	}
	a, sealed, err := ReadAnswer(m.Body)
	if err != nil || a.No != 7 || string(a.Head) != `{"n":1}` {
		t.Fatalf("%+v, %v", a, err)
	}
	got, err := OpenAnswer(key, "edge-1", 7, sealed)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	other, _ := ecdh.X25519().GenerateKey(rand.Reader)
	for what, open := range map[string]func() ([]byte, error){
		"another edge":  func() ([]byte, error) { return OpenAnswer(key, "edge-2", 7, sealed) },
		"another order": func() ([]byte, error) { return OpenAnswer(key, "edge-1", 8, sealed) },
		"another key":   func() ([]byte, error) { return OpenAnswer(other, "edge-1", 7, sealed) },
		"changed": func() ([]byte, error) {
			b := bytes.Clone(sealed)
			b[len(b)-1] ^= 1
			return OpenAnswer(key, "edge-1", 7, b)
		},
		"cut": func() ([]byte, error) { return OpenAnswer(key, "edge-1", 7, sealed[:len(sealed)-1]) },
	} {
		if got, err := open(); ot.CodeOf(err) != ot.Forbidden {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
	if _, err := SealAnswer("edge-1", o, Answer{}, make([]byte, MaxAnswer+1)); ot.CodeOf(err) != ot.TooMany {
		t.Errorf("too much: %v", err)
	}
}

func TestRules(t *testing.T) {
	r := NewRules("1.0", []RuleFile{{"a.yaml", "x"}, {"b.yaml", "y"}})
	body, err := r.Body()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadRules(body); err != nil || got.Hash != r.Hash || len(got.Files) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ReadRules(bytes.Replace(body, []byte(`"x"`), []byte(`"z"`), 1)); ot.CodeOf(err) != ot.Damaged {
		t.Errorf("a changed rule: %v", err)
	}
	if one := NewRules("1.0", []RuleFile{{"a.yaml", "xb.yaml"}, {"", "y"}}); one.Hash == r.Hash {
		t.Error("other files have the same hash")
	}
	for name, bad := range map[string][]RuleFile{"none": nil, "too many": make([]RuleFile, maxRuleFiles+1), "too long": {{"a", strings.Repeat("x", maxRuleBytes+1)}}} {
		r := NewRules("", bad)
		if err := r.Check(); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An answer comes from a machine at a site that may be somebody else's by now.
func FuzzReadAnswer(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		if a, sealed, err := ReadAnswer(raw); err == nil && (len(sealed) > len(raw) || a.Error != ot.Printable(a.Error)) {
			t.Errorf("%+v", a)
		}
	})
}

// A bundle is signed, and all the same read by a program that listens to a plant.
func FuzzReadRules(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := ReadRules(raw); err == nil && r.Check() != nil {
			t.Errorf("%+v", r)
		}
	})
}
