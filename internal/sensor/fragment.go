package sensor

import "slices"

// fragments puts IP datagrams together. Few are open at a time: a plant that
// fragments has an old serial gateway, a capture full of them has an attacker.
type fragments struct {
	open []datagram
}

type datagram struct {
	src, dst    addr
	id          uint32
	proto       uint8
	at          int64
	data        []byte
	have        []span // byte ranges that came, in order
	size        int    // of the whole; 0 until the last part came
	parts, wire int
}

type span struct{ lo, hi int }

const (
	maxDatagrams = 64
	maxDatagram  = 64 << 10
	maxSpans     = 128
	partsTime    = int64(30e9) // RFC 791 suggests 15 s, RFC 8200 60 s
)

// whole adds a fragment. It returns true when the datagram is complete; the
// frame then carries it.
func (p *fragments) whole(l *lane, f *frame) bool {
	end := f.fragOff + len(f.payload)
	if end > maxDatagram || f.missing > 0 || f.more && len(f.payload)%8 != 0 {
		l.health.Malformed++
		return false
	}
	i := slices.IndexFunc(p.open, func(d datagram) bool {
		return d.id == f.fragID && d.src == f.src && d.dst == f.dst && (d.proto == f.proto || f.fragOff > 0)
	})
	if i >= 0 && f.at-p.open[i].at > partsTime {
		p.drop(l, i)
		i = -1
	}
	if i < 0 {
		if len(p.open) == maxDatagrams {
			l.hit("fragments")
			p.drop(l, 0)
		}
		p.open = append(p.open, datagram{src: f.src, dst: f.dst, id: f.fragID, proto: f.proto, at: f.at})
		i = len(p.open) - 1
	}
	d := &p.open[i]
	if f.fragOff == 0 {
		d.proto = f.proto
	}
	if !f.more {
		d.size = end
	}
	if cap(d.data) < end {
		if !l.room(end) || len(d.have) >= maxSpans {
			l.hit("fragments")
			p.drop(l, i)
			return false
		}
		grown := append(l.pool.take(end), d.data...)
		l.pool.give(d.data)
		d.data = grown
	}
	d.data = d.data[:max(len(d.data), end)]
	copy(d.data[f.fragOff:end], f.payload)
	d.parts++
	d.wire += f.wire
	d.add(span{f.fragOff, end})
	if d.size == 0 || len(d.have) != 1 || d.have[0] != (span{0, d.size}) {
		return false
	}
	// The buffer goes back to the pool with the next packet: until then it is decoded.
	f.fragment, f.more, f.proto = false, false, d.proto
	f.parts, f.partBytes = d.parts-1, d.wire-f.wire
	l.assembled = d.data
	p.open = slices.Delete(p.open, i, i+1)
	return f.transport(l.assembled) == good
}

// add joins a range with those it touches.
func (d *datagram) add(s span) {
	i := 0
	for i < len(d.have) && d.have[i].hi < s.lo {
		i++
	}
	j := i
	for j < len(d.have) && d.have[j].lo <= s.hi {
		s.lo, s.hi = min(s.lo, d.have[j].lo), max(s.hi, d.have[j].hi)
		j++
	}
	d.have = slices.Replace(d.have, i, j, s)
}

func (p *fragments) drop(l *lane, i int) {
	l.pool.give(p.open[i].data)
	p.open = slices.Delete(p.open, i, i+1)
}
