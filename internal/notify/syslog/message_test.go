package syslog_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/notify/syslog"
)

func TestEncode(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.FixedZone("x", 3600))
	m := syslog.Message{
		Facility: 13, Severity: syslog.Critical, At: at, Host: "skanse plant", App: "skanse", ID: "inbox.open",
		Data: []syslog.Element{{ID: "skanse@32473", Params: []syslog.Param{{"site", `A "b" [c] \d` + "\n<0>1 forged"}, {"n=]\"", "1"}}}},
		Text: "Pump\r\n<0>1 - forged \x1b[31m ærø",
	}
	want := `<106>1 2026-03-01T11:00:00.123456Z skanse_plant skanse - inbox.open [skanse@32473 site="A \"b\" [c\] \\d <0>1 forged" n___="1"] ` + "\xef\xbb\xbfPump  <0>1 - forged \uFFFD[31m ærø"
	if got := string(m.Encode(syslog.MaxFrame)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := string(syslog.Message{}.Encode(100)); got != "<0>1 - - - - - -" {
		t.Errorf("nothing is %q", got)
	}
	m.Text = strings.Repeat("æ", 5000)
	if got := m.Encode(syslog.MaxDatagram); len(got) > syslog.MaxDatagram || !utf8.Valid(got) {
		t.Errorf("%d octets, valid %v", len(got), utf8.Valid(got))
	}
}

func TestCEF(t *testing.T) {
	got := syslog.CEF{Version: "1|2", ID: "new-device", Name: `a|b\c` + "\n", Severity: 11, Fields: []syslog.Param{{"msg", "x=1\\ \r\nCEF:0|forged"}, {"empty", ""}, {"cs1", "Hall"}}}.Encode()
	if want := `CEF:0|Skanse|Skanse|1\|2|new-device|a\|b\\c|10|msg=x\=1\\   CEF:0|forged cs1=Hall`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// One message stays one message: no line break, no control character, one structure.
func FuzzEncode(f *testing.F) {
	f.Add("host", "id", "name", `va"l]ue\`, "text\n<13>1 forged")
	f.Add("", "\x00", "]", "\xff", "\u2028\u202e")
	f.Fuzz(func(t *testing.T, host, id, name, value, text string) {
		b := syslog.Message{Facility: 13, Host: host, ID: id, Data: []syslog.Element{{ID: id, Params: []syslog.Param{{name, value}}}}, Text: text}.Encode(syslog.MaxDatagram)
		if len(b) > syslog.MaxDatagram || !utf8.Valid(b) || bytes.ContainsAny(b, "\x00\n\r\x1b\u2028\u202e") {
			t.Fatalf("%q", b)
		}
		if got := bytes.SplitN(b, []byte(" "), 7); len(got) != 7 || (got[6][0] != '[' && got[6][0] != '-') {
			t.Fatalf("%q", b)
		}
		c := syslog.CEF{Version: host, ID: id, Name: name, Fields: []syslog.Param{{"msg", value}, {"x", text}}}.Encode()
		if strings.ContainsAny(c, "\x00\n\r\x1b\u2028\u202e") {
			t.Fatalf("%q", c)
		}
	})
}
