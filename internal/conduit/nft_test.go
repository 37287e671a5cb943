package conduit

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// site is a plant with a zone inside another's range, an IPv6 zone, one without addresses and names that nftables could stumble over.
func site() (Layout, []Export) {
	at := Layout{Site: "Aarhus", Made: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Others: 2, Zones: []Area{
		{4, "Office \"IT\"", prefixes("10.9.0.0/24")},
		{2, "Kontrolrum Ø", prefixes("10.0.0.0/16", "fd00:2::/64")},
		{1, "Cell 1", prefixes("10.0.1.0/24", "fd00:1::/64")},
		{3, "Empty", nil},
	}}
	return at, []Export{
		{From: 2, To: 1, Transport: "tcp", Port: 502, Protocol: "modbus", Classes: []string{"read", "write"}, Allow: true, Reason: "Panels; \"all\" of them", Owner: "Ida"},
		{From: 4, To: 1, Allow: false, Reason: "never", Owner: "Ida"},
		{From: 1, To: 2, Either: true, Transport: "udp", Port: 123, Protocol: "ntp", Allow: true, Reason: "time", Owner: "Ida"},
		{From: 2, To: Internet, Transport: "tcp", Port: 443, Protocol: "tls", Allow: true, Reason: "updates", Owner: "Ida"},
		{From: 2, To: 1, Transport: "icmp", Allow: true, Reason: "ping", Owner: "Ida"},
		{From: 2, To: 1, Protocol: "s7comm", Allow: true, Reason: "which port?", Owner: "Ida"},
		{From: 2, To: 1, Transport: "ether", Port: 0x8892, Protocol: "profinet-rt", Allow: true, Reason: "layer 2", Owner: "Ida"},
		{From: 3, To: 1, Transport: "tcp", Port: 80, Allow: true, Reason: "nobody is there", Owner: "Ida"},
		{From: None, To: 1, Transport: "tcp", Port: 80, Allow: true, Reason: "who?", Owner: "Ida"},
		{From: 2, To: 1, Transport: "tcp", Port: 502, Protocol: "modbus", Classes: []string{"program_download"}, Allow: false, Reason: "no programs", Owner: "Ida", Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
}

// What is written is what stands in testdata, which the test below loads.
func TestWritten(t *testing.T) {
	at, policies := site()
	for name, write := range map[string]func(*bytes.Buffer) error{
		"site.nft": func(b *bytes.Buffer) error { return NFT(b, at, policies) },
		"site.txt": func(b *bytes.Buffer) error { return Table(b, at, policies) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || out.String() != string(want) {
			t.Errorf("%s (UPDATE=1 writes it anew): %v\n%s", name, err, out.String())
		}
	}
	if text := func() string { var b bytes.Buffer; _ = NFT(&b, at, policies); return b.String() }(); strings.Index(text, "never") > strings.Index(text, "Panels") {
		t.Error("what is denied must stand before what is allowed")
	}
}

// The longest prefix says whose an address is, so a zone's set has holes where others sit.
func TestSpans(t *testing.T) {
	zones := []Area{{1, "", prefixes("10.0.0.0/16", "10.0.1.128/25")}, {2, "", prefixes("10.0.1.0/24", "10.0.255.255/32")}}
	for no, want := range map[int64]string{1: "10.0.0.0-10.0.0.255 10.0.1.128-10.0.255.254", 2: "10.0.1.0-10.0.1.127 10.0.255.255"} {
		var got []string
		for _, a := range spans(zones, no, true) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("zone %d: %s, want %s", no, got, want)
		}
	}
}

// A policy decides what it speaks of, a denial first, and no longer than it lasts.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	read, write := int64(1), int64(2)
	allow := policy{ID: "a", From: 2, To: 1, Transport: "tcp", Port: 502, Protocol: "modbus", Classes: read, Beyond: everyClass &^ read, Allow: true}
	deny := policy{ID: "d", From: 2, To: 1, Classes: write}
	talk := Crossing{FromZone: 2, ToZone: 1, Transport: "tcp", Port: 502, Protocol: "modbus", Classes: read}
	writes := talk
	writes.Classes = read | write
	back := Crossing{FromZone: 1, ToZone: 2, Transport: "tcp", Port: 502, Protocol: "modbus", Classes: read}
	either, over, elsewhere := allow, allow, talk
	either.Either = true
	over.Until.Time = now.Add(-time.Second)
	elsewhere.Port = 503
	for _, c := range []struct {
		name     string
		policies []policy
		c        Crossing
		want     string
	}{
		{"nothing decided", nil, talk, Undecided},
		{"allowed", []policy{allow}, talk, Approved},
		{"a class beyond", []policy{allow}, writes, Beyond},
		{"another port", []policy{allow}, elsewhere, Beyond},
		{"the other way", []policy{allow}, back, Undecided},
		{"either way", []policy{either}, back, Approved},
		{"over", []policy{over}, talk, Undecided},
		{"denied class", []policy{allow, deny}, writes, Denied},
		{"denied class not used", []policy{allow, deny}, talk, Approved},
		{"denied before allowed", []policy{{From: 2, To: 1}, allow}, talk, Denied},
	} {
		if got, _ := judge(c.policies, &c.c, now); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
