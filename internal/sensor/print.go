package sensor

import (
	"math"
	"strings"
)

// fingerprint is what is remembered of a conversation that nobody recognises: sizes, the period
// of what one side says, and the first bytes as far as they never change. What changes from message to message may
// be what nobody may read, and is not remembered.
type fingerprint struct {
	n        [2]uint32
	min, max [2]uint16
	head     [2][headBytes]byte
	same     [2]uint8 // bits: the byte was the same in all messages
	last     [2]int64
	gaps     [2]uint32
	sum, sq  [2]float64 // of the times between two messages, s
}

const (
	headBytes   = 8
	fewMessages = 4 // below, nothing is known to stay the same
	regular     = 0.2
)

// unrecognised notes a payload that nobody decodes.
func (l *lane) unrecognised(fl *flow, side uint8, b []byte) {
	if len(b) == 0 || fl.secretive || fl.quarantined {
		return
	}
	p := fl.print
	if p == nil {
		p = &fingerprint{}
		fl.print = p
	}
	size := uint16(min(len(b), math.MaxUint16))
	have := min(len(b), headBytes)
	if p.n[side] == 0 {
		p.min[side], p.max[side] = size, size
		copy(p.head[side][:], b)
		p.same[side] = uint8(1<<have - 1)
	} else {
		p.min[side], p.max[side] = min(p.min[side], size), max(p.max[side], size)
		p.same[side] &= uint8(1<<have - 1)
		for i := range have {
			if b[i] != p.head[side][i] {
				p.same[side] &^= 1 << i
			}
		}
		if gap := float64(l.now.at-p.last[side]) / 1e9; gap >= 0 {
			p.gaps[side]++
			p.sum[side] += gap
			p.sq[side] += gap * gap
		}
	}
	p.n[side]++
	p.last[side] = l.now.at
}

// join adds another conversation's between the same hosts and ports.
func (p *fingerprint) join(o *fingerprint) {
	for s := range 2 {
		switch {
		case o.n[s] == 0:
			continue
		case p.n[s] == 0:
			p.n[s], p.min[s], p.max[s], p.head[s], p.same[s] = o.n[s], o.min[s], o.max[s], o.head[s], o.same[s]
			p.gaps[s], p.sum[s], p.sq[s] = o.gaps[s], o.sum[s], o.sq[s]
			continue
		}
		p.n[s] += o.n[s]
		p.min[s], p.max[s] = min(p.min[s], o.min[s]), max(p.max[s], o.max[s])
		p.same[s] &= o.same[s]
		for i := range headBytes {
			if p.head[s][i] != o.head[s][i] {
				p.same[s] &^= 1 << i
			}
		}
		p.gaps[s] += o.gaps[s]
		p.sum[s] += o.sum[s]
		p.sq[s] += o.sq[s]
	}
}

// tell is what leaves the sensor.
func (p *fingerprint) tell(client uint8) *Print {
	if p == nil || p.n[0]+p.n[1] == 0 {
		return nil
	}
	return &Print{Client: p.side(client), Server: p.side(1 - client), Period: p.period(client)}
}

func (p *fingerprint) side(s uint8) PrintSide {
	out := PrintSide{Messages: uint64(p.n[s]), Shortest: p.min[s], Longest: p.max[s]}
	if p.n[s] < fewMessages || p.same[s] == 0 {
		return out
	}
	var b strings.Builder
	const digits = "0123456789abcdef"
	last := 0
	for i := range headBytes {
		if p.same[s]>>i&1 == 1 {
			last = i
		}
	}
	for i := range last + 1 {
		if i > 0 {
			b.WriteByte(' ')
		}
		if c := p.head[s][i]; p.same[s]>>i&1 == 1 {
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteString("??")
		}
	}
	out.Head = b.String()
	return out
}

// period is the time between two messages of a side, 0 where it varies.
func (p *fingerprint) period(s uint8) int64 {
	if p.gaps[s] < fewMessages {
		return 0
	}
	n := float64(p.gaps[s])
	mean := p.sum[s] / n
	if spread := math.Sqrt(max(0, p.sq[s]/n-mean*mean)); mean <= 0 || spread > regular*mean {
		return 0
	}
	return int64(mean * 1e9)
}
