package sensor

import (
	"slices"

	"github.com/skanse/skanse/internal/ot"
)

// evidence is the bytes in hand, out of which proofs are taken: a frame, or
// what waited in a stream. No credential may stand in a proof, and a packet
// may hold several PDUs, the end of one that began earlier, or the beginning of
// one that nobody has decoded yet. So proofs are not cleaned afterwards. They
// are taken when all in hand is decoded, and reach from the headers to the end
// of the last PDU in a row which its dissector calls provable.
type evidence struct {
	raw    []byte
	head   int  // bytes before the payload
	size   int  // of the payload
	sound  int  // bytes of the payload that may be kept
	broken bool // bytes that may not be kept have passed: sound grows no more

	facts  int    // without proof as yet: the last so many
	events [3]int // by rank
	some   bool   // there are such facts or events
}

// The states of a flow's own proof.
const (
	proofNone    = iota
	proofHeaders // of the first packet with payload
	proofPayload // of the first packet whose payload may be kept
)

// at points the sink at the packet whose bytes follow. Of raw, the payload
// comes last but for padding, behind head bytes.
func (l *lane) at(r ref, raw []byte, head, size int) {
	l.settle()
	l.sink.Packet, l.sink.At = r.number, r.at
	l.judge()
	l.now = r
	e := &l.hand
	e.raw, e.head, e.size, e.sound, e.broken = raw, head, size, 0, false
}

// atFrame points the sink at the frame in hand.
func (l *lane) atFrame() {
	f := l.frame
	l.at(f.ref(), f.raw, f.head, len(f.payload)+len(f.inner))
	l.hand.broken = l.assembled != nil // its bytes are not the frame's
}

// headOf says how many bytes of a frame come before its payload.
func headOf(f *frame) int {
	if f.payload == nil {
		return 0
	}
	return cap(f.raw) - cap(f.payload) // the payload is a part of raw
}

// prove notes that a PDU was decoded, with rest bytes of what is in hand behind it.
func (e *evidence) prove(provable bool, rest int) {
	end := e.size - rest
	switch {
	case end <= 0: // it ended in an earlier packet
	case !provable:
		e.broken = true
	case !e.broken:
		e.sound = end
	}
}

// settle gives the proof to what was reported since the last call.
func (l *lane) settle() {
	e := &l.hand
	if e.sound > 0 && e.head > 0 && !l.brief && l.cur != nil && l.cur.proved < proofPayload {
		l.cur.proved = proofPayload
		l.cur.proof = append(l.cur.proof[:0], e.proof()...)
		l.cur.headers = uint16(min(e.head, ot.MaxProof))
	}
	if !e.some {
		return
	}
	var proof []byte
	if !l.brief {
		proof = slices.Clone(e.proof())
	}
	for i := range e.facts {
		l.facts.newest(i).proof = proof
	}
	for rank, n := range e.events {
		kept := l.events.kept[rank]
		for i := range n {
			x := &kept[len(kept)-1-i]
			if x.proof = proof; x.again {
				x.proof = slices.Clone(proof[:min(len(proof), e.head+shortProof)])
			}
		}
	}
	e.facts, e.events, e.some = 0, [3]int{}, false
}

// distrust takes the payload out of the flow's proof: who vouched for it was wrong.
func (fl *flow) distrust() {
	if fl.proved == proofPayload {
		fl.proof, fl.proved = fl.proof[:min(len(fl.proof), int(fl.headers))], proofHeaders
	}
}

// proof is the head of what is in hand, as far as it may be kept.
func (e *evidence) proof() []byte {
	return e.raw[:min(e.head+e.sound, len(e.raw), ot.MaxProof)]
}

// proofs remembers which conversations were told with their proof: the bytes of a first packet do not compress, and
// a session that lasts for months would bring them every ten seconds. After an hour they are told again, for
// a centre that lost or forgot them.
type proofs struct {
	told map[convKey]uint8
	hour int64
	one  bool // there is one summary only
}

const toldProofs = 1 << 16

// begin is for the next summary.
func (p *proofs) begin(ls []*lane, one bool) {
	var now int64
	for _, l := range ls {
		now = max(now, l.now.at)
	}
	if p.one = one; p.told == nil || now/hour != p.hour || len(p.told) >= toldProofs {
		p.told, p.hour = map[convKey]uint8{}, now/hour
	}
}

// once gives the proof of a conversation where it was not told, or became better.
func (p *proofs) once(c *conv) []byte {
	switch {
	case p.one:
	case len(c.proof) == 0 || p.told[c.key] > c.proved:
		return nil
	default:
		p.told[c.key] = c.proved + 1
	}
	return c.proof
}
