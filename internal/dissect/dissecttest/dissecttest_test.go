package dissecttest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// toy is a protocol of one length byte and a name; its flow can misbehave.
type toy struct{ fault string }

func (toy) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "toy", Kinds: []string{"word"}}},
		Transport: dissect.TCP, TCP: []uint16{7}, MaxPDU: 64, MaxState: 64,
	}
}
func (toy) Probe(ot.Dir, []byte) dissect.Verdict { return dissect.Yes }
func (p toy) Open() dissect.Flow                 { return &toyFlow{fault: p.fault} }

type toyFlow struct {
	fault string
	last  []byte
}

func (f *toyFlow) Reset() {}

func (f *toyFlow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	switch f.fault {
	case "skips more than there is":
		return len(b) + 1, 0
	case "changes bytes in Frame":
		b[0]++
	}
	return 0, 1 + int(b[0])
}

func (f *toyFlow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Dir, m.Name = dir, b[1:]
	switch f.fault {
	case "changes bytes in Decode":
		b[0] = 0
	case "keeps bytes":
		if f.last != nil {
			m.Name = f.last
		}
		f.last = b[1:]
	case "reads beyond":
		m.Name = b[1 : len(b)+1]
	}
	out.End()
	return dissect.OK
}

const conversation = "# a toy\n> 03 \"one\"\n= toy word 0 request other name=\"one\"\n< 0374776f 03\n= toy word 0 response other name=\"two\"\n< \"six\"  # the rest\n= toy word 0 response other name=\"six\"\n"

func toySet(t *testing.T, p dissect.Protocol) *dissect.Set {
	t.Helper()
	set, err := dissect.NewSet([]dissect.Protocol{p}, fstest.MapFS{"toy.yaml": {Data: []byte("protocol: toy\ntitle: Toy\nkinds:\n  word: {}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "case.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The suite must tell good from bad, or every dissector passes it.
func TestPlayerCatches(t *testing.T) {
	for fault, wrong := range map[string]string{
		"":                         "",
		"skips more than there is": "Frame returned skip",
		"changes bytes in Frame":   "Frame changed",
		"changes bytes in Decode":  "Decode changed",
		"keeps bytes":              "differ",
		"reads beyond":             "panic",
	} {
		t.Run(fault, func(t *testing.T) {
			set := toySet(t, toy{fault})
			g, err := readGolden(write(t, conversation), set.Entries[0].Spec)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			func() {
				defer func() {
					if recover() != nil {
						got = "panic"
					}
				}()
				p := newPlayer(set, g, toy{fault}.Open(), true)
				lines := p.play(whole)
				for i, s := range g.steps {
					if !slices.Equal(lines[i], s.want) {
						got = "differ"
					}
				}
				if p.wrong != nil {
					got = p.wrong.Error()
				}
			}()
			if !strings.Contains(got, wrong) || wrong == "" && got != "" {
				t.Errorf("found %q, want %q", got, wrong)
			}
		})
	}
}

func TestGoldenFilesAreChecked(t *testing.T) {
	for text, wrong := range map[string]string{
		"= early\n":                      "before any bytes",
		"> 0g\n":                         "bytes",
		"> \"open\n":                     "text",
		"  0102\n":                       "goes on",
		"server nowhere\n":               "no address",
		"transport carrier-pigeon\n":     "none of tcp, udp, ether, ip",
		"? 00\n":                         "none of",
		"> 01\n= toy word 0 \n> \"a\\xz": "text",
	} {
		_, err := readGolden(write(t, text), toy{}.Spec())
		if err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: error %v, want one about %q", text, err, wrong)
		}
	}
}

// What -update writes reads back as the same conversation, comments included.
func TestUpdateKeepsWhatPeopleWrote(t *testing.T) {
	set := toySet(t, toy{})
	path := write(t, strings.ReplaceAll(conversation, "one\"\n<", "wrong\"\n= more\n<"))
	g, err := readGolden(path, set.Entries[0].Spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.write(newPlayer(set, g, toy{}.Open(), true).play(whole)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != conversation {
		t.Errorf("written:\n%s\nwant:\n%s", got, conversation)
	}
}
