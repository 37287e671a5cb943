package sensor

// Pace is how fast something is asked and answered: what the centre makes response
// times, jitter and the drift of cycles of. Times are µs; sums add up over intervals.
type Pace struct {
	Asked    Spread `json:"asked"`    // between two requests
	Answered Spread `json:"answered"` // from a request to its answer, where one alone was open
}

// Spread keeps enough of a distribution for its mean and deviation.
type Spread struct {
	N       uint64  `json:"n,omitempty"`
	Sum     uint64  `json:"sum,omitempty"`
	Squares float64 `json:"squares,omitempty"`
	Most    uint64  `json:"most,omitempty"`
}

func (s *Spread) put(us uint64) {
	s.N++
	s.Sum += us
	s.Squares += float64(us) * float64(us)
	s.Most = max(s.Most, us)
}

// Add joins what another interval heard.
func (s *Spread) Add(o Spread) {
	s.N += o.N
	s.Sum += o.Sum
	s.Squares += o.Squares
	s.Most = max(s.Most, o.Most)
}

// Add joins what another interval heard.
func (p *Pace) Add(o *Pace) {
	p.Asked.Add(o.Asked)
	p.Answered.Add(o.Answered)
}

// paces are those of a lane's interval: in one slice, without pointers, each named by its tuple.
type paces struct{ recs []pace }

type pace struct {
	Pace
	last int64 // when it was asked last, packet time
}

// pacesOfLane bounds them: beyond it a kind of message has no pace, and the budget says so.
const pacesOfLane = 16384

// longestPace is what still counts as a cycle or an answer; beyond it somebody just came back.
const longestPace = int64(60e9)

func (p *paces) reset() { p.recs = p.recs[:0] }

// asked notes a request of a tuple and gives its place, 0: there was no room.
func (l *lane) asked(t *tuple, at int64) {
	if t.pace == 0 {
		if len(l.paces.recs) >= pacesOfLane {
			l.hit("paces")
			return
		}
		l.paces.recs = append(l.paces.recs, pace{})
		t.pace = uint32(len(l.paces.recs))
	}
	r := &l.paces.recs[t.pace-1]
	if gap := at - r.last; r.last != 0 && gap > 0 && gap < longestPace {
		r.Asked.put(uint64(gap / 1000))
	}
	r.last = at
}

// timed pairs requests with answers: only where exactly one was open, because which of
// several an answer belongs to is known to its protocol alone.
func (l *lane) timed(fl *flow, t *tuple, request bool, at int64) {
	if request {
		l.asked(t, at)
		if fl.open++; fl.open == 1 {
			fl.openPace, fl.openAt = t.pace, at
		}
		return
	}
	if wait := at - fl.openAt; fl.open == 1 && fl.openPace != 0 && wait >= 0 && wait < longestPace {
		l.paces.recs[fl.openPace-1].Answered.put(uint64(wait / 1000))
	}
	fl.open, fl.openPace = 0, 0
}

// join puts the pace of one counter into another's.
func (p *paces) join(to *uint32, from uint32) {
	switch {
	case from == 0:
	case *to == 0:
		*to = from
	case *to != from:
		p.recs[*to-1].Add(&p.recs[from-1].Pace)
	}
}

// told gives the pace of a counter, nil where nothing was timed.
func (p *paces) told(at uint32) *Pace {
	if at == 0 || p.recs[at-1].Asked.N+p.recs[at-1].Answered.N == 0 {
		return nil
	}
	out := p.recs[at-1].Pace
	return &out
}
