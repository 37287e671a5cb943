package match_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/vuln/csaf"
	"github.com/skanse/skanse/internal/vuln/feed"
	"github.com/skanse/skanse/internal/vuln/match"
	"github.com/skanse/skanse/internal/vuln/version"
)

func tables(t testing.TB) *match.Tables {
	t.Helper()
	tab, err := match.Load(catalog.Files)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// shared finds what stands beside the repository and may be absent.
func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "vuln", name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skip("../shared/vuln is not here")
	}
	return path
}

func read(t testing.TB, path string) []*csaf.Advisory {
	t.Helper()
	var out []*csaf.Advisory
	err := feed.Walk(path, func(name string, b []byte) error {
		a, err := csaf.Read(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCorpus reads every published advisory and judges the labelled cases.
func TestCorpus(t *testing.T) {
	cases := shared(t, "cases.jsonl")
	all := read(t, shared(t, "cisa-csaf-ot-2024-10-24.tar.gz"))
	if len(all) != 2379 {
		t.Fatalf("%d advisories read, 2379 published", len(all))
	}
	leaves, dark := 0, map[string]bool{}
	unread := 0
	for _, a := range all {
		for i := range a.Leaves {
			l := &a.Leaves[i]
			if l.On != "" || l.Version == "" {
				continue
			}
			leaves++
			if r := version.ParseRange(l.Version); !r.Understood() {
				unread++
				dark[l.Version] = true
			}
		}
	}
	if share := float64(leaves-unread) / float64(leaves); share < 0.97 {
		t.Errorf("%.1f %% of %d version texts understood, want 97", share*100, leaves)
	} else {
		t.Logf("%.2f %% of %d version texts understood; %d distinct texts are not", share*100, leaves, len(dark))
	}
	tab := tables(t)
	byID := map[string]*match.Advisory{}
	for _, a := range all {
		byID[a.ID] = tab.Compile(a)
	}
	f, err := os.Open(cases)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	n := map[string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c struct {
			ID, Expected string
			Advisory     string `json:"advisory_id"`
			Asset        struct {
				Vendor, Product, Version string
				Model                    string `json:"product_name"`
				Order                    string `json:"order_code"`
				Code                     string `json:"product_code"`
				VendorID                 int    `json:"vendor_id"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		a := c.Asset
		r := byID[c.Advisory].Match(tab.Identify(match.Asset{Vendor: a.Vendor, VendorID: a.VendorID, Product: a.Product, Model: a.Model, OrderCode: a.Order + a.Code, Version: a.Version}))
		n[c.Expected+" "+r.Verdict.String()]++
		n[c.Expected]++
		if r.Verdict.String() != c.Expected {
			t.Logf("%s: %s is %v (%s), %s expected", c.ID, c.Advisory, r.Verdict, r.Missing, c.Expected)
		}
	}
	if n["affected not_affected"] > 2 {
		t.Errorf("%d affected called not affected, at most 2", n["affected not_affected"])
	}
	if alarms := float64(n["not_affected affected"]) / float64(n["not_affected"]); alarms > 0.03 {
		t.Errorf("%.1f %% false alarms, at most 3", alarms*100)
	}
	if found := float64(n["unknown unknown"]) / float64(n["unknown"]); found < 0.9 {
		t.Errorf("%.0f %% of the unknown found, at least 90", found*100)
	}
	if given := float64(n["affected unknown"]+n["not_affected unknown"]) / float64(n["affected"]+n["not_affected"]); given > 0.08 {
		t.Errorf("%.1f %% of what can be decided called unknown, at most 8", given*100)
	}
}

// product makes an advisory about one product.
func product(vendor, name, versions string, more ...csaf.Leaf) *csaf.Advisory {
	a := &csaf.Advisory{ID: "T-1", Title: vendor + " " + name, Leaves: append([]csaf.Leaf{{ID: "P", Vendor: vendor, Product: name, Version: versions, Full: name + ": " + versions}}, more...)}
	v := csaf.Vuln{CVE: "CVE-2026-0001"}
	for i := range a.Leaves {
		v.Affected = append(v.Affected, int32(i))
	}
	a.Vulns = []csaf.Vuln{v}
	return a
}

// TestMakers walks the order codes and names of makers that the labelled cases hardly have.
func TestMakers(t *testing.T) {
	tab := tables(t)
	for _, c := range []struct {
		vendor, name, versions string
		asset                  match.Asset
		want                   match.Verdict
		missing                string
	}{
		{"Moxa", "EDS-510A series", "<= 3.8", match.Asset{Vendor: "MOXA Inc.", Product: "EDS-510A-3SFP-T", Version: "3.8"}, match.Affected, ""},
		{"Moxa", "EDS-510A series", "<= 3.8", match.Asset{Vendor: "MOXA Inc.", Product: "EDS-510E", Version: "3.8"}, match.NotAffected, ""},
		{"Moxa", "NPort 5110", "< 2.7", match.Asset{Vendor: "Moxa", Product: "NPort5110", Version: "2.6"}, match.Affected, ""},
		{"WAGO", "Series PFC200", "750-82xx/xxx-xxx", match.Asset{Vendor: "WAGO Kontakttechnik GmbH & Co. KG", OrderCode: "750-8212/025-001", Version: "3.1"}, match.Affected, ""},
		{"WAGO", "Series PFC200", "750-82xx/xxx-xxx", match.Asset{Vendor: "WAGO", OrderCode: "750-8101", Version: "3.1"}, match.NotAffected, ""},
		{"WAGO", "750-8206/025-001", "< 02.07.07(10)", match.Asset{Vendor: "WAGO", OrderCode: "750-8206", Version: "02.07.07"}, match.CannotTell, "order code"},
		{"Phoenix Contact", "AXC F 2152 (2404267)", "< 2024.0", match.Asset{Vendor: "PHOENIX CONTACT GmbH & Co. KG", OrderCode: "2404267", Version: "2023.6"}, match.Affected, ""},
		{"Phoenix Contact", "AXC F 2152 (2404267)", "< 2024.0", match.Asset{Vendor: "Phoenix Contact", OrderCode: "1069208", Version: "2023.6"}, match.NotAffected, ""},
		{"OMRON", "NJ-series Machine Automation Controller (All Models)", "<= 1.48", match.Asset{Vendor: "OMRON Corporation", Model: "NJ501-1300", Version: "1.48"}, match.Affected, ""},
		{"OMRON", "NJ-series Machine Automation Controller (All Models)", "<= 1.48", match.Asset{Vendor: "OMRON Corporation", Model: "NX102-1200", Version: "1.48"}, match.NotAffected, ""},
		{"Mitsubishi Electric", "MELSEC iQ-R Series R04CPU", "<=35", match.Asset{Vendor: "Mitsubishi Electric Corporation", Model: "R04CPU", Version: "36"}, match.NotAffected, ""},
		{"Mitsubishi Electric", "MELSEC iQ-R series R16/32/64MTCPU", "vers:all/*", match.Asset{Vendor: "MITSUBISHI ELECTRIC", Model: "R32MTCPU"}, match.Affected, ""},
		{"Mitsubishi Electric", "MELSEC Q Series Q03UDECPU", "<=the_first_5_digits_of_serial_number_22081", match.Asset{Vendor: "Mitsubishi", Model: "Q03UDECPU", Version: "1"}, match.CannotTell, "serial number"},
		{"Mitsubishi Electric", "MELSEC Q Series Q03UDECPU", "<=the_first_5_digits_of_serial_number_22081", match.Asset{Vendor: "Mitsubishi", Model: "Q03UDECPU", Serial: "220910000000000"}, match.NotAffected, ""},
		{"ABB", "CP620 (1SAP520100R0001)", "< 2.8", match.Asset{Vendor: "ABB Ltd", OrderCode: "1SAP 520 100 R0001", Version: "2.7.1"}, match.Affected, ""},
		{"Beckhoff", "CX9020", "< 3.1", match.Asset{Vendor: "Beckhoff Automation GmbH", Model: "CX9020-0111", Version: "3.0"}, match.Affected, ""},
		{"Belden", "Hirschmann GECKO Lite Managed switch", "<= 2.0.00", match.Asset{Vendor: "Hirschmann Automation and Control GmbH", Product: "GECKO Lite Managed Switch", Version: "2.0.00"}, match.Affected, ""},
		{"Schneider Electric", "Modicon M340 CPU (part numbers BMXP34*)", "< SV3.51", match.Asset{Vendor: "Schneider Electric", Model: "BMX P34 2020", Version: "V3.50"}, match.Affected, ""},
		{"Schneider Electric", "Modicon M580 CPU (part numbers BMEP58*)", "< SV4.20", match.Asset{Vendor: "Schneider Electric", Model: "BMX P34 2020", Version: "V3.50"}, match.NotAffected, ""},
		{"Rockwell Automation", "ControlLogix 5580", ">= 31.011", match.Asset{VendorID: 1, Model: "1756-L83E/B", Version: "31.12"}, match.Affected, ""},
		{"Rockwell Automation", "1756-EN2T Series D", "<= 11.002", match.Asset{VendorID: 1, Model: "1756-EN2T/C", Version: "11.2"}, match.NotAffected, ""},
		{"Rockwell Automation", "1756-EN2T Series D", "<= 11.002", match.Asset{VendorID: 1, Model: "1756-EN2T", Version: "11.2"}, match.CannotTell, "hardware series"},
		{"Siemens", "SIMATIC S7-1500 CPU family (incl. related ET200 CPUs and SIPLUS variants)", "< V2.9.7", match.Asset{Vendor: "Siemens", OrderCode: "6ES7 512-1DK01-0AB0", Version: "V2.9.4"}, match.Affected, ""},
		{"Siemens", "SIMATIC S7-1200 CPU family (incl. SIPLUS variants)", "< V4.6", match.Asset{Vendor: "Siemens", OrderCode: "6ES7 512-1DK01-0AB0", Version: "V2.9.4"}, match.NotAffected, ""},
		{"Siemens", "SINUMERIK 828D V4", "vers:all/*", match.Asset{Vendor: "Siemens", Product: "SINUMERIK 828D", Version: "V5.23"}, match.NotAffected, ""},
		{"Yokogawa", "CENTUM VP (Including CENTUM VP Entry Class)", ">=R6.01.00|<=R6.11.10", match.Asset{Vendor: "Yokogawa Electric Corporation", Product: "CENTUM VP", Version: "R6.11.10"}, match.Affected, ""},
		{"Acme Robotics, Inc.", "Armatron", "< 2.0", match.Asset{Vendor: "Beta Pumps", Product: "Armatron", Version: "1.0"}, match.NotAffected, ""},
	} {
		r := tab.Compile(product(c.vendor, c.name, c.versions)).Match(tab.Identify(c.asset))
		if r.Verdict != c.want || c.missing != "" && !strings.Contains(r.Missing, c.missing) {
			t.Errorf("%s %q %s against %+v: %v %c (%s), want %v %s", c.vendor, c.name, c.versions, c.asset, r.Verdict, r.Confidence, r.Missing, c.want, c.missing)
		}
	}
}

// TestStatements holds what decides between several statements of one advisory.
func TestStatements(t *testing.T) {
	tab := tables(t)
	known := tab.Identify(match.Asset{Vendor: "Acme", Product: "Armatron 500", Version: "4.10.115"})
	branches := product("Acme", "Armatron 500", "< V4.10.111", csaf.Leaf{ID: "Q", Vendor: "Acme", Product: "Armatron 500", Version: "< V5.00.171", Full: "Armatron 500"})
	if r := tab.Compile(branches).Match(known); r.Verdict != match.NotAffected {
		t.Errorf("the bound of the version's own line decides: %v %s", r.Verdict, r.Missing)
	}
	contradiction := product("Acme", "Armatron 500", "< 4.10.115")
	contradiction.Leaves[0].Full = "Armatron 500: Version 4.10.115 and prior"
	if r := tab.Compile(contradiction).Match(known); r.Verdict != match.CannotTell || !strings.Contains(r.Missing, "contradicts") {
		t.Errorf("two statements differ for this very version: %v %s", r.Verdict, r.Missing)
	}
	if r := tab.Compile(contradiction).Match(known.With("4.10.116", "")); r.Verdict != match.NotAffected {
		t.Errorf("outside the disputed version both say no: %v", r.Verdict)
	}
	open := product("Acme", "Armatron 500", "vers:all/*")
	open.Vulns[0].Remediations = []csaf.Remediation{{Category: "mitigation", Details: "Acme recommends users update to V4.10.112 or later.", Leaves: []int32{0}}}
	if r := tab.Compile(open).Match(known); r.Verdict != match.NotAffected || r.Quote == "" {
		t.Errorf("a fix hidden in a mitigation bounds an open range: %v %q", r.Verdict, r.Quote)
	}
	if r := tab.Compile(open).Match(known.With("4.10.100", "")); r.Verdict != match.Affected || r.Fix != "4.10.112" {
		t.Errorf("below the fix: %v %q", r.Verdict, r.Fix)
	}
	fixed := product("Acme", "Armatron 500", "vers:all/*", csaf.Leaf{ID: "F", Vendor: "Acme", Product: "Armatron 500", Version: "4.10.115", Full: "Armatron 500 4.10.115"})
	fixed.Vulns[0].Affected, fixed.Vulns[0].Fixed = []int32{0}, []int32{1}
	if r := tab.Compile(fixed).Match(known); r.Verdict != match.NotAffected {
		t.Errorf("stated as fixed: %v", r.Verdict)
	}
	only := product("Acme", "Armatron 500", "* (only affected by CVE-2026-0002)")
	if r := tab.Compile(only).Match(known); r.Verdict != match.NotAffected {
		t.Errorf("affected by another vulnerability only: %v", r.Verdict)
	}
}

// TestCorpusIndex finds by index what one-by-one matching finds.
func TestCorpusIndex(t *testing.T) {
	tab := tables(t)
	c := tab.NewCorpus()
	for i, name := range []string{"Armatron 500", "Armatron 500 series", "Benthos", "Benthos Pro", "SIMATIC S7-1500 CPU 1513-1 PN (6ES7513-1AL02-0AB0)"} {
		a := product("Siemens", name, "< 5")
		a.ID = fmt.Sprint(i)
		c.Add(a)
	}
	for _, a := range []match.Asset{
		{Vendor: "Siemens", Product: "Armatron 500", Version: "4"},
		{Vendor: "Siemens", Product: "Armatron 500-X", Version: "4.1"},
		{Vendor: "Siemens", Product: "Benthos", Version: "6"},
		{Vendor: "Siemens", OrderCode: "6ES7513-1AL02-0AB0"},
		{Vendor: "Other", Product: "Benthos", Version: "1"},
	} {
		got := map[int]match.Verdict{}
		for _, m := range c.Of(a) {
			got[m.Advisory] = m.Result.Verdict
		}
		for n := range c.Len() {
			r := c.Advisory(n).Match(tab.Identify(a))
			if v, ok := got[n]; r.Named && (!ok || v != r.Verdict) || !r.Named && ok {
				t.Errorf("%+v, advisory %d: index %v (%v), one by one %v", a, n, v, ok, r.Verdict)
			}
		}
	}
	a := product("Siemens", "Armatron 500", "< 2")
	a.ID = "0"
	c.Add(a)
	if m := c.Of(match.Asset{Vendor: "Siemens", Product: "Armatron 500", Version: "4"}); len(m) == 0 || m[0].Result.Verdict != match.NotAffected {
		t.Errorf("a new text of an advisory replaces the old: %+v", m)
	}
}
