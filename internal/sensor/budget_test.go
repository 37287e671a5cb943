package sensor

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestTupleBudget(t *testing.T) {
	var frames [][]byte
	for i := range 1000 {
		frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyMany, string([]byte{byte(i), byte(i >> 8)}))))
	}
	cfg := toyConfig(t)
	cfg.Budget.Tuples = 16
	s := summaryOf(t, frames, cfg)
	if len(s.Tuples) > 17 || counts(s)[toyMany] != 1000 || s.Health.BudgetHit["tuples"] == 0 {
		t.Errorf("%d tuples, %d messages, %v; want few tuples, every message counted, the budget told", len(s.Tuples), counts(s)[toyMany], s.Health.BudgetHit)
	}
}

// Codes that are names: counted by name, bounded in number and length.
func TestTextCodes(t *testing.T) {
	x := newTexts()
	if a, b, again := x.number([]byte("GET")), x.number([]byte("PUT")), x.number([]byte("GET")); a == b || a != again || x.all[a] != "GET" || x.number(nil) != 0 {
		t.Errorf("numbers %d, %d, %d", a, b, again)
	}
	for i := range 2 * maxTexts {
		x.number([]byte(fmt.Sprint(strings.Repeat("x", 300), i)))
		x.number([]byte(fmt.Sprint(i)))
	}
	if len(x.all) != maxTexts || len(x.numbers) != maxTexts-2 || x.number([]byte("new")) != otherText || len(x.all[maxTexts-1]) > maxText {
		t.Errorf("%d texts", len(x.all))
	}
}

func TestEventBudgetKeepsAlerts(t *testing.T) {
	var frames [][]byte
	for i := range 200 {
		frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyProgram, fmt.Sprint("block ", i))))
	}
	frames = append(frames, udpFrame("10.0.0.3", "10.0.0.2", 50000, 9000, pdu(toyProgram, "")))
	cfg := toyConfig(t)
	cfg.Budget.Events = 50
	s := summaryOf(t, frames, cfg)
	last := s.Events[len(s.Events)-1]
	if len(s.Events) != 52 || last.Ref.Number != 201 || s.Health.BudgetHit["events"] != 149 {
		t.Errorf("%d events, the last from packet %d, %v; the first hit between two hosts must not drown", len(s.Events), last.Ref.Number, s.Health.BudgetHit)
	}
	cfg.Brief = true
	s = summaryOf(t, frames, cfg)
	if len(s.Events) != 2 || s.Events[0].Repeats != 199 || s.Events[0].Proof != nil || s.Flows[0].Proof != nil {
		t.Errorf("brief: %+v", s.Events)
	}
}

// A million forged addresses: bounded memory, and it says what it dropped.
func TestForgedAddresses(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 200_000
	}
	cfg := toyConfig(t)
	e := newEngine(&cfg)
	frame := udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyName, "xxxx"))
	real := udpFrame("192.168.7.1", "192.168.7.2", 50000, 9000, pdu(toyRead, ""))
	var p Packet
	for i := range n {
		order.PutUint32(frame[26:], 0x0b000000+uint32(i))
		order.PutUint32(frame[46:], uint32(i))
		p = Packet{Data: frame, At: 1e18 + int64(i)*1e3, Number: uint64(i + 1), Wire: len(frame), Link: LinkEthernet}
		e.take(&p)
		if i%1000 == 0 {
			p.Data, p.Wire = real, len(real)
			e.take(&p)
		}
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("%d MB in use", m.HeapAlloc>>20)
	if mb := m.HeapAlloc >> 20; mb > 200 {
		t.Errorf("%d MB in use", mb)
	}
	var s *Summary
	if err := e.flush(&memory{}, func(x *Summary) error { s = x; return nil }, "", true); err != nil {
		t.Fatal(err)
	}
	for _, budget := range []string{"flows", "hosts", "facts", "conversations"} {
		if s.Health.BudgetHit[budget] == 0 {
			t.Errorf("nothing told of the budget of %s: %v", budget, s.Health.BudgetHit)
		}
	}
	if len(s.Hosts) > 65536 || len(s.Facts) > 65536 || len(s.Flows) > 65536+3*40000 {
		t.Errorf("%d hosts, %d facts, %d flows", len(s.Hosts), len(s.Facts), len(s.Flows))
	}
	if i := slices.IndexFunc(s.Flows, func(f FlowDelta) bool { return f.Client.IP.String() == "192.168.7.1" }); i < 0 || s.Flows[i].ClientPackets != uint64(n/1000) {
		t.Error("the real conversation drowned")
	}
}

// A sensor that listens for months still hears what is new after a flood of facts.
func TestFactsAfterAFlood(t *testing.T) {
	var frames [][]byte
	for i := range 400 {
		frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyName, fmt.Sprint("flood ", i))))
	}
	frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyName, "new device")))
	cfg := toyConfig(t)
	cfg.Interval, cfg.Budget.Facts = 100e6, 128
	all := summaries(t, &memory{frames: frames}, cfg)
	last := all[len(all)-1]
	if n := len(last.Facts); n == 0 || last.Facts[n-1].Value != "new device" || all[0].Health.BudgetHit["facts"] == 0 {
		t.Errorf("the last interval's facts: %+v; the first's drops: %v", last.Facts, all[0].Health.BudgetHit)
	}
}

// replay is an endless plant in steady state: the same flows, new bytes.
type replay struct {
	e      *engine
	frames [][]byte
	seqs   []uint32
	n      int
	p      Packet
}

func newReplay(t testing.TB) *replay {
	cfg := toyConfig(t)
	r := &replay{e: newEngine(&cfg)}
	body := slices.Concat(pdu(toyRead, "abc"), pdu(toyRead, ""), pdu(toyName, "S7-1500"), pdu(toyMany, "u"))
	for i := range 50 {
		src := fmt.Sprintf("10.1.0.%d", i)
		r.frames = append(r.frames,
			ethernet(mac(1), mac(2), 0x0800, ip4(src, "10.2.0.1", 6, tcp(uint16(40000+i), 9000, 1, 1, tcpACK, body))),
			ethernet(mac(1), mac(2), 0x0800, ip4(src, "10.2.0.1", 6, tcp(uint16(50000+i), 9000, 1, 1, tcpACK, body[:len(body)-3]))),
			tagged(ethernet(mac(1), mac(2), 0x0800, ip4(src, "10.2.0.2", 17, udp(40000, 9000, pdu(toyRead, "x")))), 0x8100, 5),
			ethernet(mac(byte(i)), mac(99), 0x88b5, pdu(toyRead, "e")))
	}
	r.seqs = make([]uint32, len(r.frames))
	return r
}

func (r *replay) next() {
	i := r.n % len(r.frames)
	b := r.frames[i]
	if i%4 < 2 { // a TCP segment: in order
		order.PutUint32(b[38:], r.seqs[i])
		r.seqs[i] += uint32(len(b) - 54)
	}
	r.n++
	r.p = Packet{Data: b, At: 1e18 + int64(r.n)*1e5, Number: uint64(r.n), Wire: len(b), Link: LinkEthernet}
	r.e.take(&r.p)
}

func TestNoAllocationInSteadyState(t *testing.T) {
	r := newReplay(t)
	for range 20 * len(r.frames) {
		r.next()
	}
	if n := testing.AllocsPerRun(20*len(r.frames), r.next); n != 0 {
		t.Errorf("%v allocations a packet, want none", n)
	}
}

func BenchmarkPacket(b *testing.B) {
	r := newReplay(b)
	b.ReportAllocs()
	for b.Loop() {
		r.next()
	}
}

// Counters and facts lie in parts that never move; what is given back is used again.
func TestCountersAndFactsInParts(t *testing.T) {
	var in tupleSlab
	var flows [3]tuples
	for round := range 3 {
		for i := range uint32(300) {
			k := tupleKey{code: i, unit: uint32(round)}
			r := flows[i%3].add(&in, &k, k.hash())
			r.count = uint64(i)
		}
		for i := range uint32(300) {
			k := tupleKey{code: i, unit: uint32(round)}
			if r := flows[i%3].find(&in, &k, k.hash()); r == nil || r.count != uint64(i) {
				t.Fatalf("round %d: counter %d is %+v", round, i, r)
			}
			if r := flows[(i+1)%3].find(&in, &k, k.hash()); r != nil {
				t.Fatalf("round %d: counter %d is another flow's too", round, i)
			}
		}
		for f := range flows {
			n := uint32(f)
			for r := range flows[f].all(&in) {
				if r.key.code != n {
					t.Fatalf("counter %d comes where %d was made", r.key.code, n)
				}
				n += 3
			}
			flows[f].reset(&in)
		}
	}
	if in.used != 300 {
		t.Errorf("%d counters were made for 300 at a time", in.used)
	}
	var f facts
	for i := range 3*factsOfPart + 1 {
		f.add(fact{hash: uint64(i)})
		for back := range i + 1 {
			if got := f.newest(back).hash; got != uint64(i-back) {
				t.Fatalf("of %d facts the last but %d is %d", i+1, back, got)
			}
		}
	}
}
