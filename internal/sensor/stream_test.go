package sensor

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// stream of PDUs that exercise every case: 3 reads, a load, 2 reads.
func sample() []byte {
	return slices.Concat(pdu(toyRead, "aaa"), pdu(toyRead, ""), pdu(toyRead, strings.Repeat("b", 300)), pdu(toyProgram, "c"), pdu(toyRead, "d"), pdu(toyRead, "ee"))
}

func wantSample(t *testing.T, what string, s *Summary) {
	t.Helper()
	if c := counts(s); c[toyRead] != 5 || c[toyProgram] != 1 || len(c) != 2 {
		t.Errorf("%s: messages %v, want 5 reads and 1 load", what, c)
	}
}

func TestCutAtEverySegment(t *testing.T) {
	cfg, data := toyConfig(t), sample()
	for n := 1; n < len(data); n++ {
		c := newTalk().open().say(0, data[:n]).say(0, data[n:])
		s := summaryOf(t, c.frames, cfg)
		if counts(s)[toyRead] != 5 || s.Flows[0].Malformed > 0 || s.Flows[0].Lost > 0 || s.Flows[0].Protocol != "toy" {
			t.Fatalf("cut at %d: %v, %+v", n, counts(s), s.Flows[0])
		}
	}
	for size := 1; size < 50; size++ {
		c := newTalk().open()
		for b := range slices.Chunk(data, size) {
			c.say(0, b)
		}
		s := summaryOf(t, c.frames, cfg)
		wantSample(t, "small segments", s)
	}
}

func TestReorderedSegments(t *testing.T) {
	cfg, data := toyConfig(t), sample()
	c := newTalk().open()
	head := len(c.frames)
	for b := range slices.Chunk(data, 40) {
		c.say(0, b)
	}
	body := c.frames[head:]
	for i := range body { // each segment in turn comes four places late
		frames := slices.Clone(c.frames)
		late := frames[head+i]
		to := min(i+4, len(body)-1)
		copy(frames[head+i:], frames[head+i+1:head+to+1])
		frames[head+to] = late
		s := summaryOf(t, frames, cfg)
		wantSample(t, "one late", s)
		if s.Flows[0].Lost > 0 {
			t.Errorf("segment %d late: %d bytes lost", i, s.Flows[0].Lost)
		}
	}
	frames := slices.Clone(c.frames)
	slices.Reverse(frames[head+1:])
	wantSample(t, "all reversed", summaryOf(t, frames, cfg))
}

func TestRetransmissionsAreNotDecodedAgain(t *testing.T) {
	cfg, data := toyConfig(t), sample()
	c := newTalk().open()
	var frames [][]byte
	for b := range slices.Chunk(data, 30) {
		c.say(0, b)
		last := c.frames[len(c.frames)-1]
		c.frames = append(c.frames, last, last)
	}
	frames = append(frames, c.frames...)
	wantSample(t, "each segment three times", summaryOf(t, frames, cfg))

	// Overlapping: old bytes and new ones in one segment, as after a lost acknowledgement.
	o := newTalk().open()
	for n := 0; n < len(data); n += 25 {
		from := max(0, n-10)
		o.frames = append(o.frames, o.segment(0, o.seq[0]+uint32(from), o.seq[1], tcpACK, data[from:min(n+25, len(data))]))
	}
	wantSample(t, "overlapping", summaryOf(t, o.frames, cfg))

	// A keep-alive repeats one byte before what comes next.
	k := newTalk().open().say(0, data)
	k.frames = append(k.frames, k.segment(0, k.seq[0]-1, k.seq[1], tcpACK, []byte{0}))
	k.say(0, pdu(toyRead, "after"))
	if s := summaryOf(t, k.frames, cfg); counts(s)[toyRead] != 6 || s.Flows[0].Malformed != 0 || s.Health.Unknown != 0 {
		t.Errorf("keep-alive: %v, %+v", counts(s), s.Flows[0])
	}
}

func TestLoss(t *testing.T) {
	cfg := toyConfig(t)
	// A whole PDU lost: the one after it is found again.
	c := newTalk().open().say(0, pdu(toyRead, "1")).lose(0, pdu(toyRead, "22"))
	for range 6 {
		c.say(0, pdu(toyProgram, "3"))
	}
	s := summaryOf(t, c.frames, cfg)
	if got := counts(s); got[toyRead] != 1 || got[toyProgram] != 6 || s.Flows[0].Lost != 6 || s.Health.Lost != 6 {
		t.Errorf("a lost PDU: %v, lost %d, want 1 read, 6 loads, 6 bytes", got, s.Flows[0].Lost)
	}
	// The middle of a long PDU lost: its end is known, so nothing after it suffers.
	long := pdu(toyRead, strings.Repeat("x", 900))
	m := newTalk().open().say(0, long[:300]).lose(0, long[300:600]).say(0, long[600:]).say(0, pdu(toyProgram, "ok"))
	s = summaryOf(t, m.frames, cfg)
	if got := counts(s); got[toyRead] != 0 || got[toyProgram] != 1 || s.Flows[0].Malformed != 0 {
		t.Errorf("a hole in a PDU: %v, %d malformed, want 1 load and none", got, s.Flows[0].Malformed)
	}
	// Acknowledged by the peer and never seen: no waiting for it.
	a := newTalk().open().say(0, pdu(toyRead, "1")).lose(0, pdu(toyRead, "22")).say(0, pdu(toyRead, "3"))
	for range 5 {
		a.say(1, pdu(toyRead|0x80, ""))
	}
	a.say(0, pdu(toyProgram, "4"))
	e := newEngine(&cfg)
	src := &memory{frames: a.frames, step: 1}
	var p Packet
	for src.Next(&p) == nil {
		e.take(&p)
	}
	for _, l := range e.lanes {
		l.flows.all(func(fl *flow) {
			if n := len(fl.stream[0].late); n > 0 {
				t.Errorf("%d segments still wait for bytes that the peer has acknowledged", n)
			}
		})
	}
	s = summaryOf(t, a.frames, cfg)
	if got := counts(s); got[toyRead] != 2+5 || got[toyProgram] != 1 {
		t.Errorf("acknowledged loss: %v", got)
	}
}

func TestMidstream(t *testing.T) {
	cfg, data := toyConfig(t), sample()
	for n := range len(data) { // the capture begins inside any PDU
		c := newTalk().say(0, data[n:]).say(0, sample()).say(0, sample())
		s := summaryOf(t, c.frames, cfg)
		if got := counts(s); got[toyRead] < 10 || got[toyProgram] < 2 {
			t.Fatalf("begun %d bytes late: %v, want at least 10 reads and 2 loads", n, got)
		}
	}
}

func TestTooLongPDU(t *testing.T) {
	cfg := toyConfig(t)
	long := pdu(toyRead, strings.Repeat("x", 5000)) // over Spec.MaxPDU
	c := newTalk().open().say(0, pdu(toyRead, "first"))
	for b := range slices.Chunk(slices.Concat(long, pdu(toyProgram, "y")), 700) {
		c.say(0, b)
	}
	s := summaryOf(t, c.frames, cfg)
	if got := counts(s); got[toyRead] != 1 || got[toyProgram] != 1 || s.Flows[0].Malformed != 1 {
		t.Errorf("%v, %d malformed; want the long PDU passed over and counted", got, s.Flows[0].Malformed)
	}
}

// One stray segment, forged or left over, does not throw a stream off.
func TestStraySegment(t *testing.T) {
	cfg := toyConfig(t)
	c := newTalk().open().say(0, pdu(toyRead, "1"))
	c.frames = append(c.frames, c.segment(0, c.seq[0]+1<<30, c.seq[1], tcpACK, []byte("stray")))
	for range 5 {
		c.say(0, pdu(toyRead, "2"))
	}
	if got := counts(summaryOf(t, c.frames, cfg)); got[toyRead] != 6 {
		t.Errorf("a stray segment ahead: %v, want 6 reads", got)
	}
	c = newTalk().open().say(0, pdu(toyRead, "1"))
	c.seq[0] += 1 << 29 // a new connection whose opening nobody saw
	for range 5 {
		c.say(0, pdu(toyRead, "2"))
	}
	if got := counts(summaryOf(t, c.frames, cfg)); got[toyRead] != 5 {
		t.Errorf("a jump: %v, want 5 reads, as the first beyond it is not believed", got)
	}
}

// The same ports again: a new connection begins anew.
func TestPortReuse(t *testing.T) {
	cfg := toyConfig(t)
	c := newTalk().open().say(0, pdu(toyRead, "1"))
	c.seq = [2]uint32{7_000_000, 9_000_000}
	c.open().say(0, pdu(toyRead, "2"))
	c.frames = append(c.frames, c.segment(1, c.seq[1], c.seq[0], tcpRST|tcpACK, nil))
	c.seq = [2]uint32{500, 600}
	c.open().say(0, pdu(toyRead, "3"))
	s := summaryOf(t, c.frames, cfg)
	if counts(s)[toyRead] != 3 || len(s.Flows) != 1 || s.Flows[0].Sessions != 3 || s.Flows[0].ClientBy != BySYN {
		t.Errorf("%v, %+v", counts(s), s.Flows)
	}
}

// Segments captured after their acknowledgement are repetitions while they are
// rare, and data where a tap delays one direction.
func TestTardySegments(t *testing.T) {
	cfg := toyConfig(t)
	c := newTalk().open()
	for range 20 {
		c.say(0, pdu(toyRead, "x")).say(1, pdu(toyRead|0x80, ""))
	}
	late := pdu(toyRead, "x")
	c.frames = append(c.frames, c.segment(1, c.seq[1], c.seq[0]+uint32(len(late)), tcpACK, nil))
	c.say(0, late).say(0, pdu(toyRead, "y"))
	s := summaryOf(t, c.frames, cfg)
	if counts(s)[toyRead] != 41 || s.Health.Repeated != 1 || s.Flows[0].Lost != 0 {
		t.Errorf("one tardy segment: %v, repeated %d, lost %d", counts(s), s.Health.Repeated, s.Flows[0].Lost)
	}
	f := newTalk().open().say(1, pdu(toyRead|0x80, "")) // a forged acknowledgement of what nobody has sent
	f.frames = append(f.frames, f.segment(1, f.seq[1], f.seq[0]+1<<30, tcpACK, nil))
	for range 20 {
		f.say(0, pdu(toyRead, "x"))
	}
	if s := summaryOf(t, f.frames, cfg); counts(s)[toyRead] != 21 || s.Health.Repeated != 0 {
		t.Errorf("a forged acknowledgement: %v, repeated %d", counts(s), s.Health.Repeated)
	}
	d := newTalk().open()
	for range 30 {
		b := pdu(toyRead, "x")
		d.frames = append(d.frames, d.segment(1, d.seq[1], d.seq[0]+uint32(len(b)), tcpACK, nil))
		d.say(0, b)
	}
	if got := counts(summaryOf(t, d.frames, cfg)); got[toyRead] < 28 {
		t.Errorf("a delaying tap: %v of 30 reads", got)
	}
}

// What waits for reassembly is bounded over all flows together.
func TestBufferBudget(t *testing.T) {
	cfg := toyConfig(t)
	cfg.Budget.Buffer = 1
	var frames [][]byte
	for host := range 200 {
		ip := ip4("10.1.0."+itoa(host), "10.0.0.2", 6, tcp(40000, 9000, 1, 1, tcpACK, pdu(toyRead, strings.Repeat("x", 1000))[:900]))
		frames = append(frames, ethernet(mac(1), mac(2), 0x0800, ip))
	}
	frames = slices.Concat(frames, frames)
	e := newEngine(&cfg)
	src := &memory{frames: bytesOver(frames, 40)}
	var p Packet
	for src.Next(&p) == nil {
		e.take(&p)
	}
	for _, l := range e.lanes {
		if l.pool.out > l.budget.Buffer {
			t.Errorf("a lane holds %d bytes, its budget is %d", l.pool.out, l.budget.Buffer)
		}
	}
}

// bytesOver repeats frames with other source ports, so that they are other flows.
func bytesOver(frames [][]byte, n int) [][]byte {
	var out [][]byte
	for i := range n {
		for _, f := range frames {
			f = bytes.Clone(f)
			order.PutUint16(f[34:], uint16(20000+i))
			out = append(out, f)
		}
	}
	return out
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
