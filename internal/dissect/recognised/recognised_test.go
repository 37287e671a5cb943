package recognised

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func shipped(tb testing.TB) *List {
	tb.Helper()
	l, err := Shipped()
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{shipped(t)}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{shipped(f)}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{shipped(b)}) }

func TestDomains(t *testing.T) {
	l := shipped(t)
	for host, want := range map[string]string{
		"router7.teamviewer.com": "teamviewer", "TeamViewer.COM.": "teamviewer", "device.api.talk2m.com": "talk2m",
		"notteamviewer.com": "", "teamviewer.com.evil.example": "", "com": "", "": "", strings.Repeat("a", 300): "",
	} {
		got := ""
		if e := l.Domain([]byte(host)); e != nil {
			got = e.ID
		}
		if got != want {
			t.Errorf("%q is %q, want %q", host, got, want)
		}
	}
	host := []byte("gm01.secomea.com")
	if n := testing.AllocsPerRun(100, func() { l.Domain(host) }); n > 0 {
		t.Errorf("%.0f allocations a name", n)
	}
}

const own = `recognised:
  - protocol: acme-press
    title: Acme press
    class: control
    patterns:
      - {transport: udp, ports: [7777], from: client, bytes: {0: "ac 0?", 4: "'PRESS'"}, length: {at: 2, bytes: 2}}
      - {transport: tcp, ports: [7778]}
  - protocol: secomea
    title: Secomea
    domains: [gatemanager.acme.example]
`

func TestUsersFile(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "acme.yaml"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := With(folder)
	if err != nil {
		t.Fatal(err)
	}
	p := Protocol{l}
	press := []byte("\xac\x07\x00\x0bPRESSab")
	if v := p.ProbePort(dissect.UDP, ot.Request, press, 40000, 7777); v != dissect.Yes {
		t.Error("the user's pattern is not recognised on its port")
	}
	for what, v := range map[string]dissect.Verdict{
		"another port":      p.ProbePort(dissect.UDP, ot.Request, press, 40000, 7779),
		"the other side":    p.ProbePort(dissect.UDP, ot.Response, press, 40000, 7777),
		"another transport": p.ProbePort(dissect.TCP, ot.Request, press, 40000, 7777),
		"a wrong length":    p.ProbePort(dissect.UDP, ot.Request, press[:10], 40000, 7777),
	} {
		if v != dissect.No {
			t.Errorf("recognised in spite of %s", what)
		}
	}
	if e := l.Domain([]byte("x.gatemanager.acme.example")); e == nil || e.ID != "secomea" {
		t.Error("a user's domain is not added to the shipped entry")
	}
	i, ok := p.Usual(dissect.TCP, 7778)
	if !ok || p.Spec().Protocols[i].Name != "acme-press" {
		t.Error("a port alone does not name its protocol as a guess")
	}
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet([]dissect.Protocol{p}, names)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := set.Lookup("acme-press")
	if set.Title(n) != "Acme press" || set.Class(n, 0, 1, nil) != ot.Control {
		t.Errorf("title %q, class %v", set.Title(n), set.Class(n, 0, 1, nil))
	}
	if _, err := With(filepath.Join(folder, "missing")); err != nil {
		t.Errorf("a folder that nobody made: %v", err)
	}
}

// A stream may be cut anywhere; what must end a message may not have come yet.
func TestStreamWaitsForItsEnd(t *testing.T) {
	p := Protocol{shipped(t)}
	poll := []byte("\xfb\x01\x83\x40\xf6")
	for n := range poll {
		if v := p.ProbePort(dissect.TCP, ot.Request, poll[:n], 40000, 10001); v != dissect.More {
			t.Errorf("%d of 5 bytes: %v, want more", n, v)
		}
	}
	if v := p.ProbePort(dissect.TCP, ot.Request, poll, 40000, 10001); v != dissect.Yes {
		t.Error("a whole poll of Genisys is not recognised")
	}
	if v := p.Probe(ot.Request, poll); v == dissect.Yes {
		t.Error("twelve bits claim a conversation on any port")
	}
}

func TestMistakesAreSaid(t *testing.T) {
	entry := func(body string) string { return "recognised:\n  - protocol: x\n    title: X\n    " + body + "\n" }
	for text, want := range map[string]string{
		"recognised: 7":                                           "unmarshal",
		"recognised:\n  - protocol: A B\n":                        "protocol",
		"recognised:\n  - protocol: a\n":                          "title",
		entry("klass: read"):                                      "klass",
		entry("class: reed"):                                      "class",
		entry("tool: true"):                                       "never be recognised",
		entry("domains: [com]"):                                   "no domain",
		entry("domains: [secomea.com]"):                           "belongs to secomea",
		entry("issuers: [a]"):                                     "issuers",
		entry("patterns: [{transport: ip}]"):                      "transport",
		entry("patterns: [{transport: tcp, bytes: {0: '0102'}}]"): "ports",
		entry("patterns: [{transport: tcp, anywhere: true, bytes: {0: '0102'}}]"):    "too few",
		entry("patterns: [{transport: tcp, ports: [1], bytes: {0: '012'}}]"):         "hex",
		entry("patterns: [{transport: tcp, ports: [1], bytes: {2000: '01'}}]"):       "1024",
		entry("patterns: [{transport: tcp, ports: [1], bytes: {-1: '0102'}}]"):       "1024",
		entry("patterns: [{transport: tcp, ports: [1], from: me}]"):                  "from",
		entry("patterns: [{transport: tcp, ports: [1], size: {min: 9, max: 3}}]"):    "size",
		entry("patterns: [{transport: tcp, ports: [1], length: {at: 0, bytes: 9}}]"): "length",
		entry("patterns: [{transport: ethernet, bytes: {0: '01'}}]"):                 "EtherType",
		entry("patterns: [{transport: tcp, ports: [99999]}]"):                        "99999",
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "wrong.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := With(folder)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "wrong.yaml") {
			t.Errorf("%s\nsaid %v; want the file and %q", text, err, want)
		}
	}
}

// FuzzFile: a user's file may hold anything; what was accepted matches without harm.
func FuzzFile(f *testing.F) {
	f.Add(own, []byte("\xac\x07\x00\x0bPRESSab"))
	f.Add("recognised: [{protocol: x, title: X, patterns: [{transport: tcp, ports: [1], bytes: {-3: 'f?'}, length: {at: 900, bytes: 4, add: -9}}]}]", []byte("\x01"))
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		l := &List{domains: map[string]*Entry{}, alpn: map[string]*Entry{}}
		if l.add("fuzz.yaml", []byte(text), true) != nil {
			return
		}
		l.compile()
		for _, transport := range []dissect.Transport{dissect.TCP, dissect.UDP, dissect.Ether} {
			l.find(transport, ot.Request, b, 1, 7777)
		}
		l.Domain(b)
		l.Issuer(b)
	})
}
