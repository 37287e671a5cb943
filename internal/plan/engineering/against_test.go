package engineering_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
)

func heard(ip string, fields ...string) plan.SeenDevice {
	d := plan.SeenDevice{Addresses: []netip.Addr{netip.MustParseAddr(ip)}, Heard: true, Packet: 1, Fields: map[string]plan.Said{}}
	for i := 0; i+1 < len(fields); i += 2 {
		d.Fields[fields[i]] = plan.Said{Value: fields[i+1], Protocol: "enip", Packet: 3}
	}
	return d
}

func host(ip string) ot.Host { return ot.Host{IP: netip.MustParseAddr(ip)} }

func differs(r *plan.Result) (out []string) {
	for _, f := range r.Findings {
		if f.Verdict == plan.Differs {
			out = append(out, f.Kind+" "+f.Subject)
		}
	}
	return out
}

// A project of Logix against a line that is as planned, and with each thing that may be other.
func TestAgainstL5X(t *testing.T) {
	asPlanned := func() *plan.Seen {
		return &plan.Seen{
			Packets: 9,
			Devices: []plan.SeenDevice{
				heard("10.20.3.10", "order_code", "1756-L83ES", "firmware", "33.011"), heard("10.20.3.11", "order_code", "1756-EN2T", "firmware", "10.10"),
				heard("10.20.3.21"), heard("10.20.3.31", "firmware", "7.1"),
				{Heard: true, Fields: map[string]plan.Said{"name": {Value: "festo valves"}}, Addresses: []netip.Addr{netip.MustParseAddr("10.20.3.77")}},
				heard("10.20.3.200"), // an HMI, of which a controller's project knows nothing
			},
			Talks: []plan.Talk{{Client: host("10.20.3.200"), Server: host("10.20.3.10"), Transport: "tcp", Port: 44818, Protocol: "enip", Answered: true, Packet: 5}},
		}
	}
	for name, c := range map[string]struct {
		change func(*plan.Seen)
		want   []string
	}{
		"as planned":           {func(*plan.Seen) {}, nil},
		"a later bridge":       {func(s *plan.Seen) { s.Devices[1].Fields["firmware"] = plan.Said{Value: "11.2"} }, nil},
		"an older bridge":      {func(s *plan.Seen) { s.Devices[1].Fields["firmware"] = plan.Said{Value: "5.28"} }, []string{"firmware EN2T"}},
		"another controller":   {func(s *plan.Seen) { s.Devices[0].Fields["firmware"] = plan.Said{Value: "34.11"} }, []string{"firmware Filler3"}},
		"another catalogue no": {func(s *plan.Seen) { s.Devices[3].Fields["order_code"] = plan.Said{Value: "25B-D010N104"} }, []string{"identity Drive_1"}},
		"a part of its rack":   {func(s *plan.Seen) { s.Devices[1].Fields["order_code"] = plan.Said{Value: "1756-L83ES"} }, nil},
		"away":                 {func(s *plan.Seen) { s.Devices[2].Heard = false }, []string{"missing-device Gate_Safety"}},
	} {
		s := asPlanned()
		c.change(s)
		r := plan.Compare(read(t, "filler.L5X"), s)
		if got := differs(r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	r := plan.Compare(read(t, "filler.L5X"), asPlanned())
	if !slices.ContainsFunc(r.Findings, func(f plan.Finding) bool {
		return f.Kind == plan.KindUnplanned && f.Verdict == plan.Unknown && strings.Contains(f.What, "lists only what its tool configures")
	}) || r.Matched != 5 {
		t.Errorf("%d matched, %+v", r.Matched, r.Findings)
	}
	if l := read(t, "filler.L5X").Limits(); len(l) != 1 || !strings.Contains(l[0], "only devices were compared") {
		t.Errorf("%v", l)
	}
}

// An SCD plans who publishes which group; what is published besides is no plan's.
func TestAgainstSCD(t *testing.T) {
	mac := func(s string) (m ot.MAC) {
		if err := m.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	prot, mu := mac("00:0c:cd:00:00:11"), mac("00:0c:cd:00:00:21")
	s := &plan.Seen{Packets: 9}
	for i, d := range []plan.SeenDevice{heard("10.61.0.11", "firmware", "H1"), heard("10.61.0.12"), heard("10.62.0.21"), heard("10.61.0.2")} {
		switch i {
		case 0:
			d.MACs = []ot.MAC{prot}
		case 2:
			d.MACs = []ot.MAC{mu}
		}
		s.Devices = append(s.Devices, d)
	}
	publish := func(from ot.MAC, protocol, group string) plan.Talk {
		return plan.Talk{Client: ot.Host{MAC: from}, Server: ot.Host{MAC: mac(group)}, Transport: "eth", Protocol: protocol, Packet: 2}
	}
	s.Talks = []plan.Talk{
		publish(prot, "goose", "01:0c:cd:01:00:10"), publish(mu, "sv", "01:0c:cd:04:00:20"),
		{Client: host("10.61.0.2"), Server: host("10.61.0.11"), Transport: "tcp", Port: 102, Protocol: "mms", Answered: true, Packet: 3},
	}
	p := read(t, "bay.scd")
	if r := plan.Compare(p, s); len(differs(r)) > 0 || slices.ContainsFunc(r.Findings, func(f plan.Finding) bool { return f.Kind == plan.KindUnused && f.Verdict == plan.Unknown }) {
		t.Errorf("as planned: %+v", r.Findings)
	}
	s.Talks[0] = publish(mu, "goose", "01:0c:cd:01:00:10") // somebody else publishes the trip
	got := plan.Compare(p, s)
	if d := differs(got); !slices.Equal(d, []string{"unplanned-conduit MU1 → 01:0c:cd:01:00:10"}) {
		t.Errorf("%v", d)
	}
	if !slices.ContainsFunc(got.Findings, func(f plan.Finding) bool {
		return f.Kind == plan.KindUnused && strings.Contains(f.Subject, "PROT1")
	}) {
		t.Error("that PROT1 does not publish is not told")
	}
}
