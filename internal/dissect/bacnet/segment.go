package bacnet

import "github.com/skanse/skanse/internal/ot"

// assembly joins the segments of one complex acknowledgement at a time
// (clause 5.2): a peer answers one long question after the other in practice.
type assembly struct {
	segment
	open bool
	buf  []byte // capacity maxWhole once used
}

type segment struct {
	from            ot.Host
	invoke, service byte
	seq             byte
	more            bool
}

// add takes a segment and returns the data that it completes, or nil.
func (a *assembly) add(s segment, data []byte) []byte {
	if s.seq == 0 {
		if a.buf == nil {
			a.buf = make([]byte, 0, maxWhole)
		}
		a.segment, a.open = s, s.more
		a.buf = append(a.buf[:0], data...)
		if len(a.buf) == 0 || s.more {
			return nil
		}
		return a.buf
	}
	if !a.open || a.from != s.from || a.invoke != s.invoke || a.service != s.service {
		return nil
	}
	if s.seq == a.seq {
		return nil // sent again
	}
	if s.seq != a.seq+1 || len(a.buf)+len(data) > maxWhole {
		a.open = false
		return nil
	}
	a.seq = s.seq
	a.buf = append(a.buf, data...)
	if s.more {
		return nil
	}
	a.open = false
	return a.buf
}
