package asset

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// talk builds a summary by hand.
type talk struct {
	sum    sensor.Summary
	packet uint64
}

const second = int64(1e9)

func mac(s string) (m ot.MAC) {
	if err := m.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return m
}

func host(m, ip string) ot.Host {
	h := ot.Host{}
	if m != "" {
		h.MAC = mac(m)
	}
	if ip != "" {
		h.IP = netip.MustParseAddr(ip)
	}
	return h
}

func in(realm string, h ot.Host) ot.Host { h.Realm = realm; return h }

func (t *talk) heard(h ot.Host, from, to int64, ttl uint8, arp bool) *talk {
	t.packet++
	t.sum.Hosts = append(t.sum.Hosts, sensor.HostDelta{Host: h, First: from * second, Last: to * second, FirstPacket: t.packet, Packets: 10, Bytes: 1000, ARP: arp, TTLMin: ttl, TTLMax: ttl})
	return t
}

func (t *talk) says(h ot.Host, attr ot.Attr, value string) *talk { return t.saysAt(h, attr, value, 5) }

func (t *talk) saysAt(h ot.Host, attr ot.Attr, value string, at int64) *talk {
	t.packet++
	by := h
	by.Module = ""
	p, _, _ := strings.Cut(string(attr), ".")
	t.sum.Facts = append(t.sum.Facts, sensor.Fact{
		About: h, By: by, Attr: attr, Value: value, Protocol: p,
		Ref: ot.PacketRef{Source: "test", Number: t.packet, Seen: at * second}, Proof: []byte(value),
	})
	return t
}

func (t *talk) asks(client, server ot.Host, protocol string, port uint16, classes ...ot.Class) *talk {
	t.sum.Flows = append(t.sum.Flows, sensor.FlowDelta{
		Client: client, Server: server, ClientBy: sensor.BySYN, Transport: "tcp", Port: port, Protocol: protocol,
		First: second, Last: 60 * second, Sessions: 1, Established: true, ClientPackets: 5, ServerPackets: 5, ClientBytes: 400, ServerBytes: 500,
	})
	for _, c := range classes {
		t.sum.Tuples = append(t.sum.Tuples, sensor.TupleDelta{
			Flow:     sensor.FlowKey{Client: client, Server: server, Transport: "tcp", Port: port, Protocol: protocol},
			Protocol: protocol, Kind: "function", Dir: "request", Class: c.String(), Count: 3,
		})
	}
	return t
}

func catalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := LoadCatalogue(func(mac [6]byte) string {
		return map[[3]byte]string{{0x00, 0x1b, 0x1b}: "Siemens AG", {0x00, 0x00, 0xbc}: "Rockwell Automation"}[[3]byte(mac[:3])]
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sketch writes devices in one line each, so that a case is readable.
func sketch(devices []Device) []string {
	var out []string
	for _, d := range devices {
		var parts []string
		for _, m := range d.MACs() {
			parts = append(parts, m.String()[9:])
		}
		for _, ip := range d.IPs() {
			parts = append(parts, ip.String())
		}
		out = append(out, strings.Join(parts, " "))
	}
	slices.Sort(out)
	return out
}

func TestWhoIsOneDevice(t *testing.T) {
	const a, b, r, x = "00:1b:1b:00:00:0a", "00:1b:1b:00:00:0b", "00:1b:1b:00:00:01", "00:00:bc:00:00:0c"
	cases := []struct {
		name string
		talk func(*talk)
		want []string
	}{
		{"one host", func(s *talk) { s.heard(host(a, "192.168.0.10"), 1, 9, 64, true) }, []string{"00:00:0a 192.168.0.10"}},
		{"several addresses of one card", func(s *talk) {
			s.heard(host(a, "192.168.0.10"), 1, 9, 64, true).heard(host(a, "192.168.0.11"), 1, 9, 64, false).heard(host(a, "fe80::1"), 1, 9, 255, false)
		}, []string{"00:00:0a 192.168.0.10 192.168.0.11 fe80::1"}},
		{"layer 2 only", func(s *talk) { s.heard(host(a, ""), 1, 9, 0, false) }, []string{"00:00:0a"}},
		{"a link layer host that later gets an address", func(s *talk) {
			s.heard(host(a, "0.0.0.0"), 1, 2, 64, false).heard(host(a, "192.168.0.10"), 3, 9, 64, true)
		}, []string{"00:00:0a 192.168.0.10"}},
		{"hosts behind a router are not the router", func(s *talk) {
			s.heard(host(r, "192.168.0.1"), 1, 9, 64, true).heard(host(r, "10.1.1.5"), 1, 9, 127, false).heard(host(r, "10.1.1.6"), 1, 9, 63, false)
		}, []string{"00:00:01 192.168.0.1", "10.1.1.5", "10.1.1.6"}},
		{"a router of which only strangers are heard", func(s *talk) {
			s.heard(host(r, "10.1.1.5"), 1, 9, 125, false).heard(host(r, "10.1.2.6"), 1, 9, 61, false)
		}, []string{"10.1.1.5", "10.1.2.6"}},
		{"a crowd behind one MAC", func(s *talk) {
			s.heard(host(r, "192.168.0.1"), 1, 9, 64, true)
			for i := range 12 {
				s.heard(host(r, fmt.Sprintf("10.2.%d.1", i)), 1, 9, 64, false)
			}
		}, []string{"00:00:01 192.168.0.1", "10.2.0.1", "10.2.1.1", "10.2.10.1", "10.2.11.1", "10.2.2.1", "10.2.3.1", "10.2.4.1", "10.2.5.1", "10.2.6.1", "10.2.7.1", "10.2.8.1", "10.2.9.1"}},
		{"seen on both sides of the router", func(s *talk) {
			s.heard(host(a, "10.1.1.5"), 1, 9, 64, true).heard(host(r, "10.1.1.5"), 1, 9, 63, false).heard(host(r, "192.168.0.1"), 1, 9, 64, true)
		}, []string{"00:00:01 192.168.0.1", "00:00:0a 10.1.1.5"}},
		{"stated by ARP elsewhere, through a router that leaves the time to live", func(s *talk) {
			s.heard(host(a, "10.1.1.5"), 1, 9, 64, true).heard(host(r, "10.1.1.5"), 1, 9, 64, false).heard(host(r, "192.168.0.1"), 1, 9, 64, true)
		}, []string{"00:00:01 192.168.0.1", "00:00:0a 10.1.1.5"}},
		{"a stack with an odd time to live in the neighbours' network", func(s *talk) {
			s.heard(host(a, "192.168.0.10"), 1, 9, 64, true).heard(host(b, "192.168.0.11"), 1, 9, 59, false)
		}, []string{"00:00:0a 192.168.0.10", "00:00:0b 192.168.0.11"}},
		{"two network cards, one CPU serial", func(s *talk) {
			s.heard(host(a, "192.168.0.10"), 1, 9, 64, true).heard(host(b, "172.16.0.10"), 1, 9, 64, true)
			s.says(host(a, "192.168.0.10"), "s7comm.serial", "S C-B1U393142011").says(host(b, "172.16.0.10"), "s7comm.serial", "S C-B1U393142011")
		}, []string{"00:00:0a 00:00:0b 172.16.0.10 192.168.0.10"}},
		{"two communication cards in one rack", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(x, "192.168.0.11")
			s.heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true)
			s.says(m, "cip.vendor_id", "1").says(m, "cip.serial", "0x00524d8e").says(n, "cip.vendor_id", "1").says(n, "cip.serial", "0x0051aec3")
			m.Module, n.Module = "slot 0", "slot 0"
			s.says(m, "cip.vendor_id", "1").says(m, "cip.serial", "0x0000ad77").says(n, "cip.vendor_id", "1").says(n, "cip.serial", "44407")
		}, []string{"00:00:0c 00:00:0a 192.168.0.10 192.168.0.11"}},
		{"one serial number, two vendors", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(x, "192.168.0.11")
			s.heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true)
			s.says(m, "cip.vendor_id", "1").says(m, "cip.serial", "0x00524d8e").says(n, "cip.vendor_id", "309").says(n, "cip.serial", "0x00524d8e")
		}, []string{"00:00:0a 192.168.0.10", "00:00:0c 192.168.0.11"}},
		{"a serial that is none", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(b, "192.168.0.11")
			s.heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true).says(m, "cip.serial", "0x00000000").says(n, "cip.serial", "0x00000000")
		}, []string{"00:00:0a 192.168.0.10", "00:00:0b 192.168.0.11"}},
		{"a CPU behind another network is another device", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(b, "192.168.0.11")
			s.heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true).says(n, "s7comm.serial", "S C-B1U393142011")
			m.Module = "slot 2/10.0.0.5/slot 0"
			s.says(m, "s7comm.serial", "S C-B1U393142011")
		}, []string{"00:00:0a 192.168.0.10", "00:00:0b 192.168.0.11"}},
		{"a switch that sends LLDP from its ports", func(s *talk) {
			s.heard(host(a, ""), 1, 9, 0, false).heard(host(b, ""), 1, 9, 0, false).heard(host(r, "192.168.0.2"), 1, 9, 64, true)
			s.says(host(a, ""), "lldp.chassis_mac", r).says(host(b, ""), "lldp.mgmt_ip", "192.168.0.2")
		}, []string{"00:00:01 00:00:0a 00:00:0b 192.168.0.2"}},
		{"a computer with two cards, by name", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(b, "172.16.0.10")
			s.heard(m, 1, 9, 128, true).heard(n, 1, 9, 128, true).says(m, "netbios.name", "WIN2K3LAB022").says(n, "lldp.system_name", "win2k3lab022")
		}, []string{"00:00:0a 00:00:0b 172.16.0.10 192.168.0.10"}},
		{"one name, two serial numbers", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(b, "192.168.0.11")
			s.heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true).says(m, "snmp.sysname", "pump-station").says(n, "snmp.sysname", "pump-station")
			s.says(m, "s7comm.serial", "S C-B1U393142011").says(n, "s7comm.serial", "S C-C6TW74882012")
		}, []string{"00:00:0a 192.168.0.10", "00:00:0b 192.168.0.11"}},
		{"a name from the factory", func(s *talk) {
			m, n := host(a, "192.168.0.10"), host(b, "192.168.0.11")
			s.heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true).says(m, "snmp.sysname", "PLC_1").says(n, "snmp.sysname", "PLC_1")
		}, []string{"00:00:0a 192.168.0.10", "00:00:0b 192.168.0.11"}},
		{"shared and group addresses are nobody", func(s *talk) {
			s.heard(host("00:00:5e:00:01:07", "192.168.0.1"), 1, 9, 255, true).heard(host("01:00:5e:00:00:12", ""), 1, 9, 0, false)
			s.heard(host("00:00:0c:07:ac:01", ""), 1, 9, 0, false).heard(host(a, "192.168.0.10"), 1, 9, 64, true)
		}, []string{"00:00:0a 192.168.0.10"}},
		{"behind a shared router address", func(s *talk) {
			s.heard(host("00:00:5e:00:01:07", "10.9.0.4"), 1, 9, 62, false)
		}, []string{"10.9.0.4"}},
		{"a device of which only another speaks", func(s *talk) {
			s.heard(host(a, "192.168.0.10"), 1, 9, 64, true).says(host("", "192.168.0.77"), "dns.name", "old-hmi")
		}, []string{"00:00:0a 192.168.0.10", "192.168.0.77"}},
		{"the same hardware address in two realms", func(s *talk) {
			s.heard(in("cell 1", host(a, "192.168.0.10")), 1, 9, 64, true).heard(in("cell 2", host(a, "192.168.0.10")), 1, 9, 64, true)
		}, []string{"00:00:0a 192.168.0.10"}},
		{"addresses by software are unique in a realm only", func(s *talk) {
			s.heard(in("cell 1", host("02:42:ac:11:00:02", "172.17.0.2")), 1, 9, 64, true).heard(in("cell 2", host("02:42:ac:11:00:02", "172.17.0.2")), 1, 9, 64, true)
		}, []string{"11:00:02 172.17.0.2", "11:00:02 172.17.0.2"}},
		{"no link layer", func(s *talk) {
			s.heard(host("", "10.0.0.1"), 1, 9, 64, false).heard(host("", "10.0.0.2"), 1, 9, 63, false)
		}, []string{"10.0.0.1", "10.0.0.2"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &talk{}
			c.talk(s)
			got := sketch(catalogue(t).Identify(&s.sum))
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			slices.Reverse(s.sum.Hosts)
			slices.Reverse(s.sum.Facts)
			if got := sketch(catalogue(t).Identify(&s.sum)); !slices.Equal(got, c.want) {
				t.Errorf("in the other order: got %q", got)
			}
		})
	}
}

func TestTenIdenticalCellsStayTen(t *testing.T) {
	s := &talk{}
	for cell := range 10 {
		realm := fmt.Sprintf("cell %d", cell)
		plc := in(realm, host(fmt.Sprintf("00:1b:1b:00:%02x:01", cell), "192.168.0.1"))
		hmi := in(realm, host(fmt.Sprintf("00:1b:1b:00:%02x:02", cell), "192.168.0.2"))
		s.heard(plc, 1, 99, 64, true).heard(hmi, 1, 99, 128, true)
		s.says(plc, "s7comm.plc_name", "Packer").says(plc, "s7comm.order_code", "6ES7 315-2EH14-0AB0").says(hmi, "netbios.name", "PACKER-HMI")
		s.asks(hmi, plc, "s7comm", 102, ot.Read, ot.Write)
		for i := range s.sum.Flows {
			s.sum.Flows[i].Realm = s.sum.Flows[i].Client.Realm
		}
	}
	devices := catalogue(t).Identify(&s.sum)
	roles := map[string]int{}
	for _, d := range devices {
		roles[d.Role]++
		if len(d.Clashes) > 0 {
			t.Errorf("%s: clash %v between realms", d.Sightings[0].Realm, d.Clashes)
		}
	}
	if len(devices) != 20 || roles["plc"] != 10 || roles["hmi"] != 10 {
		t.Errorf("%d devices, roles %v", len(devices), roles)
	}
}

func TestAddressesOverTime(t *testing.T) {
	const a, b = "00:1b:1b:00:00:0a", "00:1b:1b:00:00:0b"
	find := func(t *testing.T, devices []Device, m, ip string) Binding {
		t.Helper()
		for _, d := range devices {
			if slices.Contains(d.MACs(), mac(m)) {
				for _, x := range d.Bindings {
					if x.Kind == "ip" && x.Address == ip {
						return x
					}
				}
			}
		}
		t.Fatalf("%s has no binding of %s", m, ip)
		return Binding{}
	}
	t.Run("a device moves", func(t *testing.T) {
		s := (&talk{}).heard(host(a, "192.168.0.10"), 1, 100, 64, true).heard(host(a, "192.168.0.20"), 200, 300, 64, true)
		d := catalogue(t).Identify(&s.sum)
		if len(d) != 1 {
			t.Fatalf("%d devices", len(d))
		}
		if x := find(t, d, a, "192.168.0.10"); x.To != 200*second {
			t.Errorf("old address ends at %d", x.To/second)
		}
		if x := find(t, d, a, "192.168.0.20"); x.From != 200*second || x.To != 0 {
			t.Errorf("new address %+v", x)
		}
	})
	t.Run("DHCP gives an address to the next", func(t *testing.T) {
		s := (&talk{}).heard(host(a, "192.168.0.10"), 1, 100, 64, true).heard(host(b, "192.168.0.10"), 200, 300, 64, true)
		d := catalogue(t).Identify(&s.sum)
		if len(d) != 2 || len(d[0].Clashes)+len(d[1].Clashes) != 0 {
			t.Fatalf("%d devices, clashes %v %v", len(d), d[0].Clashes, d[1].Clashes)
		}
		if x := find(t, d, a, "192.168.0.10"); x.To != 200*second {
			t.Errorf("first holder until %d", x.To/second)
		}
		if x := find(t, d, b, "192.168.0.10"); x.To != 0 {
			t.Errorf("second holder until %d", x.To/second)
		}
	})
	t.Run("two use one address at once", func(t *testing.T) {
		s := (&talk{}).heard(host(a, "192.168.0.10"), 1, 300, 64, true).heard(host(b, "192.168.0.10"), 200, 250, 64, true)
		d := catalogue(t).Identify(&s.sum)
		if len(d) != 2 || len(d[0].Clashes) != 1 || len(d[1].Clashes) != 1 {
			t.Fatalf("%d devices, clashes %v", len(d), d[0].Clashes)
		}
	})
}

func TestPeopleKeepApartAndTogether(t *testing.T) {
	s := (&talk{}).heard(host("00:1b:1b:00:00:0a", "192.168.0.10"), 1, 9, 64, true).heard(host("00:1b:1b:00:00:0b", "172.16.0.10"), 1, 9, 64, true)
	ev := Collect(&s.sum)
	ev.Sightings[0].Pin, ev.Sightings[1].Pin = "A", "A"
	if d := catalogue(t).Devices(&ev); len(d) != 1 {
		t.Errorf("pinned together, yet %d devices", len(d))
	}
	s.says(host("00:1b:1b:00:00:0a", "192.168.0.10"), "s7comm.serial", "S C-1234").says(host("00:1b:1b:00:00:0b", "172.16.0.10"), "s7comm.serial", "S C-1234")
	ev = Collect(&s.sum)
	ev.Sightings[0].Pin, ev.Sightings[1].Pin = "A", "B"
	if d := catalogue(t).Devices(&ev); len(d) != 2 {
		t.Errorf("pinned apart, yet %d devices", len(d))
	}
}

// A flood of forged addresses costs time in proportion, not in its square.
func TestForgedAddresses(t *testing.T) {
	const n = 15_000
	one, many := &talk{}, &talk{}
	for i := range n {
		m := fmt.Sprintf("00:50:56:%02x:%02x:%02x", i>>16, i>>8&255, i&255)
		one.heard(host(m, "192.168.0.10"), 1, 99, 64, true) // everybody claims one address
		many.heard(host(macR, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), 1, 99, 64, true)
	}
	for name, s := range map[string]*talk{"one address": one, "one card": many} {
		start := time.Now()
		got := catalogue(t).Identify(&s.sum)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %d devices in %s", name, len(got), took)
		}
		for _, d := range got {
			if len(d.Clashes) > maxHolders {
				t.Fatalf("%s: %d clashes listed", name, len(d.Clashes))
			}
		}
	}
}

// A client whose address is no machine's, forged or from a broken stack, still asks.
func TestServerOfAForgedClient(t *testing.T) {
	client := ot.Host{MAC: ot.MAC{1, 2, 3, 4, 5, 6}, IP: netip.MustParseAddr("10.0.0.1")}
	server := ot.Host{MAC: ot.MAC{2, 0, 0, 0, 0, 2}, IP: netip.MustParseAddr("10.0.0.2")}
	flow := sensor.FlowDelta{Client: client, Server: server, Transport: "tcp", Port: 20000, Protocol: "dnp3", ClientPackets: 1, ServerPackets: 1}
	does := doings(&sensor.Summary{Flows: []sensor.FlowDelta{flow}})
	if len(does) != 1 || does[server] == nil || does[server].Serves["dnp3"] == nil || !slices.Equal(does[server].Serves["dnp3"].Peers, []string{"10.0.0.1"}) {
		t.Errorf("%v: want one server of DNP3, asked by 10.0.0.1", does)
	}
}
