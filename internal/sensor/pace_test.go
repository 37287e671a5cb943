package sensor

import "testing"

// Frames come a millisecond apart: a request, its answer, two milliseconds of nothing, the next.
func TestPace(t *testing.T) {
	c := newTalk().open()
	quiet := ethernet(mac(7), mac(8), 0x88b5, []byte("somebody else"))
	for range 4 {
		c.say(0, pdu(1, "ask")).say(1, pdu(1, "answer"))
		c.frames = append(c.frames, quiet, quiet)
	}
	c.say(0, pdu(1, "one")).say(0, pdu(1, "two")).say(1, pdu(1, "whose?")).say(1, pdu(1, "and whose?"))
	again := c.segment(0, c.seq[0]-7, c.seq[1], tcpACK|tcpPSH, pdu(1, "two"))
	c.frames = append(c.frames, again, c.segment(1, c.seq[1], c.seq[0], tcpRST, nil))
	s := summaryOf(t, c.frames, toyConfig(t))
	var p *Pace
	for i := range s.Tuples {
		if s.Tuples[i].Pace != nil {
			if p != nil || s.Tuples[i].Dir != "request" {
				t.Fatalf("paces on %+v", s.Tuples)
			}
			p = s.Tuples[i].Pace
		}
	}
	if p == nil || p.Asked.N != 5 || p.Asked.Sum != 4*4000+1000 || p.Asked.Most != 4000 || p.Answered.N != 4 || p.Answered.Sum != 4000 || p.Answered.Most != 1000 || p.Answered.Squares != 4e6 {
		t.Fatalf("pace %+v", p)
	}
	for _, f := range s.Flows {
		if f.Transport == "tcp" && (f.Again != 1 || f.Resets != 1) {
			t.Errorf("%d came again, %d resets; want 1 and 1", f.Again, f.Resets)
		}
	}
	both := *p
	if both.Add(p); both.Asked.N != 10 || both.Answered.Sum != 8000 || both.Answered.Most != 1000 {
		t.Errorf("two intervals: %+v", both)
	}
}
