package plan_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
)

func example(t *testing.T) *plan.Project {
	t.Helper()
	raw, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Parse("example.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func host(ip string) ot.Host { return ot.Host{IP: netip.MustParseAddr(ip)} }

func device(ip, mac string, fields map[string]string) plan.SeenDevice {
	d := plan.SeenDevice{Addresses: []netip.Addr{netip.MustParseAddr(ip)}, Heard: true, Packet: 1, Fields: map[string]plan.Said{}}
	if mac != "" {
		var m ot.MAC
		if m.UnmarshalText([]byte(mac)) == nil {
			d.MACs = []ot.MAC{m}
		}
	}
	for k, v := range fields {
		d.Fields[k] = plan.Said{Value: v, Protocol: "s7comm", Packet: 7}
	}
	return d
}

func talk(client, server, protocol string, port uint16, classes ...string) plan.Talk {
	return plan.Talk{Client: host(client), Server: host(server), Transport: "tcp", Port: port, Protocol: protocol, Answered: true, Packet: 9, Classes: classes}
}

// asPlanned is a capture that shows what the example planned.
func asPlanned() *plan.Seen {
	return &plan.Seen{
		Packets: 100, From: time.Unix(1, 0), To: time.Unix(2, 0),
		Devices: []plan.SeenDevice{
			device("192.168.3.10", "00:1b:1b:2a:91:04", map[string]string{"vendor": "Siemens", "order_code": "6ES7315-2EH14-0AB0", "firmware": "3.2.7"}),
			device("192.168.3.20", "", nil), device("192.168.3.90", "", nil),
		},
		Talks: []plan.Talk{
			talk("192.168.3.20", "192.168.3.10", "s7comm", 102, "read", "write"),
			talk("192.168.3.90", "192.168.3.10", "s7comm", 102, "program_download"),
			talk("192.168.3.90", "192.168.3.10", "", 80),
			{Client: host("192.168.3.20"), Server: host("10.20.0.5"), Transport: "udp", Port: 123, Protocol: "ntp", Answered: true},
			{Client: host("192.168.3.20"), Server: host("239.255.255.250"), Transport: "udp", Port: 1900, Protocol: "ssdp"},
			talk("192.168.3.20", "192.168.3.10", "arp", 0),
		},
	}
}

func findings(r *plan.Result, v plan.Verdict) (out []string) {
	for _, f := range r.Findings {
		if f.Verdict == v {
			out = append(out, f.Kind+" "+f.Subject)
		}
	}
	return out
}

func TestAsPlanned(t *testing.T) {
	r := plan.Compare(example(t), asPlanned())
	if got := findings(r, plan.Differs); len(got) > 0 || r.Word() != "agrees" || r.Matched != 3 {
		t.Errorf("%s, %d matched, differs %v, unknown %v", r.Word(), r.Matched, got, findings(r, plan.Unknown))
	}
}

// Each way in which a plant can be other than planned is found, and nothing else.
func TestDifferences(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.Seen)
		want   []string
		as     plan.Verdict
	}{
		"another firmware":   {func(s *plan.Seen) { s.Devices[0].Fields["firmware"] = plan.Said{Value: "V3.2.6"} }, []string{"firmware PLC-301"}, plan.Differs},
		"firmware not told":  {func(s *plan.Seen) { delete(s.Devices[0].Fields, "firmware") }, []string{"firmware PLC-301"}, plan.Unknown},
		"another order code": {func(s *plan.Seen) { s.Devices[0].Fields["order_code"] = plan.Said{Value: "6ES7 315-2EH13-0AB0"} }, []string{"identity PLC-301"}, plan.Differs},
		"another card":       {func(s *plan.Seen) { s.Devices[0].MACs = []ot.MAC{{1}} }, []string{"identity PLC-301"}, plan.Differs},
		"missing":            {func(s *plan.Seen) { s.Devices[1].Heard = false }, []string{"missing-device HMI-301"}, plan.Differs},
		"a missing laptop":   {func(s *plan.Seen) { s.Devices[2].Heard = false }, nil, plan.Differs},
		"a stranger":         {func(s *plan.Seen) { s.Devices = append(s.Devices, device("192.168.3.77", "", nil)) }, []string{"unplanned-host 192.168.3.77"}, plan.Differs},
		"undocumented":       {func(s *plan.Seen) { s.Talks = append(s.Talks, talk("192.168.3.20", "192.168.3.10", "https", 443)) }, []string{"undocumented-service PLC-301", "unplanned-conduit HMI-301 → PLC-301"}, plan.Differs},
		"nobody answered": {func(s *plan.Seen) {
			x := talk("192.168.3.20", "192.168.3.10", "https", 443)
			x.Answered = false
			s.Talks = append(s.Talks, x)
		}, []string{"unplanned-conduit HMI-301 → PLC-301"}, plan.Differs},
		"more than allowed": {func(s *plan.Seen) { s.Talks[0].Classes = append(s.Talks[0].Classes, "control") }, []string{"unplanned-action HMI-301 → PLC-301"}, plan.Differs},
		"clear text":        {func(s *plan.Seen) { s.Talks = append(s.Talks, talk("192.168.3.90", "192.168.3.20", "telnet", 23)) }, []string{"undocumented-service HMI-301", "unplanned-conduit Engineering → HMI-301", "clear-text Engineering → HMI-301"}, plan.Differs},
		"accepted": {func(s *plan.Seen) {
			x := talk("192.168.3.90", "192.168.3.10", "snmp", 161)
			x.ClearText = true
			s.Talks = append(s.Talks, x)
		}, []string{"unplanned-conduit Engineering → PLC-301"}, plan.Differs},
		"an alert": {func(s *plan.Seen) {
			s.Alerts = append(s.Alerts, plan.Alert{Rule: "x", Title: "A stop", Client: host("192.168.3.20"), Server: host("192.168.3.10"), Count: 1})
		}, []string{"alert HMI-301 → PLC-301"}, plan.Differs},
		"an alert that is planned": {func(s *plan.Seen) {
			s.Alerts = append(s.Alerts, plan.Alert{Rule: "x", Title: "A write", Class: "write", Client: host("192.168.3.20"), Server: host("192.168.3.10"), Count: 1})
		}, nil, plan.Differs},
		"an idle conduit": {func(s *plan.Seen) { s.Talks = slices.Delete(s.Talks, 3, 4) }, []string{"unused 192.168.3.0/24 → 10.20.0.5"}, plan.Unknown},
	} {
		s := asPlanned()
		c.change(s)
		r := plan.Compare(example(t), s)
		if got := findings(r, c.as); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if c.as == plan.Unknown && (len(findings(r, plan.Differs)) > 0 || r.Word() != "unknown") {
			t.Errorf("%s: what could not be judged differs: %v", name, findings(r, plan.Differs))
		}
	}
	if r := plan.Compare(example(t), &plan.Seen{}); r.Word() == "agrees" {
		t.Error("an empty capture agrees with a plan")
	}
}

// What was heard becomes a plan that can be read again, and then agrees with itself.
func TestBaselineAgrees(t *testing.T) {
	s := asPlanned()
	s.Devices = append(s.Devices, device("192.168.3.77", "02:00:00:00:00:77", map[string]string{"name": "HMI-301"}))
	s.Talks = append(s.Talks, talk("192.168.3.77", "192.168.3.10", "", 4711), talk("192.168.3.20", "192.168.3.10", "https", 443, "read"))
	s.Talks[0].Classes = append(s.Talks[0].Classes, "control")
	first := plan.Compare(example(t), s)
	if first.Word() != "differs" {
		t.Fatal("the changes are not found")
	}
	raw, err := first.Baseline().YAML("heard in a test\n")
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Parse("baseline.yaml", raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	if got := findings(plan.Compare(again, s), plan.Differs); len(got) > 0 {
		t.Errorf("the baseline differs from what it was made of: %v\n%s", got, raw)
	}
	s.Talks = append(s.Talks, talk("192.168.3.77", "192.168.3.10", "", 4712))
	if plan.Compare(again, s).Word() != "differs" {
		t.Error("the baseline allows what nobody had heard")
	}
}

func TestParseMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"empty":              {"", "is empty"},
		"no mapping":         {"- a", "p.yaml:1: a project is a list of names"},
		"an unknown field":   {"project: x\ndevices:\n  - name: A\n    place: 1.2.3.4", `p.yaml:4: a device has no field "place"; it may have: addresses`},
		"no address":         {"project: x\ndevices:\n  - name: A\n    addresses: [1.2.3]", `p.yaml:4: "1.2.3" is no IP address`},
		"twice":              {"project: x\ndevices:\n- {name: A, addresses: [1.2.3.4]}\n- {name: a, addresses: [1.2.3.4]}", "p.yaml:4: the name a is already that of the device in line 3"},
		"nothing to find by": {"project: x\ndevices:\n- name: A", "p.yaml:3: A has neither addresses"},
		"an unknown end":     {"project: x\nconduits:\n- {from: A, to: any, protocols: [ntp]}", `p.yaml:3: from: "A" is no device`},
		"no protocols":       {"project: x\nconduits:\n- {from: any, to: any}", "p.yaml:3: a conduit without protocols"},
		"a class":            {"project: x\nconduits:\n- {from: any, to: any, protocols: [ntp], classes: [reed]}", `p.yaml:3: "reed" is none of the classes`},
		"a service":          {"project: x\nignore: [70000/tcp]", `p.yaml:2: "70000/tcp" is no service`},
		"an alias":           {"project: x\ndevices: &d\n- {name: A, serial: s}\nconduits: *d", "p.yaml:4: aliases are not read"},
		"two documents":      {"project: x\n---\nproject: y", "more than one YAML document"},
		"no YAML":            {"project: [", "p.yaml: line 1"},
		"no name":            {"revision: x", "the field project is missing"},
		"a field twice":      {"project: x\nproject: y", `p.yaml:2: a project has "project" twice`},
	} {
		_, err := plan.Parse("p.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) || ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// Names from the wire are hostile: the printed report shows them as text.
func TestReportEscapes(t *testing.T) {
	s := asPlanned()
	s.Devices = append(s.Devices, device("192.168.3.66", "", map[string]string{"name": "<script>alert(1)</script>"}))
	r := plan.Compare(example(t), s)
	var page, text, js strings.Builder
	if err := r.WriteHTML(&page, "Skanse", time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script>") || !strings.Contains(page.String(), "&lt;script&gt;") || strings.Contains(page.String(), "http") {
		t.Error("the page runs what a device is called, or loads something from elsewhere")
	}
	if err := r.WriteText(&text, false); err != nil || !strings.Contains(text.String(), "Hosts that nobody planned (1)") {
		t.Errorf("%v\n%s", err, text.String())
	}
	if err := r.WriteJSON(&js); err != nil || !strings.Contains(js.String(), `"verdict": "differs"`) {
		t.Errorf("%v\n%s", err, js.String())
	}
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := plan.Parse("p.yaml", raw)
		if err != nil {
			if ot.CodeOf(err) != ot.Invalid {
				t.Fatalf("%v is not told as the user's mistake", err)
			}
			return
		}
		out, err := p.YAML("x\n")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Parse("again", out); err != nil {
			t.Fatalf("what was read is written as something else: %v\n%s", err, out)
		}
	})
}
