package sensor

import (
	"io"
	"testing"
)

// paced gives frames with times of their own, in seconds.
type paced struct {
	frames [][]byte
	at     []int64
	n      int
}

func (p *paced) Next(out *Packet) error {
	if p.n == len(p.frames) {
		return io.EOF
	}
	p.n++
	f := p.frames[p.n-1]
	*out = Packet{Data: f, At: 1e18 + p.at[p.n-1]*1e9, Number: uint64(p.n), Wire: len(f), Link: LinkEthernet}
	return nil
}

func (p *paced) Close() error { return nil }

func (p *paced) Stats() SourceStats { return SourceStats{} }

// A transfer is one event with how many, how much, from when to when; the next interval says what it goes on from.
func TestTransferIsOneEvent(t *testing.T) {
	var p paced
	load := func(name string, at ...int64) {
		for _, s := range at {
			p.frames, p.at = append(p.frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyProgram, name))), append(p.at, s)
		}
	}
	load("OB1", 0, 1, 2)
	load("OB2", 3)
	load("OB1", 4, 11, 12, 13, 25)
	load("OB1", 100) // a minute of silence: another one
	cfg := toyConfig(t)
	cfg.Interval = 10e9
	var got []Event
	g := Gathering{}
	for _, s := range summaries(t, &p, cfg) {
		got = append(got, s.Events...)
		g.Add(s)
	}
	size := uint64(4 + 3)
	want := []Event{
		{Repeats: 3, Until: 4, Bytes: 4 * size, Object: "OB1"},
		{Until: 3, Bytes: size, Object: "OB2"},
		{Repeats: 2, Until: 13, Bytes: 3 * size, Object: "OB1", Began: 1},
		{Until: 25, Bytes: size, Object: "OB1", Began: 1},
		{Until: 100, Bytes: size, Object: "OB1"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		e := got[i]
		if e.Repeats != w.Repeats || e.Until != 1e18+w.Until*1e9 || e.Bytes != w.Bytes || e.Object != w.Object || e.Began != w.Began || len(e.Rules) != 1 || e.Proof == nil {
			t.Errorf("event %d: %+v, want %+v", i, e, w)
		}
	}
}

// What goes on all day is told again every hour.
func TestLongTransfer(t *testing.T) {
	var p paced
	for s := int64(0); s < 3*3600; s += 30 {
		p.frames, p.at = append(p.frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyProgram, "OB1"))), append(p.at, s)
	}
	cfg := toyConfig(t)
	cfg.Interval = 10e9
	var began []uint64
	for _, s := range summaries(t, &p, cfg) {
		for _, e := range s.Events {
			if e.Began == 0 {
				began = append(began, e.Ref.Number)
			}
		}
	}
	if len(began) != 3 || began[1] != 121 || began[2] != 241 {
		t.Errorf("it is told anew at packets %v", began)
	}
}

// More transfers at once than are known again are told message by message, and the budget says so.
func TestTransferBudget(t *testing.T) {
	var frames [][]byte
	for range 2 {
		for i := range openRuns + 10 {
			frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyProgram, string([]byte{'a' + byte(i>>8), byte(i), 'x'}))))
		}
	}
	s := summaryOf(t, frames, toyConfig(t))
	if len(s.Events) != openRuns+20 || s.Health.BudgetHit["transfers told as one"] != 20 {
		t.Errorf("%d events, %v", len(s.Events), s.Health.BudgetHit)
	}
}

// The first packet of a conversation is told once, again where more of it may be kept, and again after an hour.
func TestProofOnce(t *testing.T) {
	c := newTalk().open()
	for range 6 {
		c.say(0, pdu(toyRead, "a"))
	}
	p := paced{frames: c.frames}
	for i := range c.frames {
		at := int64(0)
		switch n := len(c.frames) - i; {
		case n == 1:
			at = 3700
		case n <= 5:
			at = int64(60 - 10*n)
		}
		p.at = append(p.at, at)
	}
	cfg := toyConfig(t)
	cfg.Interval = 10e9
	var proofs []int
	for _, s := range summaries(t, &p, cfg) {
		for _, f := range s.Flows {
			proofs = append(proofs, len(f.Proof))
		}
	}
	told := 0
	for i, n := range proofs {
		if n > 0 {
			told++
			if i != 0 && i != len(proofs)-1 {
				t.Errorf("told again: %v", proofs)
			}
		}
	}
	if told != 2 || len(proofs) < 5 {
		t.Errorf("proofs of %v bytes; want the first, and one after an hour", proofs)
	}
}
