package iec104

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// elements reports what every object of a station's report holds: the message itself
// tells one of them. The report was found whole before.
func elements(kind, vsq byte, b []byte, out *dissect.Sink) {
	n, sequence, size := int(vsq&0x7f), vsq&0x80 != 0, elementLen(kind)
	if kind >= 45 || size < 0 || n < 2 {
		return
	}
	at := address(b)
	for i := range n {
		e, item := b[objectLen+i*size:], at+uint32(i)
		if !sequence {
			e = b[i*(objectLen+size):]
			item, e = address(e), e[objectLen:]
		}
		var m ot.Message
		if monitored(&m, kind, e[:size]); m.Flags&ot.HasValue != 0 {
			out.Element(item, 0, m.Value)
		}
	}
}
