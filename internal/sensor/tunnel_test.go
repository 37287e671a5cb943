package sensor

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// One toy request inside everything that carries packets.
func tunnels(inner []byte) map[string][]byte {
	eth := ethernet(mac(1), mac(2), 0x0800, inner)
	outer := func(proto byte, payload []byte) []byte {
		return ethernet(mac(8), mac(9), 0x0800, ip4("172.16.0.1", "172.16.0.2", proto, payload))
	}
	link := func(etype uint16, head []byte, rest []byte) []byte {
		return ethernet(mac(1), mac(2), etype, append(slices.Clone(head), rest...))
	}
	h := func(s string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			panic(err)
		}
		return b
	}
	gre := func(head string, rest []byte) []byte { return outer(47, append(h(head), rest...)) }
	ppp := append(binary.BigEndian.AppendUint16(h("1100 0001"), uint16(2+len(inner))), append(h("0021"), inner...)...)
	hsr := append(binary.BigEndian.AppendUint16(nil, uint16(6+len(inner))), append(h("0007 0800"), inner...)...)
	prp := append(slices.Clone(eth), append(h("0009"), append(binary.BigEndian.AppendUint16(nil, 0xa000|uint16(len(inner)+6)), h("88fb")...)...)...)
	return map[string][]byte{
		"bare":                  eth,
		"QinQ":                  tagged(eth, 0x88a8, 7, 0x8100, 200),
		"three tags":            tagged(eth, 0x88a8, 7, 0x9100, 8, 0x8100, 200),
		"MPLS":                  link(0x8847, h("000651ff"), inner),
		"MPLS, three labels":    link(0x8847, h("000640ff 000650ff 000661ff"), inner),
		"MPLS, Ethernet":        link(0x8847, h("000641ff 00000000"), eth),
		"PPPoE":                 link(0x8864, ppp, nil),
		"HSR":                   link(0x892f, hsr, nil),
		"PRP trailer":           prp,
		"Cisco tag":             link(0x8909, h("0101 0001 0010 0800"), inner),
		"GRE, IP":               gre("0000 0800", inner),
		"GRE, all options":      gre("b000 0800 00000000 00000005 00000009", inner),
		"GRE, Ethernet":         gre("2000 6558 0000002a", eth),
		"ERSPAN I":              gre("0000 88be", eth),
		"ERSPAN II":             gre("1000 88be 00000001 1064000500000001", eth),
		"ERSPAN III":            gre("1000 22eb 00000002 20c80006aabbccdd00000000", eth),
		"ERSPAN III, subheader": gre("1000 22eb 00000002 20c80006aabbccdd00000001 0000000000000000", eth),
		"VXLAN":                 outer(17, udp(33333, 4789, append(h("08000000 00002a00"), eth...))),
		"VXLAN, Linux":          outer(17, udp(33333, 8472, append(h("08000000 00002a00"), eth...))),
		"IP in IP":              outer(4, inner),
		"VXLAN in GRE":          gre("0000 0800", ip4("172.17.0.1", "172.17.0.2", 17, udp(33333, 4789, append(h("08000000 00002a00"), eth...)))),
	}
}

func toyInside() []byte {
	return ip4("10.0.0.1", "10.0.0.2", 17, udp(50000, 9000, pdu(toyRead, "")))
}

func TestTunnels(t *testing.T) {
	for name, frame := range tunnels(toyInside()) {
		for _, shards := range []int{1, 2} {
			cfg := toyConfig(t)
			cfg.Shards = shards
			s := summaryOf(t, [][]byte{frame, frame}, cfg)
			i := slices.IndexFunc(s.Flows, func(f FlowDelta) bool {
				return f.Client.IP.String() == "10.0.0.1" && f.Server.IP.String() == "10.0.0.2" && f.Port == 9000 && f.ClientPackets == 2
			})
			if i < 0 || counts(s)[toyRead] != 2 || s.Health.Malformed != 0 || s.Health.Packets != 2 {
				t.Errorf("%s: %d messages, %d malformed, %+v", name, counts(s)[toyRead], s.Health.Malformed, s.Flows)
				continue
			}
			want := 1
			switch {
			case name == "VXLAN in GRE":
				want = 3
			case bytes.Contains(frame, []byte{172, 16, 0, 1}): // the tunnel is a conversation, too
				want = 2
			}
			if len(s.Flows) != want {
				t.Errorf("%s: %d conversations, want %d: %+v", name, len(s.Flows), want, s.Flows)
			}
			if vlan := s.Flows[i].VLAN; name == "ERSPAN II" && vlan != 100 || name == "ERSPAN III" && vlan != 200 || name == "QinQ" && vlan != 200 {
				t.Errorf("%s: VLAN %d", name, vlan)
			}
			if proof := s.Flows[i].Proof; !bytes.HasSuffix(proof, pdu(toyRead, "")) && name != "PRP trailer" {
				t.Errorf("%s: proof %x", name, proof)
			}
			for j := range s.Flows {
				if j != i && bytes.HasSuffix(s.Flows[j].Proof, pdu(toyRead, "")) {
					t.Errorf("%s: the tunnel's own proof holds what it carries", name)
				}
			}
		}
	}
}

// A packet of another implementation: VXLAN of Linux 6.18, recorded at a veth pair.
func TestTunnelOfLinux(t *testing.T) {
	frame, err := hex.DecodeString("02000000000222a493e3d4fc0800" + "4500005343490000401123" + "3d0a0900010a090002" +
		"833b12b5003f6dd7" + "0800000000002a00" + "020000000077622bf3146a970800" +
		"4500002147d040004011de5f0a4d00010a4d0002" + "9c402328000d14bb" + "68656c6c6f")
	if err != nil {
		t.Fatal(err)
	}
	s := summaryOf(t, [][]byte{frame}, toyConfig(t))
	if len(s.Flows) != 2 || s.Flows[1].Client.IP.String() != "10.77.0.1" || s.Flows[1].Port != 9000 || s.Flows[1].ClientPackets != 1 {
		t.Errorf("%+v", s.Flows)
	}
}

// A tunnel that was fragmented on its way: the parts are put together before the packet inside finds its lane.
func TestFragmentedTunnel(t *testing.T) {
	frame := tunnels(toyInside())["ERSPAN II"]
	body := frame[34:]
	parts := [][]byte{
		ethernet(mac(8), mac(9), 0x0800, ip4part("172.16.0.1", "172.16.0.2", 47, 7, 0, true, body[:40])),
		ethernet(mac(8), mac(9), 0x0800, ip4part("172.16.0.1", "172.16.0.2", 47, 7, 40, false, body[40:])),
	}
	for _, shards := range []int{1, 2} {
		cfg := toyConfig(t)
		cfg.Shards = shards
		if s := summaryOf(t, parts, cfg); counts(s)[toyRead] != 1 || len(s.Flows) != 2 {
			t.Errorf("%d messages, %+v", counts(s)[toyRead], s.Flows)
		}
	}
}

// Nesting ends: what is deeper is counted, not followed.
func TestTunnelsInTunnels(t *testing.T) {
	b := toyInside()
	for range 40 {
		b = ip4("172.16.0.1", "172.16.0.2", 47, append([]byte{0, 0, 8, 0}, b...))
	}
	s := summaryOf(t, [][]byte{ethernet(mac(1), mac(2), 0x0800, b)}, toyConfig(t))
	if counts(s)[toyRead] != 0 || s.Health.BudgetHit["tunnels in tunnels"] != 1 {
		t.Errorf("%d messages, %v", counts(s)[toyRead], s.Health.BudgetHit)
	}
	b = toyInside()
	for range 40 {
		b = append([]byte{0, 0, 0, 0, 0x89, 0x2f}, b...)
	}
	if s := summaryOf(t, [][]byte{ethernet(mac(1), mac(2), 0x892f, b)}, toyConfig(t)); s.Health.Malformed != 1 {
		t.Errorf("forty tags: %+v", s.Health)
	}
}

// Jumbo frames are read whole.
func TestJumbo(t *testing.T) {
	var body []byte
	for range 100 {
		body = append(body, pdu(toyRead, strings.Repeat("x", 80))...)
	}
	talk := newTalk().open().say(0, body[:8900])
	s := summaryOf(t, talk.frames, toyConfig(t))
	if n := counts(s)[toyRead]; n < 98 {
		t.Errorf("%d messages in a frame of 9,000 bytes", n)
	}
}

// The test's own frames are what tshark takes them for.
func TestTunnelsAsTsharkReadsThem(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "tshark") {
			t.Fatal(err)
		}
		t.Skip("no tshark to judge by")
	}
	var names []string
	var frames [][]byte
	for name, frame := range tunnels(toyInside()) {
		names, frames = append(names, name), append(frames, frame)
	}
	path := filepath.Join(t.TempDir(), "tunnels.pcap")
	if err := os.WriteFile(path, pcapOf(frames), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", path, "-T", "fields", "-e", "ip.dst", "-e", "udp.dstport", "-o", "prp.enable:TRUE",
		"-d", "udp.port==8472,vxlan", "-d", "mpls.label==100,pwethcw").Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimRight(string(out), "\n"), "\n") {
		addresses, ports, _ := strings.Cut(line, "\t")
		if !strings.HasSuffix(addresses, "10.0.0.2") || !strings.HasSuffix(ports, "9000") {
			t.Errorf("%s: tshark sees %q", names[i], line)
		}
	}
}

func pcapOf(frames [][]byte) []byte {
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	for i, f := range frames {
		for _, v := range []int{1_700_000_000 + i, 0, len(f), len(f)} {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		b = append(b, f...)
	}
	return b
}

// What a mirror shows twice is counted once; what a device says twice is not.
func TestCopies(t *testing.T) {
	talk := newTalk().open()
	for range 20 {
		talk.say(0, pdu(toyRead, "")).say(1, pdu(toyRead, ""))
	}
	poll := udpFrame("10.0.0.1", "10.0.0.3", 50000, 9000, pdu(toyRead, ""))
	cycle := ethernet(mac(1), mac(3), 0x88b5, pdu(toyRead, ""))
	once := slices.Concat(talk.frames, [][]byte{poll, cycle})
	routed := func(b []byte) []byte { // as the router's other side sends it
		b = slices.Clone(b)
		if b[12] == 8 {
			src, dst := mac(200), mac(201)
			copy(b[6:], src[:])
			copy(b, dst[:])
			b[22]--
		}
		return b
	}
	for name, again := range map[string]func([]byte) []byte{
		"the same":   func(b []byte) []byte { return b },
		"other VLAN": func(b []byte) []byte { return tagged(b, 0x8100, 30) },
		"routed":     routed,
	} {
		var twice [][]byte
		for _, f := range once {
			twice = append(twice, f, again(f))
		}
		cfg := toyConfig(t)
		want := summaryOf(t, once, cfg)
		cfg.Once = true
		for _, shards := range []int{1, 2} {
			cfg.Shards = shards
			got := summaryAt(t, twice, cfg, 10_000)
			if got.Health.Copies != uint64(len(once)) {
				t.Errorf("%s: %d copies of %d", name, got.Health.Copies, len(once))
			}
			if fmt.Sprint(counts(got)) != fmt.Sprint(counts(want)) || got.Flows[0].ClientPackets != want.Flows[0].ClientPackets {
				t.Errorf("%s: %v, %d packets; want %v, %d", name, counts(got), got.Flows[0].ClientPackets, counts(want), want.Flows[0].ClientPackets)
			}
		}
		cfg.Once = false
		if got := summaryAt(t, twice, cfg, 10_000); got.Health.Copies != 0 || got.Flows[0].ClientPackets == want.Flows[0].ClientPackets {
			t.Errorf("%s: not asked, and counted once all the same", name)
		}
	}
	cfg := toyConfig(t)
	cfg.Once = true
	if got := summaryAt(t, [][]byte{poll, poll, cycle, cycle}, cfg, 50_000_000); got.Health.Copies != 0 || counts(got)[toyRead] != 4 {
		t.Errorf("a device's repetitions, 50 ms apart: %d copies, %v", got.Health.Copies, counts(got))
	}
	if got := summaryAt(t, [][]byte{cycle, cycle, cycle}, cfg, 1_000_000); got.Health.Copies != 0 {
		t.Error("a cycle of 1 ms was taken for a mirror's copies")
	}
}

// summaryAt is summaryOf with another time between two frames.
func summaryAt(t testing.TB, frames [][]byte, cfg Config, step int64) *Summary {
	t.Helper()
	return summaries(t, &memory{frames: frames, step: step}, cfg)[0]
}
