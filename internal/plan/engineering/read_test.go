package engineering_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/plan"
	"github.com/skanse/skanse/internal/plan/engineering"
)

func read(t testing.TB, name string) *plan.Project {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := engineering.Read(name, f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// row is a device as one line, so that a table of them can be read.
func row(d *plan.Device) string {
	var parts []string
	for _, a := range d.Addresses {
		parts = append(parts, a.String())
	}
	for _, m := range d.MACs {
		parts = append(parts, m.String())
	}
	s := fmt.Sprintf("%s | %s | %s | %s | %s | %s%s", d.Name, strings.Join(parts, " "), d.Vendor, d.Model, d.OrderCode, d.Firmware, d.Fit)
	for _, x := range []struct {
		say  bool
		what string
	}{{d.Role != "", "role " + d.Role}, {d.Module, "part of " + d.Parent}, {!d.Module && d.Parent != "", "under " + d.Parent}, {d.Where != "", d.Where}, {d.Safety, "safety"}, {d.Config != "", "configuration " + d.Config}, {len(d.Aliases) > 0, "also " + strings.Join(d.Aliases, ", ")}} {
		if x.say {
			s += "; " + x.what
		}
	}
	return s
}

func rows(p *plan.Project) (out []string) {
	for i := range p.Devices {
		out = append(out, row(&p.Devices[i]))
	}
	for _, t := range p.Types {
		out = append(out, fmt.Sprintf("type %s | %s | %s | %s | %s", t.Key, t.Vendor, t.Model, t.OrderCode, t.Revision))
	}
	for _, c := range p.Conduits {
		s := c.From + " -> " + c.To + " " + c.Protocols[0].String()
		if c.Group.Group() {
			s += " " + c.Group.String()
		}
		out = append(out, s+": "+c.Why)
	}
	return out
}

// What each kind of file says of its plant.
func TestFormats(t *testing.T) {
	for name, want := range map[string][]string{
		"filler.L5X": {
			"Filler3 | 10.20.3.10 | Rockwell Automation |  | 1756-L83ES | 33.11; role plc; ICP slot 0; safety",
			"EN2T | 10.20.3.11 | Rockwell Automation |  | 1756-EN2T | 10.1later; under Filler3; ICP slot 2",
			"DI_16 |  | Rockwell Automation |  | 1756-IB16 | 3.1any; role io; part of Filler3; ICP slot 4",
			"Gate_Safety | 10.20.3.21 | Rockwell Automation |  | 1791ES-IB8XOBV4/A | 1.9later; role io; under EN2T; safety",
			"Drive_1 | 10.20.3.31 | Rockwell Automation |  | PowerFlex 525-EENET | 7.1later; under EN2T",
			"Festo_Valves |  | Festo |  | ETHERNET-MODULE | 1.1any; under EN2T",
		},
		"station.cfg": {
			"PS 307 5A |  | Siemens | PS 307 5A | 6ES7 307-1EA01-0AA0 | part; part of ; rack 0 slot 1",
			"SIMATIC 300(1) | 192.168.3.10 08:00:06:01:00:00 | Siemens | CPU 315-2 PN/DP | 6ES7 315-2EH14-0AB0 | V3.2part; role plc; rack 0 slot 2",
			"DI32xDC24V |  | Siemens | DI32xDC24V | 6ES7 321-1BL00-0AA0 | part; part of SIMATIC 300(1); rack 0 slot 4",
			"CP 343-1 | 192.168.4.10 | Siemens | CP 343-1 | 6GK7 343-1EX30-0XE0 | V3.0part; under SIMATIC 300(1); rack 0 slot 5",
			"IM 153-1 |  | Siemens |  | 6ES7 153-1AA03-0XB0 | part; part of SIMATIC 300(1); PROFIBUS 1 address 3",
			"Ventilinsel |  |  | CPX_059E.GSE |  | part; part of SIMATIC 300(1); PROFIBUS 1 address 12",
			"et200s-fill | 192.168.3.20 | Siemens |  | 6ES7 151-3BA23-0AB0 | V7.0part; under SIMATIC 300(1); PROFINET 100 device 1",
			"PM-E DC24V |  | Siemens |  | 6ES7 138-4CA01-0AA0 | part; part of et200s-fill; PROFINET 100 device 1 slot 1",
			"valve-2 | 192.168.3.21 |  | GSDML-V2.33-ACME-VALVE-20220301.xml |  | part; under SIMATIC 300(1); PROFINET 100 device 2",
		},
		"cell.aml": {
			"PLC_Fill | 192.168.4.10 | Siemens | CPU 1516F-3 PN/DP | 6ES7 516-3FN02-0AB0 | V2.9part; role plc; Rail_0 slot 1; safety; also plc-fill",
			"F-DI 16x24VDC_1 |  | Siemens | F-DI 16x24VDC | 6ES7 526-1BH00-0AB0 | V1.0part; part of PLC_Fill; Rail_0 slot 2; safety",
			"IO_Cap | 192.168.4.21 | Siemens | IM 155-6 PN ST | 6ES7 155-6AU01-0BN0 | V4.2part; Rack_0 slot 0; also io-cap",
			"DQ 8x24VDC_1 |  | Siemens | DQ 8x24VDC/0.5A ST | 6ES7 132-6BF01-0BA0 | V0.0part; part of IO_Cap; Rack_0 slot 1",
		},
		"bay.scd": {
			"PROT1 | 10.61.0.11 | GE | P543 |  | ; role ied; configuration 2.1",
			"BCU1 | 10.61.0.12 | Siemens | 6MD85 |  | ; role ied; configuration 1.0",
			"MU1 | 10.62.0.21 | GE | MU320 |  | ; role ied; configuration 1.4",
			"GW | 10.61.0.2 | ABB | RTU560 |  | ; role ied; configuration 3",
			"PROT1 -> BCU1 goose 01:0c:cd:01:00:10: goose control block CTRL/Trip, APPID 0010",
			"MU1 -> PROT1 sv 01:0c:cd:04:00:20: sv control block MU01/MSVCB01, APPID 4002",
			"GW -> PROT1 mms: its reports are for it",
		},
		"relay.icd": {"type scl ABB/REF615 | ABB | REF615 |  | 4.1"},
		"machine.xml": {
			"PLC_Mill |  |  |  |  | 3.5.19.0any; part of ; device type 4096, id 16A8 0004",
			"Ethernet | 192.168.7.10 |  |  |  | 4.2.0.0any; device type 110, id 0000 0002",
		},
		"machine.export": {
			"PLC_Mill |  | WAGO |  | 750-8212 | 6.4.2.0any; part of ; device type 4096, id 1006 1202",
			"Ethernet | 192.168.7.11 |  |  |  | 4.2.0.0any; under PLC_Mill; device type 110, id 0000 0002",
		},
		"adapter.eds":                         {"type cip 1/12/166 | Rockwell Automation | 1756-EN2T/D | 1756-EN2T/D | 10.10"},
		"slave.gsd":                           {"type dp 806a | SIEMENS | IM 151-1 | 6ES7 151-1AA05-0AB0 | V1.1"},
		"GSDML-V2.35-Acme-Valve-20260302.xml": {"type pn 0493/0002 | Acme | Valve block 16 | V-16 | V2.0"},
	} {
		if got := rows(read(t, name)); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A project.yaml is read as before, whatever it is called.
func TestYAML(t *testing.T) {
	p, err := engineering.Parse("plan.txt", []byte("project: Line 3\ndevices:\n- {name: PLC, addresses: [10.0.0.1]}\n"))
	if err != nil || p.Covers != nil || p.Format != "" || len(p.Devices) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

func utf16le(s string) []byte {
	out := []byte{0xff, 0xfe}
	for _, r := range s {
		out = append(out, byte(r), byte(r>>8))
	}
	return out
}

const l5x = `<RSLogix5000Content TargetName="A"><Controller Name="Füller" ProcessorType="1769-L33ER" MajorRev="33" MinorRev="11" CommPath="AB_ETHIP-1\10.0.0.5"/></RSLogix5000Content>`

// The encodings that engineering tools write give the same names.
func TestEncodings(t *testing.T) {
	latin := strings.NewReplacer("ü", "\xfc").Replace(l5x)
	for name, raw := range map[string][]byte{
		"UTF-8":                  []byte(l5x),
		"UTF-8 with a mark":      []byte("\xef\xbb\xbf" + l5x),
		"UTF-16":                 utf16le(`<?xml version="1.0" encoding="utf-16"?>` + l5x),
		"UTF-16 without a mark":  utf16le(l5x)[2:],
		"Windows-1252, declared": []byte(`<?xml version="1.0" encoding="Windows-1252"?>` + latin),
	} {
		p, err := engineering.Parse("a.L5X", raw)
		if err != nil || p.Devices[0].Name != "Füller" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p := read(t, "station.cfg"); p.Name != "SIMATIC 300(1)" || p.Revision != "3.2" {
		t.Errorf("%q %q", p.Name, p.Revision)
	}
}

// What cannot be read says what, where and what to do.
func TestMistakes(t *testing.T) {
	whole, err := os.ReadFile("testdata/filler.L5X")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := os.ReadFile("testdata/station.cfg")
	if err != nil {
		t.Fatal(err)
	}
	bomb := `<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>` + l5x
	for name, c := range map[string]struct {
		file string
		raw  []byte
		want []string
	}{
		"empty":             {"a.L5X", nil, []string{"is empty"}},
		"cut":               {"a.L5X", whole[:len(whole)/2], []string{"a.L5X:", "it is cut", "export it again"}},
		"cut text":          {"a.cfg", cfg[:bytes.LastIndex(cfg, []byte("BEGIN"))+9], []string{"a.cfg:", "BEGIN without END", "cut"}},
		"cut UTF-16":        {"a.L5X", utf16le(l5x)[:101], []string{"UTF-16", "cut"}},
		"entities":          {"a.L5X", []byte(bomb), []string{"a.L5X:1:", "declares entities"}},
		"an unknown entity": {"a.L5X", []byte(strings.Replace(l5x, "Füller", "&x;", 1)), []string{"a.L5X:1:", "well-formed"}},
		"wrong encoding":    {"a.L5X", []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + strings.Replace(l5x, "ü", "\xfc", 1)), []string{"a.L5X:2:", "says that it is utf-8 and is not", "windows-1252"}},
		"unknown encoding":  {"a.L5X", []byte(`<?xml version="1.0" encoding="EBCDIC"?>` + l5x), []string{`"ebcdic" is not read`, "UTF-8"}},
		"UTF-32":            {"a.L5X", []byte("\xff\xfe\x00\x00<\x00\x00\x00"), []string{"UTF-32"}},
		"deep":              {"a.L5X", []byte(strings.Repeat("<RSLogix5000Content>", 100_000)), []string{"200 deep"}},
		"deep, skipped":     {"a.L5X", []byte("<RSLogix5000Content><Tags>" + strings.Repeat("<a>", 100_000)), []string{"200 deep"}},
		"a long element":    {"a.L5X", []byte(`<RSLogix5000Content ` + strings.Repeat(`a="" `, 300_000) + "/>"), []string{"a.L5X:1:", "between < and >"}},
		"many elements":     {"a.L5X", []byte("<RSLogix5000Content>" + strings.Repeat("<M/>", 600_000)), []string{"500000 elements", "export a part"}},
		"another XML":       {"a.xml", []byte("<html><body/></html>"), []string{`root "html"`, "L5X", "SCL"}},
		"Studio's own":      {"line.ACD", []byte{1, 2, 3}, []string{"save the project as L5X"}},
		"packed":            {"cell.amlx", []byte("PK\x03\x04rest"), []string{"unpack it"}},
		"CODESYS' own":      {"machine.project", []byte("PK\x03\x04"), []string{"packed"}},
		"nothing planned":   {"a.scd", []byte(`<SCL xmlns="http://www.iec.ch/61850/2003/SCL"><Header id="x"/></SCL>`), []string{"no device stands in it"}},
		"two of a name":     {"a.scd", []byte(`<SCL><IED name="A"/><IED name="A"/></SCL>`), []string{"a.scd:1:", `two IEDs are called "A"`}},
		"no EDS":            {"a.eds", []byte("[Device]\nVendCode = x;\n"), []string{"a.eds:2:", "VendCode"}},
		"no GSD":            {"a.gsd", []byte("#Profibus_DP\nVendor_Name = \"A\"\n"), []string{"Ident_Number"}},
		"no GSDML":          {"a.xml", []byte("<ISO15745Profile><ProfileBody/></ISO15745Profile>"), []string{"VendorID"}},
		"CANopen":           {"a.eds", []byte("[FileInfo]\nFileName=a.eds\n[DeviceInfo]\nVendorNumber=1\n"), []string{"CANopen"}},
		"too big":           {"a.L5X", make([]byte, engineering.MaxFile+1), []string{"more than 64 MiB", "without programs"}},
	} {
		_, err := engineering.Parse(c.file, c.raw)
		if err == nil {
			t.Errorf("%s: read", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
		}
	}
}

// A file of 500 MB is refused before it is read.
func TestEndless(t *testing.T) {
	n := &endless{}
	if _, err := engineering.Read("big.L5X", n); err == nil || n.read > engineering.MaxFile+1<<20 {
		t.Errorf("%d bytes read, %v", n.read, err)
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }

// FuzzRead: whatever the bytes, no panic, and what is read is a plan with names.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := engineering.Parse("f", raw)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for i := range p.Devices {
			name := strings.ToLower(p.Devices[i].Name)
			if name == "" || seen[name] {
				t.Fatalf("two devices are called %q", name)
			}
			seen[name] = true
		}
	})
}
