package logfile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/logfile"
)

const head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t%s\n#fields\t%s\n"

func zeekLog(path string, fields string, rows ...string) string {
	return fmt.Sprintf(head, path, strings.ReplaceAll(fields, " ", "\t")) + strings.ReplaceAll(strings.Join(rows, "\n"), "|", "\t") + "\n"
}

const ids = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p "

func connLog() string {
	return zeekLog("conn", ids+"proto service duration orig_bytes resp_bytes conn_state missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes orig_l2_addr",
		"1700000000.123456|C1|10.0.0.9|40000|10.0.0.3|502|tcp|modbus|2.5|100|200|SF|0|ShADadFf|7|380|5|420|00:11:22:33:44:55")
}

const eveFlow = `{"timestamp":"2026-11-23T12:00:00.123456+0000","flow_id":1,"event_type":"flow","src_ip":"10.0.0.9","src_port":40000,"dest_ip":"10.0.0.3","dest_port":502,"proto":"TCP","app_proto":"modbus","flow":{"pkts_toserver":7,"pkts_toclient":5,"bytes_toserver":480,"bytes_toclient":520,"start":"2026-11-23T11:59:00.000000+0000","end":"2026-11-23T11:59:02.500000+0000","state":"closed"},"tcp":{"syn":true}}
`

const eveModbus = `{"timestamp":"2026-11-23T12:00:00.123456+0000","event_type":"modbus","src_ip":"10.0.0.9","src_port":40000,"dest_ip":"10.0.0.3","dest_port":502,"proto":"TCP","modbus":{"id":1,"request":{"transaction_id":0,"protocol_id":0,"unit_id":3,"function_raw":6,"function_code":"WrSingleReg","access_type":"WRITE | HOLDING | SINGLE","write":{"address":15,"data":3}},"response":{"unit_id":3,"function_raw":134,"exception":{"raw":2,"code":"IllegalDataAddr"}}}}
`

func TestKind(t *testing.T) {
	packed := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		return b.String()
	}
	for _, c := range []struct{ text, kind string }{
		{connLog(), sensor.ToldZeek},
		{packed(connLog()), sensor.ToldZeek},
		{packed(connLog()) + packed(connLog()), sensor.ToldZeek},
		{`{"ts":1700000000.1,"uid":"C1","id.orig_h":"10.0.0.9","conn_state":"SF"}` + "\n", sensor.ToldZeek},
		{eveFlow, sensor.ToldSuricata},
		{packed(eveFlow), sensor.ToldSuricata},
		{"", ""},
		{"\xd4\xc3\xb2\xa1", ""},
		{"{}", ""},
		{"not a log", ""},
		{"\x1f\x8b", ""},
		{"#!/bin/sh\necho", ""},
		{`{"a":1}`, ""},
	} {
		if got := logfile.Kind(strings.NewReader(c.text)); got != c.kind {
			t.Errorf("%.60q is called %q, it is %q", c.text, got, c.kind)
		}
	}
}

func TestZeekConn(t *testing.T) {
	h := tell(t, protocols(t), []byte(connLog()), "any")
	f := h.sums[0].Flows[0]
	if f.Client.IP.String() != "10.0.0.9" || f.Client.MAC.String() != "00:11:22:33:44:55" || f.Protocol != "modbus" || f.Port != 502 || f.ClientBy != sensor.BySYN || !f.Established ||
		f.ClientPackets != 7 || f.ClientBytes != 380 || f.ServerPackets != 5 || f.ServerBytes != 420 || f.First != 1700000000123456000 || f.Last != 1700000002623456000 || f.FirstRef.Number != 7 {
		t.Errorf("%+v", f)
	}
	if x := h.sums[0].Health; x.Packets != 0 || x.Told == nil || x.Told.Kind != sensor.ToldZeek || x.Told.Records != 1 {
		t.Errorf("%+v", x)
	}
}

// TestJSON reads the same record as a JSON line, which does not say of which log it is.
func TestJSON(t *testing.T) {
	line := `{"ts":1700000000.123456,"uid":"C1","id.orig_h":"10.0.0.9","id.orig_p":40000,"id.resp_h":"10.0.0.3","id.resp_p":502,"proto":"tcp","service":"modbus","duration":2.5,"conn_state":"SF","missed_bytes":0,"history":"ShADadFf","orig_pkts":7,"orig_ip_bytes":380,"resp_pkts":5,"resp_ip_bytes":420,"orig_l2_addr":"00:11:22:33:44:55"}`
	set := protocols(t)
	a, b := tell(t, set, []byte(connLog()), "any"), tell(t, set, []byte(line), "any")
	x, y := a.sums[0].Flows[0], b.sums[0].Flows[0]
	x.FirstRef, x.Proof, y.Proof = y.FirstRef, nil, nil
	if fmt.Sprint(x) != fmt.Sprint(y) {
		t.Errorf("%+v\n%+v", x, y)
	}
}

func TestEVE(t *testing.T) {
	h := tell(t, protocols(t), []byte(eveFlow+eveModbus), "eve.json")
	if len(h.sums[0].Flows) != 1 {
		t.Fatalf("%d conversations, it is one", len(h.sums[0].Flows))
	}
	f := h.sums[0].Flows[0]
	if f.Protocol != "modbus" || f.ClientPackets != 7 || f.ServerBytes != 520 || f.ClientBy != sensor.BySYN {
		t.Errorf("%+v", f)
	}
	if h.codes["modbus function 6 request"] != 1 || h.codes["modbus function 6 response"] != 1 {
		t.Error(h.codes)
	}
	for _, x := range h.sums[0].Tuples {
		if x.Class != "write" || x.Unit != 3 || x.Dir == "response" && x.Refused != 1 {
			t.Errorf("%+v", x)
		}
	}
}

// An alert of Suricata's is a statement about whom the packet went to; of its payload nothing is told.
func TestEVEAlert(t *testing.T) {
	line := `{"timestamp":"2026-11-23T12:00:00.123456+0000","flow_id":1,"event_type":"alert","src_ip":"10.0.0.9","src_port":40000,"dest_ip":"10.0.0.3","dest_port":502,"proto":"TCP","app_proto":"modbus","alert":{"action":"allowed","gid":1,"signature_id":2250009,"rev":1,"signature":"SURICATA Modbus invalid Length","category":"Generic Protocol Command Decode","severity":3},"payload":"c2VjcmV0","payload_printable":"secret"}` + "\n"
	sum := tell(t, protocols(t), []byte(line), "eve.json").sums[0]
	if len(sum.Facts) != 1 || sum.Facts[0].Attr != "suricata.alert" || sum.Facts[0].Value != "3 SURICATA Modbus invalid Length [2250009]" || sum.Facts[0].About.IP.String() != "10.0.0.3" || sum.Facts[0].By.IP.String() != "10.0.0.9" {
		t.Errorf("%+v", sum.Facts)
	}
	if bytes.Contains(sum.Facts[0].Proof, []byte("secret")) || bytes.Contains(sum.Facts[0].Proof, []byte("c2VjcmV0")) {
		t.Errorf("the payload is told: %s", sum.Facts[0].Proof)
	}
}

// TestSecrets looks for what nobody may read, in all that is told.
func TestSecrets(t *testing.T) {
	set := protocols(t)
	for _, text := range []string{
		zeekLog("ftp", ids+"user password command arg", "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|21|ada|s3cret!|RETR|s3cret!"),
		zeekLog("snmp", ids+"version community get_requests", "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|161|2|s3cret!|4"),
		zeekLog("bacnet_device_control", ids+"pdu_service device_state password", "1700000000.1|C1|10.0.0.9|47808|10.0.0.3|47808|reinitialize_device|coldstart|s3cret!"),
		zeekLog("http", ids+"trans_depth method host uri username password", "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|80|1|GET|plc|/?p=s3cret!|ada|s3cret!"),
		`{"ts":1700000000.1,"uid":"C","id.orig_h":"10.0.0.9","id.orig_p":4,"id.resp_h":"10.0.0.3","id.resp_p":21,"user":"ada","password":"s3cret!","command":"RETR","_path":"ftp"}` + "\n",
		`{"timestamp":"2026-11-23T12:00:00.1+0000","event_type":"ftp","src_ip":"10.0.0.9","src_port":4,"dest_ip":"10.0.0.3","dest_port":21,"proto":"TCP","ftp":{"command":"PASS","command_data":"s3cret!"}}` + "\n",
		`{"timestamp":"2026-11-23T12:00:00.1+0000","event_type":"snmp","src_ip":"10.0.0.9","src_port":4,"dest_ip":"10.0.0.3","dest_port":161,"proto":"UDP","snmp":{"version":2,"community":"s3cret!","pdu_type":"get_request"}}` + "\n",
	} {
		h := tell(t, set, []byte(text), "any")
		if said := fmt.Sprintf("%+v", *h.sums[0]); strings.Contains(said, "s3cret!") || strings.Contains(said, fmt.Sprint([]byte("s3cret!"))[1:20]) {
			t.Errorf("it is told: %.300s", said)
		}
		if h.sums[0].Health.Told.Skipped > 0 || len(h.sums[0].Flows) != 1 {
			t.Errorf("%.80s: %+v", text, h.sums[0].Health.Told)
		}
		found := false
		for k := range h.facts {
			found = found || strings.Contains(k, "credential.cleartext")
		}
		if !found {
			t.Errorf("%.80s: that a credential was readable is not told", text)
		}
	}
}

func TestDamaged(t *testing.T) {
	set := protocols(t)
	for name, text := range map[string]string{
		"cut":         connLog()[:len(connLog())-30],
		"no header":   "#fields\t\n1700000000.1\tC1\n",
		"wrong types": zeekLog("conn", ids+"proto", "yesterday|C1|10.0.0.9|x|10.0.0.3|99999|tcp", "1e999|C1|not an address|1|::|2|tcp", "-1|C|10.0.0.1|1|10.0.0.2|2|tcp"),
		"wide":        "#separator \\x09\n#fields" + strings.Repeat("\tx", 5000) + "\n1\n",
		"unknown":     zeekLog("weird", ids+"name", "1700000000.1|C1|10.0.0.9|1|10.0.0.3|2|odd"),
		"no object":   `{"ts":1700000000.1,"uid":"C1"` + "\n{}\n[]\n",
		"long":        connLog() + strings.Repeat("x", 3<<20) + "\n",
	} {
		h := tell(t, set, []byte(text), "any")
		last := h.sums[len(h.sums)-1]
		if last.Health.Told.Skipped == 0 || last.Health.Told.Why == "" || !last.Last {
			t.Errorf("%s: %+v", name, last.Health.Told)
		}
	}
	// A packed log that ends in the middle: what came before is good, and it is said.
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i := range 5000 {
		fmt.Fprint(z, strings.ReplaceAll(connLog(), "C1", fmt.Sprint("C", i*7919)))
	}
	_ = z.Close()
	h := tell(t, set, b.Bytes()[:b.Len()/2], "conn.log.gz")
	if last := h.sums[len(h.sums)-1]; last.Health.Cut == "" || len(last.Flows) == 0 {
		t.Errorf("cut %q, %d conversations", last.Health.Cut, len(last.Flows))
	}
}

// TestTwice reads the same log twice: the summaries are the same, one by one, so that
// a store that has the first takes nothing of the second.
func TestTwice(t *testing.T) {
	set := protocols(t)
	rows := make([]string, 0, 25_000)
	for i := range 25_000 {
		rows = append(rows, fmt.Sprintf("17000%05d.5|C%d|10.%d.%d.9|%d|10.0.%d.3|502|tcp|modbus|1|1|1|SF|0|Sh|7|380|5|420|-", i, i, i>>12&15, i>>4&255, 1024+i%60000, i%50))
	}
	text := zeekLog("conn", ids+"proto service duration orig_bytes resp_bytes conn_state missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes orig_l2_addr", rows...)
	a, b := tell(t, set, []byte(text), "conn.log"), tell(t, set, []byte(text), "conn.log")
	if len(a.sums) < 2 || len(a.sums) != len(b.sums) {
		t.Fatalf("%d and %d summaries", len(a.sums), len(b.sums))
	}
	for i := range a.sums {
		if a.sums[i].Seq != uint64(i+1) || fmt.Sprint(a.sums[i].Flows) != fmt.Sprint(b.sums[i].Flows) || fmt.Sprint(a.sums[i].Hosts) != fmt.Sprint(b.sums[i].Hosts) {
			t.Errorf("summary %d differs", i)
		}
	}
}

// endless is a log of n lines that nobody ever holds whole.
type endless struct {
	n, at int
	buf   []byte
}

func (e *endless) Read(p []byte) (int, error) {
	for len(e.buf) < len(p) && e.at < e.n {
		if e.at == 0 {
			e.buf = append(e.buf, connLog()[:strings.LastIndexByte(strings.TrimSpace(connLog()), '\n')+1]...)
		}
		e.buf = fmt.Appendf(e.buf, "1700000000.5\tC%d\t10.%d.%d.%d\t%d\t10.0.0.3\t502\ttcp\tmodbus\t1\t1\t1\tSF\t0\tSh\t7\t380\t5\t420\t-\n", e.at, e.at>>16&255, e.at>>8&255, e.at&255, 1024+e.at%60000)
		e.at++
	}
	if len(e.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, e.buf)
	e.buf = e.buf[n:]
	return n, nil
}

// TestMemory reads 15 MB of connections between ever new hosts: what is held does not grow with the log.
func TestMemory(t *testing.T) {
	set := protocols(t)
	l, err := told.NewLines(&endless{n: 150_000})
	if err != nil {
		t.Fatal(err)
	}
	var most uint64
	sums := 0
	emit := func(*sensor.Summary) error {
		sums++
		if sums%10 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	}
	if err := zeekRead(context.Background(), l, told.New(told.Config{Sensor: "x", Epoch: "x", Kind: sensor.ToldZeek, Protocols: set, Emit: emit})); err != nil {
		t.Fatal(err)
	}
	if sums < 10 || most > 100<<20 {
		t.Errorf("%d summaries, %d MB held", sums, most>>20)
	}
}

func FuzzLog(f *testing.F) {
	f.Add([]byte(connLog()))
	f.Add([]byte(eveFlow + eveModbus))
	f.Add([]byte(zeekLog("dnp3", ids+"fc_request fc_reply iin", "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|20000|DIRECT_OPERATE|RESPONSE|0")))
	f.Add([]byte(zeekLog("s7comm", ids+"is_orig source_h rosctr_code function_code subfunction_code error_class error_code", "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|102|T|10.0.0.9|1|0x29|-|-|-")))
	f.Add([]byte(zeekLog("cip", ids+"is_orig direction cip_service_code class_id", "1700000000.1|C1|10.0.0.9|40000|10.0.0.3|44818|T|request|0x05|0x01")))
	f.Add([]byte(`{"ts":"2026-11-23T12:00:00.1Z","uid":"C1","id":{"orig_h":"10.0.0.9","orig_p":1,"resp_h":"fe80::1","resp_p":53},"query":"plc.example","qtype":1,"qtype_name":"A","trans_id":1,"answers":["10.0.0.4"]}` + "\n"))
	set := protocols(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := told.NewLines(bytes.NewReader(raw)); err != nil {
			return // packed, and its first bytes are damaged
		}
		h := tell(t, set, raw, "conn.log")
		for _, sum := range h.sums {
			for _, x := range sum.Flows {
				if x.Last < x.First {
					t.Errorf("a conversation from %d to %d", x.First, x.Last)
				}
			}
			if sum.Health.Packets != 0 || sum.Health.Told == nil {
				t.Error("a log has no packets")
			}
		}
	})
}
