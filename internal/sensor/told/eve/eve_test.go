package eve

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/toldtest"
)

func tell(t testing.TB, text string) []*sensor.Summary {
	t.Helper()
	var sums []*sensor.Summary
	l, err := told.NewLines(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	teller := told.New(told.Config{
		Sensor: "x", Epoch: "x", Kind: sensor.ToldSuricata, Protocols: toldtest.Protocols(t),
		Emit: func(s *sensor.Summary) error { sums = append(sums, s); return nil },
	})
	if err := Read(context.Background(), l, "eve.json", teller); err != nil {
		t.Fatal(err)
	}
	return sums
}

// record writes one line: a kind, and the members that follow the address fields.
func line(kind, proto string, port string, members string) string {
	return `{"timestamp":"2026-11-23T12:00:00.123456+0100","flow_id":7,"event_type":"` + kind + `","src_ip":"10.0.0.9","src_port":40000,"dest_ip":"10.0.0.3","dest_port":` + port + `,"proto":"` + proto + `"` + members + "}\n"
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{
			"dnp3 as Suricata 5 to 7 write it", line("dnp3", "TCP", "20000", `,"dnp3":{"type":"request","control":{"dir":true,"function_code":4},"src":1,"dst":10,"application":{"control":{"fir":true},"function_code":21,"objects":[{"group":60,"variation":2}],"complete":true}}`) +
				line("dnp3", "TCP", "20000", `,"dnp3":{"type":"unsolicited_response","src":10,"dst":1,"application":{"function_code":130,"objects":[],"complete":true},"iin":{"indicators":["device_restart"]}}`),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:20000 dnp3", "message dnp3 function 21 request configure", "message dnp3 function 130 response read"},
		},
		{
			"dnp3 with both sides", line("dnp3", "TCP", "20000", `,"dnp3":{"request":{"application":{"function_code":5}},"response":{"application":{"function_code":129}}}`),
			[]string{"message dnp3 function 5 request control", "message dnp3 function 129 response read"},
		},
		{
			"modbus refused", line("modbus", "TCP", "502", `,"modbus":{"id":1,"request":{"unit_id":3,"function_raw":6,"write":{"address":15,"data":3}},"response":{"unit_id":3,"function_raw":134,"exception":{"raw":2}}}`),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:502 modbus", "message modbus function 6 request write", "message modbus function 6 response write refused"},
		},
		{
			"enip", line("enip", "TCP", "44818", `,"enip":{"request":{"command":"ListIdentity","status":"Success"},"response":{"command":"ListIdentity","status":"Success","identity":{"vendor_id":"1","device_type":"14","product_code":55,"revision":"20.11","serial":"0x00b0d6cf","product_name":"1756-L61/B LOGIX5561"}}}`),
			[]string{"fact 10.0.0.3 enip.product_name=1756-L61/B LOGIX5561", "fact 10.0.0.3 enip.serial=0x00b0d6cf", "fact 10.0.0.3 enip.revision=20.11", "message enip command 99 request discover"},
		},
		{
			"tls", line("tls", "TCP", "443", `,"tls":{"sni":"historian.example","version":"TLS 1.2","subject":"CN=historian"}`),
			[]string{"talk tcp 10.0.0.9>10.0.0.3:443 tls"},
		},
		{
			"ssh", line("ssh", "TCP", "22", `,"ssh":{"client":{"proto_version":"2.0","software_version":"OpenSSH_9.2"},"server":{"proto_version":"2.0","software_version":"dropbear_2019.78"}}`),
			[]string{"fact 10.0.0.3 ssh.software=dropbear_2019.78", "fact 10.0.0.9 ssh.software=OpenSSH_9.2"},
		},
		{
			"dhcp", line("dhcp", "UDP", "67", `,"dhcp":{"type":"reply","dhcp_type":"ack","client_mac":"00:11:22:33:44:55","assigned_ip":"10.0.0.77","hostname":"panel-7"}`),
			[]string{"fact 10.0.0.77 dhcp.hostname=panel-7", "host 10.0.0.77"},
		},
		{
			"a flow of a protocol that it did not know", line("flow", "TCP", "102", `,"app_proto":"failed","flow":{"pkts_toserver":3,"pkts_toclient":2,"bytes_toserver":300,"bytes_toclient":200,"start":"2026-11-23T12:00:00.000000+0100","end":"2026-11-23T12:00:02.000000+0100"}`),
			[]string{"host 10.0.0.3", "host 10.0.0.9", "talk tcp 10.0.0.9>10.0.0.3:102"},
		},
		{"ICMPv6", strings.ReplaceAll(line("flow", "IPv6-ICMP", "0", `,"flow":{"pkts_toserver":1,"pkts_toclient":0}`), "10.0.0.", "fd00::"), []string{"host fd00::9", "talk icmp fd00::9>fd00::3:0"}},
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

// What is no record, is cut or has other types than it should is counted and named, and what stands around it is told.
func TestWrong(t *testing.T) {
	good := line("modbus", "TCP", "502", `,"modbus":{"request":{"function_raw":3}}`)
	for name, bad := range map[string]string{
		"cut":                good[:len(good)-20] + "\n",
		"no object":          "[1,2]\n",
		"no JSON":            "Suricata is starting\n",
		"a port as text":     strings.Replace(good, "40000", `"40000"`, 1),
		"a port beyond":      strings.Replace(good, "40000", "400000", 1),
		"a function as text": strings.Replace(good, `"function_raw":3`, `"function_raw":"three"`, 1),
		"no time":            strings.Replace(good, "2026-11-23T12:00:00.123456+0100", "yesterday", 1),
		"a time of 9999":     strings.Replace(good, "2026-", "9999-", 1),
		"no address":         strings.Replace(good, "10.0.0.9", "the HMI", 1),
		"one address":        strings.Replace(good, `"dest_ip":"10.0.0.3",`, "", 1),
		"deep":               `{"mqtt":` + strings.Repeat("[", 20_000) + "\n",
		"bytes":              "\x00\xff\xfe{\n",
	} {
		sums := tell(t, good+bad+strings.Replace(good, "10.0.0.3", "10.0.0.4", 1))
		toldtest.Clean(t, sums)
		o, said := sums[0].Health.Told, toldtest.Said(sums)
		if o.Skipped != 1 || !strings.HasPrefix(o.Why, "line 2: ") || !slices.Contains(said, "talk tcp 10.0.0.9>10.0.0.4:502 modbus") {
			t.Errorf("%s: %+v, %q", name, o, said)
		}
	}
	if sums := tell(t, line("stats", "TCP", "1", "")+"\n\n"); sums[0].Health.Told.Records != 1 || sums[0].Health.Told.Skipped != 0 || len(sums[0].Flows) != 0 {
		t.Errorf("what Suricata says of itself: %+v", sums[0].Health.Told)
	}
}

// Texts come from whoever sends packets past the other sensor.
func TestHostile(t *testing.T) {
	evil := `\u001b]0;owned\u0007\u202eevil\u0000` + strings.Repeat("A", 5000)
	for _, text := range []string{
		line("enip", "TCP", "44818", `,"enip":{"response":{"command":"`+evil+`","identity":{"product_name":"`+evil+`","revision":"`+evil+`"}}}`),
		line("ssh", "TCP", "22", `,"ssh":{"server":{"software_version":"`+evil+`"}}`),
		line("flow", evil, "22", `,"app_proto":"`+evil+`","flow":{"pkts_toserver":1}`),
		line("dns", "UDP", "53", `,"dns":{"type":"query","rrname":"`+evil+`","rrtype":"`+evil+`"}`),
		line("snmp", "UDP", "161", `,"snmp":{"version":2,"community":"`+evil+`","pdu_type":"`+evil+`"}`),
		line("mqtt", "TCP", "1883", `,"mqtt":{"publish":{"topic":"`+evil+`","message":"`+evil+`"}}`),
		line(evil, "TCP", "1", ""),
	} {
		toldtest.Clean(t, tell(t, text))
	}
}

func TestIs(t *testing.T) {
	for text, want := range map[string]bool{
		line("flow", "TCP", "1", ""): true, "\n\n" + line("flow", "TCP", "1", ""): true, `{"event_type":"flow"}`: false, `{"timestamp":"2026-11-23T12:00:00.1+0100"}`: false, "": false, "{": false,
	} {
		if Is([]byte(text)) != want {
			t.Errorf("%.40q: want %v", text, want)
		}
	}
}

// TestSuricata runs a real Suricata on public captures and compares what it says with what our own sensor hears. It is
// no package of Debian 12, so most machines skip this.
func TestSuricata(t *testing.T) {
	program, err := exec.LookPath("suricata")
	if err != nil {
		t.Skip("suricata is not installed")
	}
	for _, c := range []string{"modbus/sv__modbus.pcap", "dnp3/sv__dnp3-eve_input.pcap"} {
		capture := filepath.Join("../../../../../shared/corpus/captures", c)
		if _, err := os.Stat(capture); err != nil {
			t.Skip("the public captures are not in ../shared")
		}
		dir := t.TempDir()
		out, err := exec.Command(program, "-r", capture, "-l", dir, "-k", "none", "--set", "app-layer.protocols.modbus.enabled=yes", "--set", "app-layer.protocols.dnp3.enabled=yes").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "eve.json"))
		if err != nil {
			t.Fatal(err)
		}
		theirs := tell(t, string(raw))
		src, err := sensor.Open(capture)
		if err != nil {
			t.Fatal(err)
		}
		var ours []*sensor.Summary
		if err := sensor.Run(t.Context(), src, sensor.Config{Sensor: "x", Epoch: "x", Protocols: toldtest.Protocols(t)}, func(s *sensor.Summary) error { ours = append(ours, s); return nil }); err != nil {
			t.Fatal(err)
		}
		_ = src.Close()
		heard := toldtest.Said(ours)
		for _, s := range toldtest.Said(theirs) {
			if (strings.HasPrefix(s, "host ") || strings.HasPrefix(s, "message ")) && !slices.Contains(heard, s) {
				t.Errorf("%s: Suricata says %q, we do not", c, s)
			}
		}
		if o := theirs[len(theirs)-1].Health.Told; o.Skipped > 0 || o.Records == 0 {
			t.Errorf("%s: %+v", c, o)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(line("modbus", "TCP", "502", `,"modbus":{"request":{"function_raw":3}}`)))
	f.Add([]byte(line("enip", "TCP", "44818", `,"enip":{"response":{"command":"ListIdentity","identity":{"product_name":"x","serial":7}}}`)))
	set := toldtest.Protocols(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var sums []*sensor.Summary
		l, err := told.NewLines(bytes.NewReader(raw))
		if err != nil {
			return
		}
		teller := told.New(told.Config{Sensor: "x", Epoch: "x", Kind: sensor.ToldSuricata, Protocols: set, Emit: func(s *sensor.Summary) error { sums = append(sums, s); return nil }})
		if err := Read(context.Background(), l, "eve.json", teller); err != nil {
			t.Fatal(err)
		}
		toldtest.Clean(t, sums)
	})
}
