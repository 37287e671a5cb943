package sensor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

func udpFrame(src, dst string, sport, dport uint16, body []byte) []byte {
	return ethernet(mac(1), mac(2), 0x0800, ip4(src, dst, 17, udp(sport, dport, body)))
}

func TestConversation(t *testing.T) {
	c := newTalk().open().say(0, pdu(toyRead, "a")).say(1, pdu(toyRead|0x80, "b")).say(0, pdu(toyProgram, "c"))
	s := summaryOf(t, c.frames, toyConfig(t))
	if len(s.Flows) != 1 {
		t.Fatalf("%d conversations, want 1", len(s.Flows))
	}
	f := s.Flows[0]
	if f.Client.IP.String() != "10.0.0.1" || f.Server.IP.String() != "10.0.0.2" || f.ClientBy != BySYN || f.Transport != "tcp" ||
		f.Port != 9000 || f.Protocol != "toy" || f.Sessions != 1 || !f.Established || f.ClientPackets != 4 || f.ServerPackets != 2 ||
		f.Client.MAC != mac(1) || f.FirstRef.Number != 1 || f.FirstRef.Source != "test" {
		t.Errorf("conversation: %+v", f)
	}
	if !bytes.Equal(f.Proof, c.frames[3]) {
		t.Error("the proof is not the first packet with payload")
	}
	if len(s.Hosts) != 2 || s.Hosts[0].Packets != 4 || s.Hosts[0].TTLMax != 64 || s.Hosts[0].FirstPacket != 1 || s.Hosts[1].FirstPacket != 2 {
		t.Errorf("hosts: %+v", s.Hosts)
	}
	want := []string{"toy function request 1 Read read 1", "toy function response 1 Read read 1", "toy extra response 7 Seven other 1", "toy function request 2 Load program_download 1"}
	var got []string
	for _, u := range s.Tuples {
		got = append(got, fmt.Sprint(u.Protocol, " ", u.Kind, " ", u.Dir, " ", u.Code, " ", u.Name, " ", u.Class, " ", u.Count))
		if u.Flow != (FlowKey{Client: f.Client, Server: f.Server, Transport: "tcp", Port: 9000, Protocol: "toy"}) {
			t.Errorf("tuple's conversation: %+v", u.Flow)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("tuples\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	last := s.Events[len(s.Events)-1]
	if last.Code != toyProgram || last.Ref.Number != 6 || !slices.Equal(last.Rules, []string{"load"}) || !bytes.Equal(last.Proof, c.frames[5]) {
		t.Errorf("the load's event: %+v", last)
	}
	if s.Health.Packets != 6 || s.From != 1e18+1e6 || s.To != 1e18+6e6 || s.Sensor != "test" || s.Seq != 1 {
		t.Errorf("summary: %+v", s)
	}
}

// Flows that differ only in the client's port are one conversation.
func TestOneConversationManyPorts(t *testing.T) {
	var frames [][]byte
	for i := range 5 {
		frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", uint16(50000+i), 9000, pdu(toyRead, "")))
	}
	s := summaryOf(t, frames, toyConfig(t))
	if len(s.Flows) != 1 || s.Flows[0].Sessions != 5 || s.Flows[0].ClientPackets != 5 || counts(s)[toyRead] != 5 || len(s.Tuples) != 1 || len(s.Events) != 1 {
		t.Errorf("%d conversations, %+v, %d tuples, %d events", len(s.Flows), s.Flows[0], len(s.Tuples), len(s.Events))
	}
}

func TestClientSide(t *testing.T) {
	set := toySet(t, "toy")
	for name, c := range map[string]struct {
		frames [][]byte
		client string
		by     ClientBy
		port   uint16
	}{
		"answer of the opening": {[][]byte{ethernet(mac(2), mac(1), 0x0800, ip4("10.0.0.2", "10.0.0.1", 6, tcp(50000, 60000, 1, 2, tcpSYN|tcpACK, nil)))}, "10.0.0.1", BySYN, 50000},
		"known port":            {[][]byte{udpFrame("10.0.0.2", "10.0.0.1", 9000, 50000, pdu(1, ""))}, "10.0.0.1", ByPort, 9000},
		"system port":           {[][]byte{udpFrame("10.0.0.2", "10.0.0.1", 123, 50000, []byte("x"))}, "10.0.0.1", ByPort, 123},
		"first to speak":        {[][]byte{udpFrame("10.0.0.2", "10.0.0.1", 50000, 50000, []byte("x"))}, "10.0.0.2", ByGuess, 50000},
		"lower port":            {[][]byte{udpFrame("10.0.0.2", "10.0.0.1", 40000, 50000, []byte("x"))}, "10.0.0.1", ByGuess, 40000},
		"protocol says":         {[][]byte{udpFrame("10.0.0.2", "10.0.0.1", 50000, 9000, pdu(toyServer, ""))}, "10.0.0.1", ByProtocol, 50000},
		"no opening with FIN":   {[][]byte{ethernet(mac(2), mac(1), 0x0800, ip4("10.0.0.2", "10.0.0.1", 6, tcp(9000, 60000, 1, 2, tcpSYN|tcpFIN, nil)))}, "10.0.0.1", ByPort, 9000},
	} {
		s := summaryOf(t, c.frames, Config{Protocols: set})
		if f := s.Flows[0]; f.Client.IP.String() != c.client || f.ClientBy != c.by || f.Port != c.port {
			t.Errorf("%s: client %s by %s, port %d; want %s by %s, port %d", name, f.Client.IP, f.ClientBy, f.Port, c.client, c.by, c.port)
		}
	}
}

func TestContentDecides(t *testing.T) {
	cfg := toyConfig(t)
	odd := summaryOf(t, [][]byte{udpFrame("10.0.0.1", "10.0.0.2", 50000, 1234, pdu(1, ""))}, cfg)
	if odd.Flows[0].Protocol != "toy" {
		t.Errorf("on an odd port: %q, want toy", odd.Flows[0].Protocol)
	}
	junk := summaryOf(t, [][]byte{udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, []byte("junk"))}, cfg)
	if f := junk.Flows[0]; f.Protocol != "" || f.Guess != "toy" || junk.Health.Unknown != 4 {
		t.Errorf("junk on the usual port: %+v, unknown %d", f, junk.Health.Unknown)
	}
	// Alien three times: let go, and the next dissector gets its turn.
	two := Config{Protocols: toySet(t, "first", "second")}
	c := newTalk().open()
	for range 3 {
		c.say(0, pdu(toyAlien, ""))
	}
	c.say(0, pdu(toyRead, ""))
	if f := summaryOf(t, c.frames, two).Flows[0]; f.Protocol != "second" {
		t.Errorf("after three aliens: %q, want second", f.Protocol)
	}
	// EtherType.
	e := summaryOf(t, [][]byte{ethernet(mac(1), mac(2), 0x88b5, pdu(toyProgram, ""))}, cfg)
	if f := e.Flows[0]; f.Transport != "ether" || f.Port != 0x88b5 || f.Protocol != "toy" || counts(e)[toyProgram] != 1 || f.Client.MAC != mac(1) {
		t.Errorf("EtherType: %+v", f)
	}
	// Announced by another flow.
	x := summaryOf(t, [][]byte{
		udpFrame("10.0.0.1", "10.0.0.9", 50000, 9000, pdu(toyExpect, "")),
		udpFrame("10.0.0.1", "10.0.0.9", 50001, 7777, []byte{0xa5}),
	}, cfg)
	if f := x.Flows[1]; f.Port != 7777 || f.Protocol != "toy" {
		t.Errorf("announced: %+v", f)
	}
}

func TestProbesAreBounded(t *testing.T) {
	asked := 0
	set := toySet(t, "toy")
	set.Entries[0].Protocol = counting{toy{"toy"}, &asked}
	var frames [][]byte
	for range 5000 {
		frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 1234, []byte("junk")))
	}
	summaryOf(t, frames, Config{Protocols: set})
	if asked < maxTries || asked > 2*(maxTries+13) {
		t.Errorf("asked %d times on 5,000 datagrams of nobody", asked)
	}
}

type counting struct {
	toy
	asked *int
}

func (c counting) Probe(dir ot.Dir, b []byte) dissect.Verdict {
	*c.asked++
	return c.toy.Probe(dir, b)
}

func TestPanicSetsOneFlowAside(t *testing.T) {
	c := newTalk().open().say(0, pdu(toyRead, "")).say(0, slices.Concat(pdu(toyPanic, ""), pdu(toyRead, ""))).say(0, pdu(toyRead, ""))
	frames := append(c.frames, udpFrame("10.0.0.5", "10.0.0.2", 50000, 9000, pdu(toyRead, "")))
	s := summaryOf(t, frames, toyConfig(t))
	if s.Health.Quarantined != 1 || counts(s)[toyRead] != 2 || s.Flows[0].Protocol != "toy" || s.Flows[0].ClientPackets != 5 {
		t.Errorf("quarantined %d, %v, %+v", s.Health.Quarantined, counts(s), s.Flows[0])
	}
}

func TestFactsOnce(t *testing.T) {
	var frames [][]byte
	for range 3 {
		for _, from := range []string{"10.0.0.7", "10.0.0.8"} {
			frames = append(frames, udpFrame(from, "10.0.0.2", 50000, 9000, pdu(toyName, "PLC \x1b[31m1")))
		}
	}
	s := summaryOf(t, frames, toyConfig(t))
	if len(s.Facts) != 2 || s.Facts[0].Ref.Number != 1 || s.Facts[1].Ref.Number != 2 {
		t.Fatalf("facts: %+v", s.Facts)
	}
	f := s.Facts[0]
	if f.Attr != "toy.name" || f.About.IP.String() != "10.0.0.7" || f.Protocol != "toy" || !bytes.Equal(f.Proof, frames[0]) ||
		strings.Contains(f.Value, "\x1b") || string(f.Raw) != "PLC \x1b[31m1" {
		t.Errorf("fact: %+v", f)
	}
	// Over several intervals too.
	cfg := toyConfig(t)
	cfg.Interval = 2e6
	told := 0
	for _, s := range summaries(t, &memory{frames: frames}, cfg) {
		told += len(s.Facts)
	}
	if told != 2 {
		t.Errorf("%d facts over several intervals, want 2", told)
	}
}

func TestARPAndNeighbours(t *testing.T) {
	l := newEngine(&Config{Protocols: toySet(t, "toy")}).lanes[0]
	l.frame.at, l.frame.number = 5, 9
	l.cur = &flow{}
	l.Fact(ot.Host{MAC: mac(3), IP: netip.MustParseAddr("10.0.0.3")}, AttrARP, []byte("10.0.0.3"))
	if h := l.hosts[hostKey{0, mac(3), addrOf(netip.MustParseAddr("10.0.0.3"))}]; h == nil || !h.arp {
		t.Errorf("ARP: %+v", l.hosts)
	}
	target := netip.MustParseAddr("fe80::5").As16()
	advert := slices.Concat([]byte{136, 0, 0, 0, 0x60, 0, 0, 0}, target[:], []byte{2, 1, 2, 0, 0, 0, 0, 5})
	s := summaryOf(t, [][]byte{ethernet(mac(5), mac(2), 0x86dd, ip6("fe80::5", "ff02::1", 58, advert))}, Config{})
	if len(s.Hosts) != 1 || !s.Hosts[0].ARP || s.Hosts[0].MAC != mac(5) || s.Flows[0].Transport != "icmp" {
		t.Errorf("neighbour advertisement: %+v", s.Hosts)
	}
}

// A credential is a fact that it was seen, never a value.
func TestSecretsLeaveNoProof(t *testing.T) {
	frames := [][]byte{udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toySecret, "hunter2"))}
	s := summaryOf(t, frames, toyConfig(t))
	if raw, _ := json.Marshal(s); bytes.Contains(raw, []byte("hunter2")) || bytes.Contains(raw, []byte("aHVudGVyM")) {
		t.Error("the summary holds the secret")
	}
	if len(s.Events) != 1 || bytes.Contains(s.Events[0].Proof, []byte("hunter2")) || bytes.Contains(s.Flows[0].Proof, []byte("hunter2")) || len(s.Flows[0].Proof) != 42 {
		t.Errorf("proofs: event %q, conversation %q; want the headers only", s.Events[0].Proof, s.Flows[0].Proof)
	}
}

// plant is mixed traffic of many hosts with loss, reordering and fragments.
func plant(n int, seed uint64) [][]byte {
	r := rand.New(rand.NewPCG(seed, 7))
	type link struct {
		src, dst string
		port     uint16
		seq      uint32
	}
	var links []link
	for range 60 {
		links = append(links, link{fmt.Sprintf("10.0.%d.%d", r.IntN(3), r.IntN(20)), fmt.Sprintf("10.0.%d.%d", r.IntN(3), 100+r.IntN(20)), uint16(40000 + r.IntN(100)), r.Uint32()})
	}
	bodies := []byte{toyRead, toyRead, toyRead, toyProgram, toyName, toyMany, toyAlien, toySecret}
	var out [][]byte
	for range n {
		l := &links[r.IntN(len(links))]
		b := pdu(bodies[r.IntN(len(bodies))], fmt.Sprint("n", r.IntN(30)))
		m := mac(byte(r.IntN(5)))
		switch r.IntN(6) {
		case 0, 1, 2:
			out = append(out, ethernet(m, mac(9), 0x0800, ip4(l.src, l.dst, 6, tcp(l.port, 9000, l.seq, 0, tcpACK, b))))
			if r.IntN(20) > 0 {
				l.seq += uint32(len(b))
			}
		case 3:
			out = append(out, ethernet(m, mac(9), 0x0800, ip4(l.dst, l.src, 17, udp(9000, l.port, b))))
		case 4:
			whole := udp(l.port, 9000, pdu(toyRead, strings.Repeat("f", 100)))
			id := uint16(r.IntN(1 << 16))
			out = append(out, ethernet(m, mac(9), 0x0800, ip4part(l.src, l.dst, 17, id, 0, true, whole[:64])),
				ethernet(m, mac(9), 0x0800, ip4part(l.src, l.dst, 17, id, 64, false, whole[64:])))
		case 5:
			out = append(out, ethernet(m, mac(byte(r.IntN(5))), 0x88b5, b))
		}
	}
	return out
}

// One goroutine and several print the same, budgets hit or not.
func TestShardsGiveTheSame(t *testing.T) {
	frames := plant(20000, 1)
	for name, budget := range map[string]Budget{"roomy": {}, "tight": {Flows: 128, Hosts: 40, Facts: 50, Events: 200, Tuples: 4, Buffer: 1}} {
		for _, interval := range []int64{0, 3e9} {
			var want string
			for _, shards := range []int{1, 2, 3, 8} {
				cfg := toyConfig(t)
				cfg.Shards, cfg.Budget, cfg.Interval = shards, budget, interval
				all := summaries(t, &memory{frames: frames}, cfg)
				for _, s := range all {
					s.Sent = 0
				}
				raw, err := json.Marshal(all)
				if err != nil {
					t.Fatal(err)
				}
				if want == "" {
					want = string(raw)
				}
				if string(raw) != want {
					t.Errorf("%s, interval %d: %d shards differ from one", name, interval, shards)
				}
			}
			if name == "tight" && !strings.Contains(want, `"flows":`) {
				t.Error("the tight budget was not hit")
			}
		}
	}
}

// The deltas of intervals add up to the one summary of the whole.
func TestIntervalsAddUp(t *testing.T) {
	frames := plant(8000, 2)
	sum := func(interval int64) (packets, bytes, tuples, hosts uint64, n int) {
		cfg := toyConfig(t)
		cfg.Interval = interval
		for _, s := range summaries(t, &memory{frames: frames}, cfg) {
			n++
			for _, f := range s.Flows {
				packets += f.ClientPackets + f.ServerPackets
				bytes += f.ClientBytes + f.ServerBytes
			}
			for _, u := range s.Tuples {
				tuples += u.Count
			}
			for _, h := range s.Hosts {
				hosts += h.Packets
			}
			if int(s.Seq) != n || s.Last != (s.To == 1e18+int64(len(frames))*1e6) {
				t.Errorf("summary %d: seq %d, last %v", n, s.Seq, s.Last)
			}
		}
		return packets, bytes, tuples, hosts, n
	}
	p1, b1, t1, h1, n1 := sum(0)
	p2, b2, t2, h2, n2 := sum(1e9)
	if p1 != p2 || b1 != b2 || t1 != t2 || h1 != h2 || n1 != 1 || n2 < 7 {
		t.Errorf("one summary: %d %d %d %d; %d summaries: %d %d %d %d", p1, b1, t1, h1, n2, p2, b2, t2, h2)
	}
}

func TestFragments(t *testing.T) {
	whole := udp(50000, 9000, pdu(toyProgram, strings.Repeat("x", 200)))
	part := func(lo, hi int) []byte {
		return ethernet(mac(1), mac(2), 0x0800, ip4part("10.0.0.1", "10.0.0.2", 17, 77, lo, hi < len(whole), whole[lo:hi]))
	}
	six := func(lo, hi int) []byte {
		h := []byte{17, 0, byte(lo >> 8), byte(lo), 0, 0, 0, 9}
		if hi < len(whole) {
			h[3] |= 1
		}
		return ethernet(mac(1), mac(2), 0x86dd, ip6("fe80::1", "fe80::2", 44, append(h, whole[lo:hi]...)))
	}
	for name, frames := range map[string][][]byte{
		"in order":   {part(0, 80), part(80, 160), part(160, len(whole))},
		"reversed":   {part(160, len(whole)), part(80, 160), part(0, 80)},
		"overlapped": {part(0, 120), part(80, 160), part(80, 160), part(160, len(whole))},
		"IPv6":       {six(0, 104), six(104, len(whole))},
	} {
		s := summaryOf(t, frames, toyConfig(t))
		if counts(s)[toyProgram] != 1 || s.Flows[0].ClientPackets != uint64(len(frames)) || s.Hosts[0].Packets != uint64(len(frames)) {
			t.Errorf("%s: %v, %+v", name, counts(s), s.Flows)
		}
	}
	s := summaryOf(t, [][]byte{part(0, 80), part(160, len(whole))}, toyConfig(t))
	if len(s.Flows) != 0 || s.Hosts[0].Packets != 2 {
		t.Errorf("a hole: %+v", s)
	}
}

func TestRealms(t *testing.T) {
	frame := udpFrame("192.168.0.1", "192.168.0.2", 50000, 9000, pdu(toyName, "cell"))
	frames := [][]byte{tagged(frame, 0x8100, 10), tagged(frame, 0x8100, 20), frame}
	cfg := toyConfig(t)
	cfg.Realm = func(_ string, vlan uint16) string {
		if vlan == 0 {
			return ""
		}
		return fmt.Sprint("cell-", vlan)
	}
	s := summaryOf(t, frames, cfg)
	if len(s.Flows) != 3 || len(s.Hosts) != 3 || len(s.Facts) != 3 || s.Flows[0].Realm != "cell-10" || s.Hosts[1].Realm != "cell-20" ||
		s.Facts[0].About.Realm != "cell-10" || s.Flows[2].Realm != "" || s.Tuples[1].Flow.Realm != "cell-20" {
		t.Errorf("equal addresses in three realms: %d flows, %d hosts, %d facts", len(s.Flows), len(s.Hosts), len(s.Facts))
	}
}

func TestStopAndErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, shards := range []int{1, 4} {
		err := Run(ctx, &memory{frames: plant(5000, 3)}, Config{Shards: shards}, func(*Summary) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		full := errors.New("disk full")
		cfg := toyConfig(t)
		cfg.Shards, cfg.Interval = shards, 1e9
		if err := Run(context.Background(), &memory{frames: plant(5000, 3)}, cfg, func(*Summary) error { return full }); !errors.Is(err, full) {
			t.Errorf("emit's error: %v", err)
		}
	}
	raw := pcapFile(order, 0xa1b2c3d4, 1, udpFrame("10.0.0.1", "10.0.0.2", 1, 9000, pdu(1, "")), make([]byte, 99))
	src, err := Read(bytes.NewReader(raw[:len(raw)-3]), "x.pcap", 0)
	if err != nil {
		t.Fatal(err)
	}
	s := summaries(t, src, toyConfig(t))[0]
	if s.Health.Packets != 1 || !strings.Contains(s.Health.Cut, "cut short in packet 2") || counts(s)[1] != 1 {
		t.Errorf("a cut file: %+v", s.Health)
	}
}
