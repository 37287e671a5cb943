package zeek

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/toldtest"
)

const (
	head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t%s\n#fields\t%s\n"
	ids  = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p "
	from = "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|"
)

// table writes a log of columns; fields are separated by blanks, values by bars.
func table(path, fields string, rows ...string) string {
	return fmt.Sprintf(head, path, strings.ReplaceAll(fields, " ", "\t")) + strings.ReplaceAll(strings.Join(rows, "\n"), "|", "\t") + "\n"
}

func tell(t testing.TB, text string) []*sensor.Summary {
	t.Helper()
	var sums []*sensor.Summary
	l, err := told.NewLines(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	teller := told.New(told.Config{
		Sensor: "x", Epoch: "x", Kind: sensor.ToldZeek, Protocols: toldtest.Protocols(t),
		Emit: func(s *sensor.Summary) error { sums = append(sums, s); return nil },
	})
	if err := Read(context.Background(), l, "any.log", teller); err != nil {
		t.Fatal(err)
	}
	return sums
}

func TestLogs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{
			"conn", table("conn", ids+"proto service duration orig_bytes resp_bytes conn_state history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes", from+"102|tcp|s7comm|2.5|100|200|SF|ShADadFf|7|380|5|420"),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:102 s7comm", "host 10.0.0.3", "host 10.0.0.9"},
		},
		{
			"modbus", table("modbus", ids+"func exception", from+"502|WRITE_SINGLE_REGISTER|-", from+"502|WRITE_SINGLE_REGISTER_EXCEPTION|ILLEGAL_DATA_ADDRESS"),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:502 modbus", "message modbus function 6 request write"},
		},
		{
			"dnp3", table("dnp3", ids+"fc_request fc_reply iin", from+"20000|DIRECT_OPERATE|RESPONSE|0"),
			[]string{"message dnp3 function 5 request control", "message dnp3 function 129 response read"},
		},
		{
			"s7comm", table("s7comm", ids+"is_orig source_h rosctr_code function_code subfunction_code error_class error_code", from+"102|T|10.0.0.9|1|0x29|-|-|-"),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:102 s7comm", "message s7comm function 41 request control"},
		},
		{
			"cip", table("cip", ids+"is_orig direction cip_service_code class_id", from+"44818|T|request|0x05|0x01"),
			[]string{"message cip service 5 request control"},
		},
		{
			"bacnet", table("bacnet", ids+"is_orig bvlc_function pdu_type pdu_service invoke_id result_code", strings.Replace(from, "40000", "47808", 1)+"47808|T|Original-Unicast-NPDU|CONFIRMED-REQUEST|reinitialize_device|1|-"),
			[]string{"message bacnet confirmed-service 20 request control"},
		},
		{
			"ssh", table("ssh", ids+"version client server", from+"22|2|SSH-2.0-OpenSSH_9.2|SSH-2.0-dropbear_2019.78"),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:22 ssh"},
		},
		{
			"two logs joined", table("dnp3", ids+"fc_request fc_reply iin", from+"20000|READ|-|-") + table("modbus", ids+"func exception", from+"502|READ_COILS|-"),
			[]string{"message dnp3 function 1 request read", "message modbus function 1 request read"},
		},
		{
			"JSON", `{"_path":"modbus","ts":"2026-11-23T12:00:00.1Z","uid":"C1","id.orig_h":"10.0.0.9","id.orig_p":40000,"id.resp_h":"10.0.0.3","id.resp_p":502,"func":"READ_COILS"}` + "\n",
			[]string{"message modbus function 1 request read"},
		},
	} {
		sums := tell(t, c.text)
		toldtest.Clean(t, sums)
		said := toldtest.Said(sums)
		for _, w := range c.want {
			if !slices.Contains(said, w) {
				t.Errorf("%s: %q is not told, of\n  %s", c.name, w, strings.Join(said, "\n  "))
			}
		}
		if o := sums[0].Health.Told; o.Skipped != 0 {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

// Every log that is read takes rows of a foreign type, that are too short and that are empty, without more than a count.
func TestWrong(t *testing.T) {
	kinds := []string{
		"conn", "dns", "dhcp", "ssl", "http", "ssh", "ftp", "snmp", "rdp", "rfb", "ntlm", "kerberos", "ntp", "smb_mapping", "software", "known_devices", "known_hosts",
		"mqtt_connect", "mqtt_publish", "mqtt_subscribe", "modbus", "dnp3", "modbus_detailed", "modbus_read_device_identification", "dnp3_control", "dnp3_objects", "enip", "cip", "cip_io", "cip_identity",
		"s7comm", "s7comm_plus", "s7comm_read_szl", "s7comm_known_devices", "bacnet", "bacnet_discovery", "bacnet_property", "bacnet_device_control", "opcua_binary", "profinet_io_cm", "hart_ip_general",
		"omron_fins_general", "omron_fins_detail", "synchrophasor", "synchrophasor_cmd", "goose", "ecat_registers", "ecat_log_address", "genisys", "roc_plus", "ge_srtp", "c1222",
	}
	const fields = ids + "proto service func func_code fc_request function_code cip_service_code rosctr_code service_code"
	for _, kind := range kinds {
		if logs(kind) == nil {
			t.Errorf("nothing is read of %s", kind)
			continue
		}
		text := table(
			kind, fields,
			strings.Repeat("-|", 14)+"-",
			strings.Repeat("(empty)|", 14)+"(empty)",
			"1700000000.1|C1|not an address|x|10.0.0.3|-1|7|7|\x1b[2J|9999999999999|0xzz|-1|1e99|T|F",
			"1700000000.1",
			"1700000000.1|C1|10.0.0.9|1|10.0.0.3|2|tcp|\x1b]0;x\x07|\x1b]0;x\x07|\x1b]0;x\x07|\x1b]0;x\x07|\x1b]0;x\x07|\x1b]0;x\x07|\x1b]0;x\x07|\x1b]0;x\x07",
		)
		toldtest.Clean(t, tell(t, text))
		toldtest.Clean(t, tell(t, strings.TrimSpace(text)[:len(text)/2])) // cut
	}
	for name, bad := range map[string]string{
		"a log of no kind":  table("weird", ids+"name", from+"1|odd"),
		"no header":         "1700000000.1\tC1\n",
		"a JSON array":      "[1]\n",
		"a JSON that ends":  `{"_path":"conn","ts":1`,
		"no time":           table("conn", ids+"proto", "-|C1|10.0.0.9|1|10.0.0.3|2|tcp"),
		"a time beyond all": table("conn", ids+"proto", "1e300|C1|10.0.0.9|1|10.0.0.3|2|tcp"),
	} {
		sums := tell(t, bad)
		toldtest.Clean(t, sums)
		if o := sums[0].Health.Told; o.Skipped != 1 || !strings.HasPrefix(o.Why, "line ") {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"conn.log": "conn", "/opt/zeek/logs/DNP3.08:00:00-09:00:00.log.gz": "dnp3", `C:\logs\ssl.log`: "ssl"} {
		if got := kindOf(name); got != want {
			t.Errorf("%s is called %q", name, got)
		}
	}
	if got := Name([]byte("#separator \\x09\n#path\ts7\x1bcomm\n")); !strings.HasPrefix(got, "s7") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(table("conn", ids+"proto service", from+"502|tcp|modbus")))
	f.Add([]byte(table("cip", ids+"is_orig direction cip_service_code class_id", from+"44818|T|request|0x05|0x01")))
	f.Add([]byte(`{"_path":"modbus","ts":1700000000.1,"id.orig_h":"10.0.0.9","id.orig_p":1,"id.resp_h":"10.0.0.3","id.resp_p":502,"func":"READ_COILS"}` + "\n"))
	set := toldtest.Protocols(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var sums []*sensor.Summary
		l, err := told.NewLines(bytes.NewReader(raw))
		if err != nil {
			return
		}
		teller := told.New(told.Config{Sensor: "x", Epoch: "x", Kind: sensor.ToldZeek, Protocols: set, Emit: func(s *sensor.Summary) error { sums = append(sums, s); return nil }})
		if err := Read(context.Background(), l, "conn.log", teller); err != nil {
			t.Fatal(err)
		}
		toldtest.Clean(t, sums)
	})
}
