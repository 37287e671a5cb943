package dissecttest

import (
	"bytes"
	"fmt"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// player feeds a flow as the engine does, suspiciously: every slice it hands
// out is a copy of exactly that length, must come back unchanged, and is
// overwritten afterwards, so that whoever kept it reads rubbish.
type player struct {
	spec  dissect.Spec
	flow  dissect.Flow
	sink  *dissect.Sink
	rec   *recorder // nil: nobody listens
	g     *golden
	buf   [3][]byte // waiting bytes by direction
	sync  [3]bool
	pdus  *[]pdu // when set, whole PDUs are collected here
	wrong error  // the first breach of the contract
}

// pdu is one whole PDU with its side.
type pdu struct {
	dir  ot.Dir
	data []byte
}

const poison = 0xa5

func newPlayer(set *dissect.Set, g *golden, flow dissect.Flow, record bool) *player {
	p := &player{spec: set.Entries[0].Spec, flow: flow, g: g, sync: [3]bool{true, true, true}}
	if record {
		p.rec = &recorder{set: set}
		p.sink = dissect.NewSink(p.rec)
		p.rec.sink = p.sink
	} else {
		p.sink = dissect.NewSink(&silent{})
	}
	p.sink.Run(set.Entries[0])
	if e := set.Entries[0]; e.Ported != nil {
		e.Ported.Bound(flow, g.transport, g.client.port, g.server.port)
	}
	return p
}

// play feeds the whole conversation, each segment cut by cut, and returns the
// reported lines by step.
func (p *player) play(cut func(step int, data []byte) [][]byte) [][]string {
	got := make([][]string, len(p.g.steps))
	for i, s := range p.g.steps {
		p.sink.At, p.sink.Packet = int64(i+1)*1e6, uint64(i+1)
		p.side(s.dir)
		switch {
		case s.gap:
			p.buf[s.dir], p.sync[s.dir] = nil, false
		case p.g.transport != dissect.TCP:
			p.decode(s.dir, s.data)
		default:
			for _, part := range cut(i, s.data) {
				p.stream(s.dir, part)
			}
		}
		if p.rec != nil {
			got[i], p.rec.lines = p.rec.lines, nil
		}
	}
	if p.rec != nil {
		for _, dir := range []ot.Dir{ot.Request, ot.Response, ot.DirNone} {
			if n := len(p.buf[dir]); n > 0 {
				last := len(got) - 1
				got[last] = append(got[last], fmt.Sprintf("waiting %s %d bytes", mark(dir), n))
			}
		}
	}
	return got
}

func (p *player) side(dir ot.Dir) {
	from, to := p.g.client, p.g.server
	if dir == ot.Response {
		from, to = to, from
	}
	p.sink.Src, p.sink.SrcPort, p.sink.Dst, p.sink.DstPort = from.host, from.port, to.host, to.port
}

// stream is the engine's loop around Flow.Frame.
func (p *player) stream(dir ot.Dir, data []byte) {
	p.buf[dir] = append(p.buf[dir], data...)
	for len(p.buf[dir]) > 0 && p.wrong == nil {
		b := p.buf[dir]
		lent := bytes.Clone(b)
		skip, n := p.flow.Frame(dir, lent[:len(b):len(b)], p.sync[dir])
		p.returned("Frame", b, lent)
		switch {
		case skip < 0 || n < 0 || skip > len(b):
			p.fail("Frame returned skip %d, n %d for %d bytes", skip, n, len(b))
			return
		case skip == 0 && n == 0:
			return
		case skip > 0:
			p.sync[dir] = false
			b = b[skip:]
			p.buf[dir] = b
			if n == 0 {
				continue
			}
		}
		if n > len(b) {
			if n > p.spec.MaxPDU {
				p.buf[dir], p.sync[dir] = nil, false
			}
			return
		}
		if n <= p.spec.MaxPDU {
			p.decode(dir, b[:n])
		}
		p.buf[dir], p.sync[dir] = b[n:], true
	}
}

func (p *player) decode(dir ot.Dir, data []byte) {
	if len(data) > p.spec.MaxPDU && p.g.transport != dissect.TCP {
		return
	}
	if p.pdus != nil {
		*p.pdus = append(*p.pdus, pdu{dir, bytes.Clone(data)})
	}
	lent := append(make([]byte, 0, len(data)), data...)
	p.sink.Mid = !p.sync[dir]
	fault := p.flow.Decode(dir, lent[:len(data):len(data)], p.sink)
	p.returned("Decode", data, lent)
	if fault != dissect.OK && p.rec != nil {
		p.rec.lines = append(p.rec.lines, "fault "+faultName(fault))
	}
}

// returned checks a lent slice and spoils it.
func (p *player) returned(who string, was, lent []byte) {
	if !bytes.Equal(was, lent[:len(was)]) {
		p.fail("%s changed the bytes it was given", who)
	}
	for i := range lent {
		lent[i] = poison
	}
}

func (p *player) fail(format string, args ...any) {
	if p.wrong == nil {
		p.wrong = fmt.Errorf(format, args...)
	}
}

func mark(dir ot.Dir) string {
	switch dir {
	case ot.Request:
		return ">"
	case ot.Response:
		return "<"
	}
	return "-"
}

// whole feeds segments as they are.
func whole(_ int, data []byte) [][]byte { return [][]byte{data} }
