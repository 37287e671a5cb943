package asset

import (
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func TestFields(t *testing.T) {
	h := host("00:1b:1b:00:00:0a", "192.168.0.10")
	cases := []struct {
		name  string
		facts [][2]string
		want  string // vendor | model | order code | firmware | serial | name
	}{
		{"the card's maker, where nothing is said", nil, "Siemens|||||"},
		{
			"S7",
			[][2]string{{"s7comm.order_code", "6ES7 315-2EH14-0AB0"}, {"s7comm.cpu_type", "CPU 315-2 PN/DP"}, {"s7comm.firmware", "3.2.6"}, {"s7comm.serial", "S C-B1U393142011"}, {"s7comm.plc_name", "S7300/ET200M station_1"}, {"s7comm.module_name", "PLC_1"}},
			"Siemens|CPU 315-2 PN/DP|6ES7 315-2EH14-0AB0|3.2.6|S C-B1U393142011|S7300/ET200M station_1",
		},
		{"the boot loader is no order code", [][2]string{{"s7comm.order_code", "Boot Loader"}}, "Siemens|||||"},
		{
			"CIP, revision in two parts",
			[][2]string{{"cip.product_name", "1756-ENBT/A"}, {"cip.major_rev", "4"}, {"cip.minor_rev", "3"}, {"cip.serial", "0x0046a36c"}},
			"Rockwell Automation|1756-ENBT/A|1756-ENBT/A|4.3|0x0046a36c|",
		},
		{"a switch, taken apart", [][2]string{{"lldp.system_desc", "Hirschmann MAR - SW: L2P-09.0.00"}, {"lldp.system_name", "MAR-EA392E"}}, "Hirschmann|MAR||L2P-09.0.00||MAR-EA392E"},
		{"S7-1200 by LLDP", [][2]string{{"lldp.system_desc", "Siemens, SIMATIC S7, CPU-1200, 6ES7 214-1AG40-0XB0, HW: 1, FW: V.4.2.1, S C-J6CX12345678"}}, "Siemens|CPU-1200|6ES7 214-1AG40-0XB0|4.2.1|C-J6CX12345678|"},
		{"Cisco", [][2]string{{"cdp.platform", "Cisco 2811"}, {"cdp.software", "Cisco IOS Software, 2800 Software (C2800NM-ADVIPSERVICESK9-M), Version 12.4(24)T, RELEASE SOFTWARE (fc1)"}, {"cdp.device_id", "R1"}}, "Cisco|2811||12.4(24)T||R1"},
		{"Modbus", [][2]string{{"modbus.vendor_name", "Schneider Electric"}, {"modbus.product_code", "BMX P34 2020"}, {"modbus.revision", "V2.5"}}, "Schneider Electric|BMX P34 2020|BMX P34 2020|V2.5||"},
		{"the more trusted name wins", [][2]string{{"dns.name", "x.plant"}, {"netbios.name", "SCADA-PC1"}}, "Siemens|||||SCADA-PC1"},
		{"a form that nobody filled in", [][2]string{{"snmp.sysname", "sysName Not Set"}, {"lldp.system_name", "-"}}, "Siemens|||||"},
		{"hostile text is made safe", [][2]string{{"snmp.sysname", "pump\x1b[31m\x00"}}, "Siemens|||||pump\ufffd[31m"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := (&talk{}).heard(h, 1, 9, 64, true)
			for _, f := range c.facts {
				s.says(h, ot.Attr(f[0]), f[1])
			}
			d := catalogue(t).Identify(&s.sum)[0]
			got := strings.Join([]string{d.Field("vendor"), d.Field("model"), d.Field("order_code"), d.Field("firmware"), d.Field("serial"), d.Field("name")}, "|")
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			for name, f := range d.Fields {
				if f.Trust < 6 && len(f.Facts) == 0 {
					t.Errorf("%s = %q has no fact behind it", name, f.Value)
				}
				if len(f.Conflict) > 0 {
					t.Errorf("%s: conflict %v", name, f.Conflict)
				}
			}
		})
	}
}

func TestConflictAndChange(t *testing.T) {
	h := host("00:1b:1b:00:00:0a", "192.168.0.10")
	at := func(values ...any) Field {
		s := (&talk{}).heard(h, 1, 9, 64, true)
		for i := 0; i < len(values); i += 3 {
			s.saysAt(h, ot.Attr(values[i].(string)), values[i+1].(string), int64(values[i+2].(int)))
		}
		return catalogue(t).Identify(&s.sum)[0].Fields["firmware"]
	}
	if f := at("cip.revision", "4.3", 5, "enip.revision", "4.7", 6); len(f.Conflict) != 1 || f.Value != "4.7" || f.Conflict[0].Value != "4.3" || len(f.Conflict[0].Facts) != 1 {
		t.Errorf("two protocols disagree: %+v", f)
	}
	if f := at("cip.revision", "4.3", 5, "enip.revision", "4.3", 6); len(f.Conflict) != 0 || len(f.Facts) != 2 {
		t.Errorf("two protocols agree: %+v", f)
	}
	if f := at("cip.revision", "4.3", 5, "cip.revision", "4.7", 6); len(f.Conflict) != 1 {
		t.Errorf("one protocol says both within a second: %+v", f)
	}
	if f := at("cip.revision", "4.3", 5, "cip.revision", "4.7", 90000); len(f.Conflict) != 0 || f.Value != "4.7" {
		t.Errorf("updated a day later: %+v", f)
	}
	if f := at("s7comm.firmware", "3.2.6", 5, "lldp.firmware", "3.2.0", 90000); len(f.Conflict) != 0 || f.Value != "3.2.6" {
		t.Errorf("less trusted, though newer: %+v", f)
	}
}

func TestModulesOfARack(t *testing.T) {
	h := host("00:00:bc:00:00:0c", "192.168.0.11")
	s := (&talk{}).heard(h, 1, 9, 64, true).says(h, "cip.product_name", "1756-ENBT/A").says(h, "cip.vendor_id", "1")
	cpu, other := h, h
	cpu.Module, other.Module = "slot 0", "slot 3"
	s.says(cpu, "cip.product_name", "1756-L61/B LOGIX5561").says(cpu, "cip.serial", "0x0000ad77").says(cpu, "cip.device_type", "0x000e")
	s.says(other, "cip.product_name", "1756-DNB/A")
	d := catalogue(t).Identify(&s.sum)
	if len(d) != 1 || len(d[0].Modules) != 2 {
		t.Fatalf("%d devices, modules %+v", len(d), d[0].Modules)
	}
	if d[0].Role != "plc" || d[0].Field("model") != "1756-L61/B LOGIX5561" || d[0].Field("serial") != "0x0000ad77" {
		t.Errorf("the rack is known by its CPU: %s %q %q", d[0].Role, d[0].Field("model"), d[0].Field("serial"))
	}
}

func TestTablesAreStrict(t *testing.T) {
	for _, bad := range []string{
		"attributes: [{attr: a.b, field: colour, trust: 1}]", "attributes: [{attr: a.b, field: name, trust: 9}]",
		"attributes: [{attr: a.b, field: name, trust: 1, pattern: '('}]", "attributes: [{attr: a.b, feld: name, trust: 1}]", ":",
	} {
		if _, err := readAttributes([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
	for _, bad := range []string{
		"rules: [{field: name, pattern: x, role: boss, weight: 5, because: x}]", "rules: [{field: x, pattern: x, role: plc, weight: 5, because: x}]",
		"rules: [{field: name, pattern: '(', role: plc, weight: 5, because: x}]", "levels: {plc: {level: '9', because: x}}",
	} {
		if _, err := readRoles([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}
