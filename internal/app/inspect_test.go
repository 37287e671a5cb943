package app

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// capture writes a pcap of Ethernet frames.
func capture(t *testing.T, frames ...[]byte) string {
	t.Helper()
	le := binary.LittleEndian
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	for i, f := range frames {
		b = le.AppendUint32(b, 1_700_000_000+uint32(i))
		b = le.AppendUint32(b, 0)
		b = le.AppendUint32(b, uint32(len(f)))
		b = le.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	file := filepath.Join(t.TempDir(), "plant.pcap")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// segment is a TCP segment between 10.0.0.<src> and 10.0.0.<dst>.
func segment(src, dst byte, sport, dport uint16, seq uint32, payload []byte) []byte {
	be := binary.BigEndian
	b := []byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0, 0x45, 0}
	b = be.AppendUint16(b, uint16(40+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, src, 10, 0, 0, dst)
	b = be.AppendUint16(b, sport)
	b = be.AppendUint16(b, dport)
	b = be.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, payload...)
}

// modbus makes requests of a client 10.0.0.1 to a server 10.0.0.2 and its answers: a read, a restart.
func modbus() [][]byte {
	read := []byte{0, 1, 0, 0, 0, 6, 1, 3, 0, 10, 0, 2}
	answer := []byte{0, 1, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2}
	restart := []byte{0, 2, 0, 0, 0, 6, 1, 8, 0, 1, 0, 0}
	return [][]byte{
		segment(1, 2, 40000, 502, 1, read), segment(2, 1, 502, 40000, 1, answer),
		segment(1, 2, 40000, 502, 13, restart), segment(2, 1, 502, 40000, 14, restart),
	}
}

func inspect(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(context.Background(), append([]string{"inspect"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestInspectJSON(t *testing.T) {
	file := capture(t, modbus()...)
	code, out, errs := inspect(t, "--json", file)
	if code != 0 || strings.Count(out, "\n") != 1 {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	var got struct {
		File                      string
		Packets, Bytes, Malformed uint64
		First, Last               string
		Messages                  []struct {
			Protocol, Kind, Direction, Name, Class string
			Code                                   json.RawMessage
			Count                                  int
		}
		Hosts []struct {
			MAC      string
			IPs      []string
			Role     string
			Identity []json.RawMessage
		}
		Conversations []struct {
			Client, Server, Transport, Protocol string
			Port                                int
			Packets                             int
		}
		Alerts []struct {
			Rule, Severity, Title, Technique string
			Packet                           int
			Hosts                            []string
		}
		NotJudged []string `json:"not_judged"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.File != file || got.Packets != 4 || got.First != "2023-11-14T22:13:20Z" || got.Last != "2023-11-14T22:13:23Z" {
		t.Errorf("head: %+v", got)
	}
	var seen []string
	for _, m := range got.Messages {
		seen = append(seen, fmt.Sprintf("%s %s %s %s %s %d", m.Protocol, m.Kind, m.Direction, m.Code, m.Class, m.Count))
	}
	for _, want := range []string{"modbus function request 3 read 1", "modbus function response 3 read 1", "modbus function request 8 control 1", "modbus diagnostic request 1 control 1"} {
		if !slices.Contains(seen, want) {
			t.Errorf("no message %q in %q", want, seen)
		}
	}
	if len(got.Hosts) != 2 || got.Hosts[0].MAC == "" || len(got.Hosts[0].IPs) != 1 || got.Hosts[0].Identity == nil {
		t.Errorf("hosts: %+v", got.Hosts)
	}
	if c := got.Conversations; len(c) != 1 || c[0].Client != "10.0.0.1" || c[0].Server != "10.0.0.2" || c[0].Protocol != "modbus" || c[0].Port != 502 || c[0].Packets != 4 {
		t.Errorf("conversations: %+v", c)
	}
	if a := got.Alerts; len(a) != 1 || a[0].Rule != "communication-disabled" || a[0].Packet != 3 || !slices.Equal(a[0].Hosts, []string{"10.0.0.1", "10.0.0.2"}) {
		t.Errorf("alerts: %+v", a)
	}
	if !slices.Contains(got.NotJudged, "baseline.new-device") {
		t.Errorf("not judged: %v", got.NotJudged)
	}
	if _, again, _ := inspect(t, "--json", "--cores", "2", file); again != out {
		t.Error("two cores print something else than one")
	}
	if _, two, _ := inspect(t, "--json", file, file); two != out+out {
		t.Error("two files are not two objects")
	}
}

func TestInspectText(t *testing.T) {
	code, out, _ := inspect(t, capture(t, modbus()...))
	for _, want := range []string{"4 packets", "2 hosts", "1 conversation,", "Modbus/TCP", "10.0.0.1", "control 1", "stop or restart its communication", "first in packet 3", "T0804"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
	if _, out, _ := inspect(t, capture(t)); !strings.Contains(out, "holds no packets") {
		t.Errorf("no packets: %s", out)
	}
}

// A device's name is hostile: it reaches no terminal as it is.
func TestInspectHostileNames(t *testing.T) {
	name := "=cmd|'/C calc'!A0\x1b]0;owned\x07\x1b[2J\u202egnp.exe\r\n<script>\xff"
	tlv := func(kind byte, value string) []byte {
		return append([]byte{kind<<1 | byte(len(value)>>8), byte(len(value))}, value...)
	}
	lldp := slices.Concat([]byte{1, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 1, 0x88, 0xcc},
		tlv(1, "\x04\x02\x00\x00\x00\x00\x01"), tlv(2, "\x05port"), tlv(3, "\x00\x78"), tlv(5, name), tlv(6, name), []byte{0, 0})
	lldp[1] = 0x80
	file := capture(t, append(modbus(), slices.Concat([]byte{0x01, 0x80, 0xc2, 0, 0, 0x0e}, lldp[6:]))...)
	for _, args := range [][]string{{file}, {"--json", file}} {
		code, out, errs := inspect(t, args...)
		if code != 0 || strings.ContainsAny(out+errs, "\x1b\x07\r\u202e\x00") || !utf8.ValidString(out) {
			t.Errorf("%v: exit %d, unsafe output %q", args, code, out)
		}
		if !strings.Contains(out, "cmd|") {
			t.Errorf("%v: the name is missing", args)
		}
	}
}

func TestInspectBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := capture(t, modbus()...)
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"empty":        {[]string{write("empty.pcap", "")}, 2, "is empty"},
		"a text":       {[]string{write("log.txt", "hello, this is a log")}, 2, "not a pcap"},
		"gzip":         {[]string{write("a.gz", "\x1f\x8b\x08\x00")}, 2, "gunzip"},
		"no such file": {[]string{filepath.Join(dir, "none.pcap")}, 1, "there is no file"},
		"a folder":     {[]string{dir}, 2, "is a folder"},
		"hostile name": {[]string{filepath.Join(dir, "\x1b[2Jx.pcap")}, 1, "there is no file"},
		"no file":      {nil, 2, "Try: skanse --help"},
		"one of two":   {[]string{write("x.pcap", ""), good}, 2, "is empty"},
		"two of three": {[]string{write("y.pcap", ""), good, write("z.pcap", "zzzz")}, 2, "2 of 3 files"},
	} {
		code, out, errs := inspect(t, c.args...)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Contains(errs, "\x1b") {
			t.Errorf("%s: exit %d, %q; want %d and %q", name, code, errs, c.code, c.says)
		}
		if slices.Contains(c.args, good) && !strings.Contains(out, "4 packets") {
			t.Errorf("%s: the good file is not told", name)
		}
	}
	// A cut capture is told up to the cut, and says so.
	code, out, _ := inspect(t, "--json", write("cut.pcap", string(raw[:len(raw)-3])))
	if code != 0 || !strings.Contains(out, `"packets":3`) || !strings.Contains(out, "cut short in packet 4") {
		t.Errorf("cut: exit %d, %s", code, out)
	}
}

func TestInspectCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	if Run(ctx, []string{"inspect", "--json", capture(t, modbus()...)}, &out, &errs); out.Len() > 0 {
		t.Errorf("cancelled, but printed %s", out.String())
	}
}
