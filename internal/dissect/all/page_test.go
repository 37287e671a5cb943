package all_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write docs/protocols.md")

const pageFile = "../../../docs/protocols.md"

// docs/protocols.md says what is decoded, from the dissectors themselves,
// their catalogue and their golden conversations. make docs writes it.
func TestProtocolsPageIsCurrent(t *testing.T) {
	page := protocolsPage(t)
	if *update {
		if err := os.WriteFile(pageFile, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, page) {
		t.Error("docs/protocols.md is not what the code says any more: run make docs and commit it")
	}
}

// described is what the page says of one protocol.
type described struct {
	Title    string `yaml:"title"`
	About    string `yaml:"about"`
	Depth    string `yaml:"depth"`
	Verified string `yaml:"verified"`
	Kinds    map[string]struct {
		Codes map[string]yaml.Node `yaml:"codes"`
	} `yaml:"kinds"`
	name, where, identity string
	codes                 int
}

const unverified = "unverified on real traffic"

func protocolsPage(t *testing.T) []byte {
	var decoded []described
	titles := attributeTitles(t)
	for _, p := range everybody(t) {
		if _, ok := p.(recognised.Protocol); ok {
			continue
		}
		spec := p.Spec()
		facts := factsOf(t, folderOf(p), titles)
		for _, n := range spec.Protocols {
			if n.Title != "" {
				continue
			}
			d := describe(t, n.Name)
			d.where = where(&spec)
			d.identity = identityOf(n.Name, facts)
			decoded = append(decoded, d)
		}
	}
	slices.SortStableFunc(decoded, func(x, y described) int {
		return cmp.Or(cmp.Compare(depth(x.Depth), depth(y.Depth)), strings.Compare(strings.ToLower(x.Title), strings.ToLower(y.Title)))
	})
	var b bytes.Buffer
	b.WriteString(`# Protocols

Generated from the dissectors, their catalogue and their golden conversations by ` + "`make docs`" + `; do not edit by hand.

Depth *full*: every message, identity and objects. *Named*: requests and answers named and classed, identity where the
protocol gives it. *Recognised*: the conversation has its name, its content is not read. What was never seen in a capture of
real devices says "` + unverified + `": it was written from specifications or published research, and may be wrong.
How to add one: [adding-a-protocol.md](adding-a-protocol.md).

`)
	counts := map[string]int{}
	for _, d := range decoded {
		counts[d.Depth]++
	}
	list, err := recognised.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%d protocols are decoded in full, %d are named, and %d protocols and services are recognised.\n", counts["full"], counts["named"], counts["recognised"]+len(list.Entries))
	for _, part := range []string{"full", "named", "recognised"} {
		if counts[part] == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| Protocol | Where | Codes named | Identity and facts | Verified |\n| --- | --- | ---: | --- | --- |\n", map[string]string{"full": "Full", "named": "Named", "recognised": "Recognised by a dissector"}[part])
		for _, d := range decoded {
			if d.Depth == part {
				fmt.Fprintf(&b, "| %s (`%s`) | %s | %d | %s | %s |\n", cell(d.Title), d.name, cell(d.where), d.codes, cell(d.identity), cell(d.Verified))
			}
		}
	}
	b.WriteString("\n## Recognised by pattern or name\n\nFrom `catalog/recognised`; files of the same form in `recognised/` of the data folder add to it. A name holds for TLS, QUIC and DNS, with all names below it.\n\n| Protocol or service | Told by | Class | Verified |\n| --- | --- | --- | --- |\n")
	entries := slices.Clone(list.Entries)
	slices.SortStableFunc(entries, func(x, y *recognised.Entry) int {
		return strings.Compare(strings.ToLower(x.Title), strings.ToLower(y.Title))
	})
	for _, e := range entries {
		fmt.Fprintf(&b, "| %s (`%s`) | %s | %s | %s |\n", cell(e.Title), e.ID, cell(toldBy(e)), e.Class, cell(e.Verified))
	}
	return b.Bytes()
}

func depth(s string) int { return slices.Index([]string{"full", "named", "recognised"}, s) }

func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

func describe(t *testing.T, name string) described {
	t.Helper()
	raw, err := fs.ReadFile(catalog.Files, "protocols/"+name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := described{name: name}
	if err := yaml.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if d.About == "" || d.Verified == "" || depth(d.Depth) < 0 {
		t.Errorf("protocols/%s.yaml: about, verified and a depth of full, named or recognised are needed", name)
	}
	for _, k := range d.Kinds {
		d.codes += len(k.Codes)
	}
	peers, err := filepath.Glob("../../../test/peers/" + name + "_*.pcap")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		d.Verified += "; recorded from a real peer: " + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(p), name+"_"), ".pcap")
	}
	return d
}

func where(s *dissect.Spec) string {
	var parts []string
	numbers := func(what, format string, ports []uint16) {
		if len(ports) == 0 {
			return
		}
		text := make([]string, len(ports))
		for i, p := range ports {
			text[i] = fmt.Sprintf(format, p)
		}
		parts = append(parts, what+" "+strings.Join(text, ", "))
	}
	numbers("TCP", "%d", s.TCP)
	numbers("UDP", "%d", s.UDP)
	numbers("Ethernet", "%#04x", s.Ether)
	for _, d := range s.LLC {
		parts = append(parts, fmt.Sprintf("LLC %#02x", d))
	}
	for _, n := range s.SNAP {
		parts = append(parts, fmt.Sprintf("SNAP %#010x", n))
	}
	if s.Transport&(dissect.TCP|dissect.UDP) != 0 {
		if s.HintOnly {
			parts = append(parts, "there only")
		} else {
			parts = append(parts, "by content on any port")
		}
	}
	return strings.Join(parts, "; ")
}

func attributeTitles(t *testing.T) map[string]string {
	t.Helper()
	raw, err := fs.ReadFile(catalog.Files, "vendors/attributes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Attributes map[string]string `yaml:"attributes"`
	}
	if err := yaml.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f.Attributes
}

// factsOf lists what the golden conversations of a folder prove that its dissectors report.
func factsOf(t *testing.T, folder string, titles map[string]string) []string {
	t.Helper()
	seen := map[string]bool{}
	for _, file := range goldens(t, folder) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(raw), "\n") {
			if rest, ok := strings.CutPrefix(line, "= fact "); ok {
				attr, _, _ := strings.Cut(rest, " ")
				seen[attr] = true
			}
		}
	}
	var all []string
	for attr := range seen {
		title := titles[attr]
		if title == "" {
			t.Errorf("%s reports %s, which catalog/vendors/attributes.yaml does not name", folder, attr)
		}
		all = append(all, attr+"\t"+title)
	}
	slices.Sort(all)
	return all
}

// identityOf keeps the facts of one protocol where a folder has several: those
// of its own family, or all where no family is called after it.
func identityOf(name string, facts []string) string {
	own := func(f string) bool { return strings.HasPrefix(f, name+".") }
	some := slices.ContainsFunc(facts, own)
	var titles []string
	for _, f := range facts {
		attr, title, _ := strings.Cut(f, "\t")
		if i := strings.LastIndex(title, " ("); i > 0 && own(f) {
			title = title[:i]
		}
		if !some || own(f) || strings.HasPrefix(attr, "credential.") || strings.HasPrefix(attr, "remote.") || strings.HasPrefix(attr, "ntlmssp.") || strings.HasPrefix(attr, "tls.") {
			titles = append(titles, title)
		}
	}
	return strings.Join(titles, ", ")
}

func toldBy(e *recognised.Entry) string {
	var parts []string
	if n := e.Patterns(); n > 0 {
		parts = append(parts, e.Places())
	}
	if len(e.Domains) > 0 {
		parts = append(parts, "names: "+strings.Join(e.Domains, ", "))
	}
	if len(e.ALPN) > 0 {
		parts = append(parts, "ALPN: "+strings.Join(e.ALPN, ", "))
	}
	if len(e.Issuers) > 0 {
		parts = append(parts, "certificates of: "+strings.Join(e.Issuers, ", "))
	}
	return strings.Join(parts, "; ")
}
