package sensor

import (
	"encoding/hex"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/rule"
)

// shipped is a configuration with all that a release has.
func shipped(t *testing.T) Config {
	t.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(all.Protocols(), names)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := fs.Sub(catalog.Files, "detections")
	if err != nil {
		t.Fatal(err)
	}
	read, err := rule.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := rule.Compile(read, set, set.Len())
	if err != nil {
		t.Fatal(err)
	}
	return Config{Sensor: "test", Epoch: "1", Protocols: set, Rules: rules}
}

// A stop and a start of a SIMATIC S7 name the same service, P_PROGRAM. A stop is
// critical; who starts a controller again must not be told that it was stopped.
func TestStopIsNoStart(t *testing.T) {
	const (
		connect = "03000016 11e00000 000100c1 020100c2 020102c0 010a"
		stop    = "03000021 02f08032 01000009 00001000 00290000 00000009 505f5052 4f475241 4d"
		start   = "03000025 02f08032 0100000a 00001400 00280000 00000000 fd000009 505f5052 4f475241 4d"
	)
	for name, c := range map[string]struct{ job, want string }{
		"stop": {stop, "controller-stop"}, "start": {start, "controller-mode"},
	} {
		talk := newTalk().open()
		for _, text := range []string{connect, c.job} {
			b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			talk.say(0, b)
		}
		var met []string
		for _, e := range summaryOf(t, talk.frames, shipped(t)).Events {
			met = append(met, e.Rules...)
		}
		if !slices.Equal(met, []string{c.want}) {
			t.Errorf("%s: rules %v, want %s alone", name, met, c.want)
		}
	}
}
