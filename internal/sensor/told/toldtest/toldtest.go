// Package toldtest helps to test readers of other sensors' words: what was told, as lines that
// a test can name. It is for tests only.
package toldtest

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Protocols is the shipped set.
func Protocols(t testing.TB) *dissect.Set {
	t.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(all.Protocols(), names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Said lists what summaries tell: "host A", "talk T A>B:PORT PROTOCOL", "message PROTOCOL KIND CODE DIR CLASS", "fact A ATTR=VALUE".
func Said(sums []*sensor.Summary) []string {
	var out []string
	add := func(format string, args ...any) {
		if s := strings.TrimRight(fmt.Sprintf(format, args...), " "); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, s := range sums {
		for _, h := range s.Hosts {
			add("host %s", end(h.Host))
		}
		for _, f := range s.Flows {
			add("talk %s %s>%s:%d %s", f.Transport, end(f.Client), end(f.Server), f.Port, f.Protocol)
		}
		for _, x := range s.Tuples {
			code := x.Text
			if code == "" {
				code = fmt.Sprint(x.Code)
			}
			refused := ""
			if x.Refused > 0 {
				refused = " refused"
			}
			add("message %s %s %s %s %s%s", x.Protocol, x.Kind, code, x.Dir, x.Class, refused)
		}
		for _, f := range s.Facts {
			add("fact %s %s=%s", end(f.About), f.Attr, f.Value)
		}
	}
	slices.Sort(out)
	return out
}

func end(h ot.Host) string {
	if h.IP.IsValid() {
		return h.IP.String()
	}
	return h.MAC.String()
}

// Clean fails where a text of a summary could do something to a screen, or a proof is longer than it may be.
func Clean(t testing.TB, sums []*sensor.Summary) {
	t.Helper()
	text := func(what, s string) {
		for _, r := range s {
			if r == unicode.ReplacementChar || !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) {
				continue
			}
			t.Errorf("%s is told as it came: %q", what, s)
			return
		}
	}
	for _, s := range sums {
		if s.Health.Packets != 0 || s.Health.Told == nil {
			t.Error("another sensor's words count packets of ours, or are not marked")
		}
		text("a reason", s.Health.Told.Why)
		text("a cut", s.Health.Cut)
		for _, f := range s.Facts {
			text("a fact", f.Value)
			if len(f.Value) > 4*ot.MaxFact || len(f.Proof) > ot.MaxProof {
				t.Errorf("a fact of %d bytes with a proof of %d", len(f.Value), len(f.Proof))
			}
		}
		for _, x := range s.Tuples {
			text("a code", x.Text)
			text("a name", x.Name)
		}
		for _, e := range s.Events {
			text("an object", e.Object)
			text("a code", e.Text)
			if len(e.Proof) > ot.MaxProof {
				t.Errorf("a proof of %d bytes", len(e.Proof))
			}
		}
		for _, f := range s.Flows {
			text("a guess", f.Guess)
			text("a transport", f.Transport)
			if f.Last < f.First {
				t.Errorf("a conversation from %d to %d", f.First, f.Last)
			}
		}
	}
}
