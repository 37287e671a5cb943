package filter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// need finds a peer, or skips; under SKANSE_REQUIRE it is there.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), tool) {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

var be = binary.BigEndian

var (
	macs     = [][]byte{{0, 0x1b, 0x1b, 1, 2, 3}, {0, 0x0e, 0x8c, 4, 5, 6}, {2, 0, 0, 0, 0, 7}}
	four     = [][]byte{{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 1, 9}, {192, 168, 10, 7}}
	six      = [][]byte{append([]byte{0xfd, 0}, append(make([]byte, 13), 1)...), append([]byte{0xfd, 0, 0, 9}, append(make([]byte, 11), 2)...)}
	portList = []uint16{80, 102, 502, 8003, 50000}
)

// frame makes a frame of a plant by chance, with so many tags.
func frame(r *rand.Rand, tags int) []byte {
	pick := func(list [][]byte) []byte { return list[r.IntN(len(list))] }
	b := append([]byte{}, pick(macs)...)
	switch r.IntN(8) {
	case 0:
		b = bytes.Repeat([]byte{0xff}, 6)
	case 1:
		b = []byte{1, 0x0e, 0xcf, 0, 0, 0}
	}
	b = append(b, pick(macs)...)
	for i := range tags {
		b = be.AppendUint16(b, []uint16{0x8100, 0x88a8}[(i+tags)%2])
		b = be.AppendUint16(b, uint16(r.IntN(8))<<13|uint16([]int{10, 20, 100}[r.IntN(3)]))
	}
	transport := func(proto byte) []byte {
		switch proto {
		case 6:
			h := make([]byte, 20)
			be.PutUint16(h, portList[r.IntN(5)])
			be.PutUint16(h[2:], portList[r.IntN(5)])
			h[12] = 0x50
			return h
		case 17:
			h := make([]byte, 8)
			be.PutUint16(h, portList[r.IntN(5)])
			be.PutUint16(h[2:], portList[r.IntN(5)])
			be.PutUint16(h[4:], 8)
			return h
		}
		return make([]byte, 8)
	}
	switch r.IntN(6) {
	case 0: // ARP
		b = append(b, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
		b = append(b, pick(macs)...)
		b = append(b, pick(four)...)
		b = append(b, pick(macs)...)
		return append(b, pick(four)...)
	case 1: // PROFINET
		return append(append(b, 0x88, 0x92), make([]byte, 46)...)
	case 2: // IPv6
		proto := []byte{6, 17, 58}[r.IntN(3)]
		p := transport(proto)
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
		if r.IntN(5) == 0 { // a fragment
			b = be.AppendUint16(b, uint16(len(p)+8))
			b = append(b, 44, 64)
			b = append(append(b, pick(six)...), pick(six)...)
			return append(append(b, proto, 0, 0, 0, 0, 0, 0, 1), p...)
		}
		b = be.AppendUint16(b, uint16(len(p)))
		b = append(b, proto, 64)
		return append(append(append(b, pick(six)...), pick(six)...), p...)
	}
	proto := []byte{6, 6, 17, 17, 1, 2}[r.IntN(6)]
	p := transport(proto)
	words := 5 + r.IntN(2)*r.IntN(3)
	b = append(b, 8, 0, 0x40|byte(words), 0)
	b = be.AppendUint16(b, uint16(4*words+len(p)))
	b = append(b, 0, 1)
	part := uint16(0)
	switch r.IntN(8) {
	case 0:
		part = 0x2000
	case 1:
		part = 100
	}
	b = be.AppendUint16(b, part)
	b = append(b, 64, proto, 0, 0)
	b = append(append(b, pick(four)...), pick(four)...)
	b = append(b, make([]byte, 4*(words-5))...)
	return append(append(b, p...), make([]byte, r.IntN(80))...)
}

// capture writes frames whose times are their numbers.
func capture(t testing.TB, frames [][]byte) string {
	b := make([]byte, 0, 1<<20)
	for _, v := range []uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, 1} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for i, f := range frames {
		for _, v := range []uint32{uint32(i + 1), 0, uint32(len(f)), uint32(len(f))} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, f...)
	}
	path := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type set map[int]bool

// tcpdump says which frames of a capture it takes.
func tcpdump(t *testing.T, path, expr string) set {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tcpdump", "-r", path, "-w", "-", "-U", expr)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if strings.Contains(said.String(), "expression rejects all packets") {
		return set{}
	}
	if err != nil {
		t.Fatalf("tcpdump %s: %v\n%s", expr, err, said.String())
	}
	got := set{}
	for b := out[24:]; len(b) >= 16; {
		got[int(binary.LittleEndian.Uint32(b))] = true
		b = b[16+binary.LittleEndian.Uint32(b[8:]):]
	}
	return got
}

func ours(t *testing.T, frames [][]byte, expr string) set {
	t.Helper()
	f, err := Parse(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	m, err := f.Matcher(Ethernet)
	if err != nil {
		t.Fatal(err)
	}
	got := set{}
	for i, b := range frames {
		if m.Match(b) {
			got[i+1] = true
		}
	}
	return got
}

func same(t *testing.T, frames [][]byte, what string, got, want set) {
	t.Helper()
	for i := range frames {
		if got[i+1] != want[i+1] {
			t.Errorf("%s: frame %d is taken: %v, by the peer: %v: % x", what, i+1, got[i+1], want[i+1], frames[i])
			return
		}
	}
}

// primitives that tcpdump knows by the same words.
var primitives = []string{
	"host 10.0.0.1", "src host 10.0.0.2", "dst host 10.0.1.9", "src or dst host 192.168.10.7", "src and dst host 10.0.0.1", "ip host 10.0.0.1",
	"arp host 10.0.0.2", "arp src host 10.0.0.1", "host fd00::1", "src host fd00:9::2", "net 10.0.0.0/24", "dst net 192.168.0.0/16", "net 10", "net 10.0.0.0 mask 255.255.254.0",
	"net 0.0.0.0/0", "net fd00::/16", "src net fd00:9::/32", "net fd00:8::/29", "port 502", "tcp port 102", "udp port 50000", "src port 80", "tcp dst port 502", "src and dst port 80",
	"portrange 80-502", "udp src portrange 8000-9000", "tcp portrange 100-110", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "igmp", "ip proto 17", "ip6 proto 6", "ether proto 0x8892",
	"ether host 00:1b:1b:01:02:03", "ether src 02:00:00:00:00:07", "ether dst 00:0e:8c:04:05:06", "ether src or dst 02:00:00:00:00:07", "ether broadcast", "ether multicast", "less 60", "greater 80",
}

// The same frames are taken as by tcpdump: each primitive, and many of them joined by chance.
func TestAsTcpdump(t *testing.T) {
	need(t, "tcpdump")
	r := rand.New(rand.NewPCG(1, 2))
	var frames [][]byte
	for range 3000 {
		frames = append(frames, frame(r, 0))
	}
	path := capture(t, frames)
	taken := 0
	for _, p := range primitives {
		got := ours(t, frames, p)
		same(t, frames, p, got, tcpdump(t, path, p))
		if len(got) > 0 && len(got) < len(frames) {
			taken++
		}
	}
	if taken < len(primitives)-6 {
		t.Errorf("only %d of %d primitives told frames apart: the test proves little", taken, len(primitives))
	}
	for range 60 {
		expr := random(r, 3)
		same(t, frames, expr, ours(t, frames, expr), tcpdump(t, path, expr))
	}
	for _, expr := range []string{
		"port 102 or 502 and tcp", "not host 10.0.0.1 and 10.0.0.2", "tcp port 80 or 102 or 502", "!(arp || ip6) && not port 502", "host 10.0.0.1 and (port 502 or icmp)", "ether host 00:1b:1b:01:02:03 or 02:00:00:00:00:07",
	} {
		same(t, frames, expr, ours(t, frames, expr), tcpdump(t, path, expr))
	}
}

func random(r *rand.Rand, depth int) string {
	if depth == 0 || r.IntN(4) == 0 {
		return primitives[r.IntN(len(primitives))]
	}
	switch r.IntN(4) {
	case 0:
		return "not (" + random(r, depth-1) + ")"
	case 1:
		return random(r, depth-1) + " and " + random(r, depth-1)
	case 2:
		return random(r, depth-1) + " or " + random(r, depth-1)
	}
	return "(" + random(r, depth-1) + ")"
}

// Behind no tag, one and two, each primitive takes what tcpdump takes when it is told of the tags.
func TestTagsAsTcpdump(t *testing.T) {
	need(t, "tcpdump")
	r := rand.New(rand.NewPCG(3, 4))
	var frames [][]byte
	for i := range 3000 {
		frames = append(frames, frame(r, i%3))
	}
	path := capture(t, frames)
	for _, p := range primitives {
		if strings.HasPrefix(p, "ether") && !strings.Contains(p, "proto") || strings.HasPrefix(p, "less") || strings.HasPrefix(p, "greater") {
			same(t, frames, p, ours(t, frames, p), tcpdump(t, path, p)) // these look at no header behind a tag
			continue
		}
		want := tcpdump(t, path, fmt.Sprintf("(%s) or (vlan and (%s)) or (vlan and (%s))", p, p, p))
		same(t, frames, p, ours(t, frames, p), want)
	}
	for expr, peer := range map[string]string{
		"vlan":                          "vlan",
		"vlan 10":                       "vlan 10 or (vlan 10)", // the second one looks behind the first tag… only where that matched
		"vlan 20 and not vlan 10":       "",
		"vlan and host 10.0.0.1":        "vlan and (host 10.0.0.1 or (vlan and host 10.0.0.1))",
		"not vlan and port 502":         "port 502 and not vlan",
		"vlan 100 and tcp port 502":     "",
		"host 10.0.0.1 and not vlan 10": "",
	} {
		if peer == "" || expr == "vlan 10" { // judged by reading the tags here
			got := ours(t, frames, expr)
			for i, f := range frames {
				has := func(id uint16) bool {
					for at := 12; be.Uint16(f[at:]) == 0x8100 || be.Uint16(f[at:]) == 0x88a8; at += 4 {
						if be.Uint16(f[at+2:])&0xfff == id {
							return true
						}
					}
					return false
				}
				want := map[string]func() bool{
					"vlan 10":                       func() bool { return has(10) },
					"vlan 20 and not vlan 10":       func() bool { return has(20) && !has(10) },
					"vlan 100 and tcp port 502":     func() bool { return has(100) && ours(t, [][]byte{f}, "tcp port 502")[1] },
					"host 10.0.0.1 and not vlan 10": func() bool { return !has(10) && ours(t, [][]byte{f}, "host 10.0.0.1")[1] },
				}[expr]()
				if got[i+1] != want {
					t.Fatalf("%s: frame %d is taken: %v: % x", expr, i+1, got[i+1], f)
				}
			}
			continue
		}
		same(t, frames, expr, ours(t, frames, expr), tcpdump(t, path, peer))
	}
}

// A second peer, which reads tags by itself: tshark's display filters.
func TestAsTshark(t *testing.T) {
	need(t, "tshark")
	r := rand.New(rand.NewPCG(5, 6))
	var frames [][]byte
	for i := range 1500 {
		frames = append(frames, frame(r, i%3))
	}
	path := capture(t, frames)
	for expr, display := range map[string]string{
		"ip host 10.0.0.1":                     "ip.addr == 10.0.0.1",
		"ip6 and src net fd00:9::/32":          "ipv6.src == fd00:9::/32",
		"ip dst net 10.0.0.0/23 or arp":        "ip.dst == 10.0.0.0/23 or arp",
		"tcp port 502 and vlan 100":            "tcp.port == 502 and (vlan.id == 100 or ieee8021ad.id == 100)",
		"vlan 10 or vlan 20":                   "vlan.id in {10, 20} or ieee8021ad.id in {10, 20}",
		"ether proto 0x8892 and not multicast": "pn_rt and not eth.dst.ig == 1",
	} {
		cmd := exec.CommandContext(t.Context(), "tshark", "-n", "-r", path, "-Y", display, "-T", "fields", "-e", "frame.number", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark %s: %v", display, err)
		}
		want := set{}
		for line := range strings.Lines(string(out)) {
			var n int
			if _, err := fmt.Sscan(line, &n); err == nil {
				want[n] = true
			}
		}
		got := ours(t, frames, expr)
		same(t, frames, expr, got, want)
		if len(got) == 0 {
			t.Errorf("%s took nothing: the test proves little", expr)
		}
	}
}

// Short frames are no way around a "not".
func TestShortFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	matcher := func(expr string) *Matcher {
		f, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.Matcher(Ethernet)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var cut [][]byte
	for range 60 {
		whole := frame(r, r.IntN(3))
		for n := 14; n < len(whole); n++ {
			cut = append(cut, whole[:n])
		}
	}
	for _, p := range []string{"host 10.0.0.1", "port 502", "arp host 10.0.0.1", "ip6", "vlan 10", "net fd00::/16"} {
		yes, no := matcher(p), matcher("not "+p)
		for _, whole := range cut {
			if is := yes.Match(whole); is == no.Match(whole) {
				t.Fatalf("%q and not %q are both %v for % x", p, p, is, whole)
			}
		}
	}
}

// What is wrong is said with its place.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int
		why  string
	}{
		{"host", 4, "ends too early"},
		{"host plc1", 5, "not an address; names are not looked up"},
		{"port http", 5, "write the number"},
		{"port 70000", 5, "at most 65535"},
		{"host 10.0.0.1 port 502", 14, "join parts with and, or"},
		{"tcp and (port 502", 17, "closing parenthesis"},
		{"net 10.0.0.1/24", 4, "did you mean 10.0.0.0/24?"},
		{"ip[9] == 6", 2, "comparisons of bytes"},
		{"frobnicate", 0, "not known"},
		{"ether host 10.0.0.1", 11, "not an Ethernet address"},
		{"udp host 10.0.0.1", 9, "cannot be asked of udp host"},
		{"vlan 5000", 5, "at most 4095"},
		{"ip6 host 10.0.0.1", 9, "not an address of ip6"},
		{"not", 3, "ends too early"},
		{"(((((", 5, "ends too early"},
		{strings.Repeat("(", 100) + "ip", 65, "too deep"},
		{strings.Repeat("port 1 or ", 2000), MaxText, "longer than"},
	} {
		_, err := Parse(c.text)
		var e *SyntaxError
		if !errors.As(err, &e) || e.At != c.at || !strings.Contains(e.Why, c.why) {
			t.Errorf("%.60q: %v at %v; want %q at %d", c.text, err, e, c.why, c.at)
		}
	}
	for _, text := range []string{"", "  ", "\t\n"} {
		if f, err := Parse(text); err != nil || !f.All() {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A long list of hosts needs jumps that reach further than a conditional one.
func TestLongJumps(t *testing.T) {
	var list []string
	for i := range 120 {
		list = append(list, fmt.Sprintf("host 10.9.%d.1", i))
	}
	expr := strings.Join(append(list, "host 10.0.0.1"), " or ")
	r := rand.New(rand.NewPCG(9, 10))
	var frames [][]byte
	for range 300 {
		frames = append(frames, frame(r, 0))
	}
	same(t, frames, "121 hosts", ours(t, frames, expr), ours(t, frames, "host 10.0.0.1"))
}

// Whatever is typed: a program that the kernel would take, or a sentence.
func FuzzParse(f *testing.F) {
	for _, p := range primitives {
		f.Add(p)
	}
	f.Add("vlan 10 and not (tcp port 102 or 502) || ether host 00:1b:1b:01:02:03")
	f.Add("src and dst net 10.0.0.0 mask 255.0.0.0")
	r := rand.New(rand.NewPCG(11, 12))
	frames := [][]byte{frame(r, 0), frame(r, 1), frame(r, 2), {1, 2, 3}, {}}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			var e *SyntaxError
			if !errors.As(err, &e) || e.At < 0 || e.At > max(len(text), MaxText) || e.Why == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, link := range []Link{Ethernet, Raw} {
			if _, err := p.Compile(link, true); err != nil {
				t.Fatal(err)
			}
			m, err := p.Matcher(link)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			for _, b := range frames {
				m.Match(b)
			}
		}
	})
}
