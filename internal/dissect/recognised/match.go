package recognised

import (
	"math/bits"
	"slices"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// pattern is one way to recognise a protocol by the first bytes of one side.
type pattern struct {
	transport        dissect.Transport
	ports            []uint16
	anywhere         bool
	from             ot.Dir // DirNone: either side
	checks           []check
	length           length
	minSize, maxSize int
	multiple         int
	need             int // bytes that a whole answer takes
	bits             int // that must be as written
	entry            *Entry
}

type check struct {
	at         int
	want, mask []byte
}

type length struct {
	at, width, unit, add int
	little               bool
}

// table finds the patterns of one transport by the first byte.
type table struct {
	first [256][]*pattern // those that fix it
	rest  []*pattern
	ports map[uint16]bool
}

func slot(t dissect.Transport) int { return bits.TrailingZeros8(uint8(t)) }

// compile numbers the entries with patterns and sorts the patterns: those
// that fix most come first, so that the order of the files decides nothing.
func (l *List) compile() {
	var all []*pattern
	for _, e := range l.Entries {
		if len(e.Domains)+len(e.ALPN)+len(e.Issuers) > 0 {
			e.service = len(l.services)
			l.services = append(l.services, e)
		}
		if len(e.patterns) == 0 {
			continue
		}
		e.naming = len(l.patterned)
		l.patterned = append(l.patterned, e)
		for i := range e.patterns {
			e.patterns[i].entry = e
			all = append(all, &e.patterns[i])
		}
	}
	slices.SortStableFunc(all, func(x, y *pattern) int { return y.bits - x.bits })
	for _, p := range all {
		t := &l.tables[slot(p.transport)]
		if t.ports == nil {
			t.ports = map[uint16]bool{}
		}
		for _, port := range p.ports {
			t.ports[port] = true
		}
		if len(p.checks) == 0 && p.length.width == 0 {
			continue // a port alone is a guess, made where content did not tell
		}
		if len(p.checks) > 0 && p.checks[0].at == 0 && p.checks[0].mask[0] == 0xff {
			b := p.checks[0].want[0]
			t.first[b] = append(t.first[b], p)
		} else {
			t.rest = append(t.rest, p)
		}
	}
}

// anyPort asks for every pattern, whatever its ports.
const anyPort = 0

// find looks for the pattern of b, on these ports. DirNone is a side that cannot be told.
func (l *List) find(t dissect.Transport, dir ot.Dir, b []byte, a, z uint16) (*pattern, dissect.Verdict) {
	table := &l.tables[slot(t)]
	verdict := dissect.No
	try := func(list []*pattern) *pattern {
		for _, p := range list {
			if p.from != ot.DirNone && dir != ot.DirNone && p.from != dir || !p.anywhere && a|z != anyPort && !slices.Contains(p.ports, a) && !slices.Contains(p.ports, z) {
				continue
			}
			switch p.match(b) {
			case dissect.Yes:
				return p
			case dissect.More:
				verdict = dissect.More
			}
		}
		return nil
	}
	if len(b) == 0 {
		return nil, dissect.More
	}
	if p := try(table.first[b[0]]); p != nil {
		return p, dissect.Yes
	}
	if p := try(table.rest); p != nil {
		return p, dissect.Yes
	}
	return nil, verdict
}

// match says whether b begins as the pattern says. A datagram is all there
// will be; of a stream more may come.
func (p *pattern) match(b []byte) dissect.Verdict {
	stream := p.transport == dissect.TCP
	short := dissect.No
	if stream {
		short = dissect.More
	}
	ends := true
	for i := range p.checks {
		c := &p.checks[i]
		for j, m := range c.mask {
			at := c.at + j
			if c.at < 0 {
				at += len(b)
			}
			if at < 0 || at >= len(b) {
				break
			}
			if b[at]&m == c.want[j]&m {
				continue
			}
			if c.at >= 0 || !stream {
				return dissect.No
			}
			ends = false // more may come, and end as it must
		}
	}
	if p.maxSize > 0 && len(b) > p.maxSize {
		return dissect.No
	}
	if len(b) < p.need || len(b) < p.minSize || !ends {
		return short
	}
	if p.multiple > 1 && len(b)%p.multiple != 0 {
		return dissect.No
	}
	if p.length.width == 0 {
		return dissect.Yes
	}
	switch size := p.length.of(b); {
	case size < p.need || size > 1<<20:
		return dissect.No
	case size == len(b):
		return dissect.Yes
	case !stream:
		return dissect.No
	case size > len(b):
		return dissect.More
	}
	return dissect.Yes // the next message of a stream begins behind it
}

func (n *length) of(b []byte) int {
	v := 0
	for i := range n.width {
		at := n.at + i
		if n.little {
			at = n.at + n.width - 1 - i
		}
		v = v<<8 | int(b[at])
	}
	return v*n.unit + n.add
}
