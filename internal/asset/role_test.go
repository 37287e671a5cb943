package asset

import (
	"fmt"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func TestRoleAndLevel(t *testing.T) {
	self := host("00:1b:1b:00:00:0a", "192.168.0.10")
	peer := func(i int) ot.Host {
		return host(fmt.Sprintf("00:1b:1b:00:01:%02x", i), fmt.Sprintf("192.168.0.%d", 100+i))
	}
	cases := []struct {
		name  string
		facts [][2]string
		deeds func(*talk)
		role  string
		level string
		why   string // part of the reason
	}{
		{"nothing", nil, nil, "unknown", "", "nothing heard says which kind"},
		{"S7 CPU", [][2]string{{"s7comm.order_code", "6ES7 315-2EH14-0AB0"}}, nil, "plc", "1", "6ES7 315-2EH14-0AB0 is a CPU"},
		{"S7 fail-safe CPU", [][2]string{{"s7comm.order_code", "6ES7 315-2FJ14-0AB0"}}, nil, "safety", "1", "fail-safe"},
		{"ET 200S with a CPU", [][2]string{{"s7comm.order_code", "6ES7 151-8AB01-0AB0"}}, nil, "plc", "1", "CPU of its own"},
		{"ET 200S without", [][2]string{{"s7comm.order_code", "6ES7 151-3BA23-0AB0"}}, nil, "io", "1", "distributed I/O"},
		{"ControlLogix", [][2]string{{"cip.product_name", "1756-L61/B LOGIX5561"}}, nil, "plc", "1", "1756-L61"},
		{"PanelView", [][2]string{{"cip.product_name", "PanelView Plus 7"}}, nil, "hmi", "2", "operator panel"},
		{"PowerFlex", [][2]string{{"cip.product_name", "PowerFlex 525"}}, nil, "drive", "1", "drive"},
		{"panel by order code", [][2]string{{"lldp.order_code", "6AV2124-0MC01-0AX0"}}, nil, "hmi", "2", "6AV2124"},
		{"switch by LLDP", [][2]string{{"lldp.capabilities", "bridge"}}, nil, "switch", "2", "LLDP capability bridge"},
		{"switch by description", [][2]string{{"lldp.system_desc", "Hirschmann MAR - SW: L2P-09.0.00"}, {"lldp.vendor", "Hirschmann"}, {"lldp.capabilities", "bridge"}}, nil, "switch", "2", ""},
		{"Modbus server", nil, func(s *talk) {
			for i := range 3 {
				s.asks(peer(i), self, "modbus", 502, ot.Read)
			}
		}, "plc", "1", "answers Modbus on 502 to 3 hosts and asks nobody"},
		{"IEC 104 outstation", nil, func(s *talk) { s.asks(peer(1), self, "iec104", 2404) }, "rtu", "1", "answers IEC 104 on 2404 to 1 host"},
		{"programs", nil, func(s *talk) {
			s.asks(self, peer(1), "s7comm", 102, ot.ProgramDownload).asks(self, peer(2), "s7comm", 102, ot.Read, ot.ProgramDownload)
		}, "engineering", "2", "programs 2 controllers"},
		{"reads programs", nil, func(s *talk) { s.asks(self, peer(1), "s7comm", 102, ot.ProgramUpload) }, "engineering", "2", "reads programs out of 1 controller"},
		{"many PLCs", nil, func(s *talk) {
			for i := range 4 {
				s.asks(self, peer(i), "modbus", 502, ot.Read, ot.Write)
			}
		}, "scada", "2", "asks 4 hosts by Modbus"},
		{"one PLC", nil, func(s *talk) { s.asks(self, peer(1), "enip", 44818, ot.Read, ot.Write) }, "hmi", "2", "reads and writes 1 host"},
		{"historian", nil, func(s *talk) {
			for i := range 6 {
				s.asks(self, peer(i), "modbus", 502, ot.Read)
			}
			s.asks(peer(9), self, "", 1433)
		}, "historian", "3", "only reads"},
		{"two protocols", nil, func(s *talk) {
			s.asks(peer(1), self, "modbus", 502, ot.Read).asks(self, peer(2), "dnp3", 20000, ot.Read)
		}, "gateway", "1", "translates"},
		{"office", [][2]string{{"smb.native_os", "Windows 10 Pro"}}, nil, "workstation", "4", "Windows"},
		{"a computer that answers like a controller", [][2]string{{"smb.native_os", "Windows 5.1"}}, func(s *talk) { s.asks(peer(1), self, "modbus", 502, ot.Read) }, "server", "3", "is a computer"},
		{"an industrial device that only browses", nil, func(s *talk) { s.asks(self, peer(1), "http", 80) }, "unknown", "", "maker of industrial devices"},
		{"office that asks a PLC", [][2]string{{"smb.native_os", "Windows 10 Pro"}}, func(s *talk) { s.asks(self, peer(1), "modbus", 502, ot.Read) }, "hmi", "2", "asks 1 host"},
		{"printer", nil, func(s *talk) { s.asks(peer(1), self, "", 9100) }, "printer", "4", "printing"},
		{"remote access box", [][2]string{{"http.server", "x"}, {"lldp.model", "eWON Cosy 131"}}, nil, "remote-gateway", "3.5", "remote access"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := (&talk{}).heard(self, 1, 9, 64, true)
			for _, f := range c.facts {
				s.says(self, ot.Attr(f[0]), f[1])
			}
			if c.deeds != nil {
				c.deeds(s)
			}
			d := catalogue(t).Identify(&s.sum)[0]
			if d.Role != c.role || d.Level != c.level || !strings.Contains(d.RoleReason, c.why) {
				t.Errorf("role %s level %q because %q; want %s %q because …%s…", d.Role, d.Level, d.RoleReason, c.role, c.level, c.why)
			}
		})
	}
}

func TestRouterAndInternet(t *testing.T) {
	r, far, net := host("00:1b:1b:00:00:01", "192.168.0.1"), host("00:1b:1b:00:00:01", "10.1.1.5"), host("00:1b:1b:00:00:01", "203.0.113.9")
	plc := host("00:1b:1b:00:00:0a", "192.168.0.10")
	s := (&talk{}).heard(r, 1, 9, 64, true).heard(far, 1, 9, 127, false).heard(net, 1, 9, 52, false).heard(plc, 1, 9, 64, true)
	s.asks(plc, net, "tls", 443)
	for _, d := range catalogue(t).Identify(&s.sum) {
		switch ip := d.IPs()[0].String(); ip {
		case "192.168.0.1":
			if d.Role != "router" || !strings.Contains(d.RoleReason, "2 other addresses") {
				t.Errorf("%s: %s, %s", ip, d.Role, d.RoleReason)
			}
		case "203.0.113.9":
			if !d.Outside || d.Level != "5" {
				t.Errorf("%s: outside %v level %s", ip, d.Outside, d.Level)
			}
		default:
			if d.Outside {
				t.Errorf("%s is said to be outside", ip)
			}
		}
	}
}
