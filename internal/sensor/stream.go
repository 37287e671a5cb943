package sensor

// stream is one direction of a TCP connection: what was seen of it, in order.
type stream struct {
	next    uint32 // sequence number of the byte that comes next
	acked   uint32 // highest that the peer acknowledged
	begun   bool   // next is known
	synced  bool   // PDU boundaries are known: the start was seen, or a PDU decoded
	hasAck  bool
	hasJump bool
	timely  uint32 // segments that came before their acknowledgement
	buf     []byte // bytes of a PDU that is not whole yet; from the lane's pool
	need    int    // whole length of that PDU, 0 unknown
	skip    int    // bytes to drop before the next PDU
	late    []held // segments beyond a gap, by sequence number

	tardy  uint32 // segments that came after their acknowledgement
	jump   uint32 // where a segment far from next stood
	kept   uint32 // bytes in late
	waited uint32 // segments of the flow since the gap opened
	since  int64  // packet time at which it opened
	asked  ref    // where the bytes shown to probes began
	parts  []part // the packets whose bytes wait in buf, where packets are kept
}

// held is a segment that waits for the bytes before it.
type held struct {
	seq  uint32
	data []byte // from the pool
	lost int    // bytes after data that the capture cut
	ref  ref
}

const (
	lateSegments = 32
	lateBytes    = 64 << 10
	lateTime     = int64(1e9) // a gap that old is loss
	latePatience = 4          // segments to wait after the peer acknowledged past a gap
	farAway      = 1 << 20    // no window of a plant's device reaches that far
	maxPDU       = 64 << 10   // Spec.MaxPDU's own limit
	probeBytes   = 4 << 10    // shown to probes at most
)

// segment takes one TCP segment of a flow.
func (l *lane) segment(fl *flow, side uint8, f *frame) {
	l.acked(fl, side, f)
	s := fl.stream[side]
	if len(f.payload)+f.missing == 0 && f.flags&tcpSYN == 0 {
		return
	}
	if s == nil {
		s = &stream{}
		fl.stream[side] = s
	}
	seq := f.seq
	if f.flags&tcpSYN != 0 && f.flags&(tcpFIN|tcpRST) == 0 {
		seq++
		if !s.begun || s.next != seq {
			l.drop(s)
			*s = stream{next: seq, begun: true, synced: true, late: s.late[:0]}
		}
		if len(f.payload) == 0 {
			return
		}
	}
	if !s.begun {
		s.next, s.begun = seq, true
	}
	data, missing := f.payload, f.missing
	ahead := int32(seq - s.next)
	switch {
	case ahead > farAway || ahead < -farAway:
		// One stray segment must not throw the stream off; a second beside it
		// means another connection, or a long pause of the capture.
		if !s.hasJump || abs(int32(seq-s.jump)) > farAway {
			s.jump, s.hasJump = seq, true
			return
		}
		if len(s.late) > 0 {
			l.release(fl, side, s, true)
		}
		l.gap(fl, side, s, 0) // how much is anybody's guess
		s.next = seq
	case ahead < 0:
		behind := int(-ahead)
		if len(data) > 1 { // one byte is how a connection is kept alive
			fl.again++
		}
		if behind >= len(data) { // retransmission: already decoded, or what is new of it was cut by the capture
			return
		}
		data = data[behind:]
		l.hand.broken = true
	case ahead > 0:
		l.hold(fl, side, s, seq, data, missing, f.ref())
		return
	}
	s.hasJump = false
	if s.repeated(seq+uint32(len(f.payload)+f.missing), len(data)+missing) {
		l.health.Repeated++
		fl.again++
		lost, holes := fl.lost, fl.holes
		l.gap(fl, side, s, len(data)+missing)
		fl.lost, fl.holes = lost, holes
		s.next += uint32(len(data) + missing)
	} else {
		l.deliver(fl, side, s, data, missing)
	}
	if len(s.late) > 0 {
		l.release(fl, side, s, false)
	}
}

func abs(n int32) int32 {
	if n < 0 {
		return -n
	}
	return n
}

// repeated says whether a segment is taken for a retransmission because its
// end was acknowledged before it came, as Wireshark does. Behind a tap that
// delays one direction every segment comes so: where it is more than a rare
// exception, they count as data.
func (s *stream) repeated(end uint32, n int) bool {
	if n == 0 {
		return false
	}
	if !s.hasAck || int32(s.acked-end) < 0 {
		s.timely++
		return false
	}
	s.tardy++
	return s.tardy*16 <= s.timely+8
}

// acked notes what the sender has received, and gives up gaps of the other direction.
func (l *lane) acked(fl *flow, side uint8, f *frame) {
	o := fl.stream[1-side]
	if o == nil {
		return
	}
	// A forged acknowledgement far from the stream must not make all of it look repeated.
	if f.flags&tcpACK != 0 && abs(int32(f.ack-o.next)) < farAway && (!o.hasAck || int32(f.ack-o.acked) > 0) {
		o.acked, o.hasAck = f.ack, true
	}
	if len(o.late) > 0 {
		o.waited++
		if l.lossy(o, f.at) {
			l.release(fl, 1-side, o, true)
		}
	}
}

// lossy says that a gap will not be filled any more.
func (l *lane) lossy(s *stream, now int64) bool {
	if len(s.late) >= lateSegments || s.kept >= lateBytes || now-s.since > lateTime {
		return true
	}
	return s.waited >= latePatience && s.hasAck && int32(s.acked-s.late[0].seq) >= 0
}

// hold keeps a segment that came before its turn.
func (l *lane) hold(fl *flow, side uint8, s *stream, seq uint32, data []byte, missing int, r ref) {
	i := len(s.late)
	for i > 0 && int32(seq-s.late[i-1].seq) < 0 {
		i--
	}
	if i > 0 && s.late[i-1].seq == seq && len(s.late[i-1].data) >= len(data) {
		return // a second copy
	}
	if len(s.late) == 0 {
		s.waited, s.since = 0, r.at
	}
	if !l.room(len(data)) {
		l.hit("buffer")
		l.release(fl, side, s, true)
		l.gap(fl, side, s, int(int32(seq-s.next)))
		s.next = seq
		l.deliver(fl, side, s, data, missing)
		return
	}
	b := append(l.pool.take(len(data)), data...)
	s.late = append(s.late, held{})
	copy(s.late[i+1:], s.late[i:])
	s.late[i] = held{seq, b, missing, r}
	s.kept += uint32(len(data))
	s.waited++
	if l.lossy(s, r.at) {
		l.release(fl, side, s, true)
	}
}

// release delivers what waited, as far as it is in order; with force also over gaps.
func (l *lane) release(fl *flow, side uint8, s *stream, force bool) {
	n := 0
	for n < len(s.late) {
		h := &s.late[n]
		ahead := int32(h.seq - s.next)
		if ahead > 0 && !force {
			break
		}
		if ahead > 0 {
			l.gap(fl, side, s, int(ahead))
			s.next, ahead = h.seq, 0
		}
		if behind := int(-ahead); behind < len(h.data) {
			l.at(h.ref, h.data, 0, len(h.data))
			l.hand.broken = behind > 0
			l.deliver(fl, side, s, h.data[behind:], h.lost)
		}
		s.kept -= uint32(len(h.data))
		l.pool.give(h.data)
		h.data = nil
		n++
	}
	l.atFrame()
	if n > 0 {
		s.late = s.late[:copy(s.late, s.late[n:])]
		s.waited = 0
	}
}

// gap notes that n bytes of a stream were never seen. Inside a PDU of known
// length its end is still known; otherwise the dissector has to find its feet.
func (l *lane) gap(fl *flow, side uint8, s *stream, n int) {
	fl.lost += uint64(n)
	fl.holes++
	switch have := len(s.buf); {
	case n == 0:
		s.synced, s.skip = false, 0
	case s.skip >= n:
		s.skip -= n
	case s.skip == 0 && s.need > 0 && s.need >= have+n:
		s.skip = s.need - have - n
	default:
		s.synced, s.skip = false, 0
	}
	l.empty(s)
}

// deliver takes bytes that are in order.
func (l *lane) deliver(fl *flow, side uint8, s *stream, data []byte, missing int) {
	s.next += uint32(len(data))
	if s.skip > 0 {
		n := min(s.skip, len(data))
		s.skip -= n
		fl.known += uint64(n)
		data = data[n:]
		l.hand.broken = true
	}
	if len(data) > 0 {
		l.stream(fl, side, s, data)
	}
	if missing > 0 {
		l.gap(fl, side, s, missing)
		s.next += uint32(missing)
	}
}

// stream cuts PDUs out of bytes in order and decodes them.
func (l *lane) stream(fl *flow, side uint8, s *stream, data []byte) {
	if fl.entry == nil && !l.bindStream(fl, side, s, data) {
		return
	}
	if len(s.buf) == 0 {
		l.cut(fl, side, s, data)
		return
	}
	if !l.append(fl, s, data) || len(s.buf) < s.need {
		return // a large PDU grows without asking each time
	}
	l.whole(fl, side, s)
}

// whole cuts what a stream kept, which another buffer takes over.
func (l *lane) whole(fl *flow, side uint8, s *stream) {
	b := s.buf
	s.buf = nil
	if l.keep.to == nil {
		l.cut(fl, side, s, b)
	} else {
		l.cutParts(fl, side, s, b)
	}
	l.pool.give(b)
}

// cut frames and decodes as many PDUs as b holds, and keeps the rest.
func (l *lane) cut(fl *flow, side uint8, s *stream, b []byte) {
	s.need = 0
	limit := fl.entry.Spec.MaxPDU
	if limit <= 0 || limit > maxPDU {
		limit = maxPDU
	}
	for len(b) > 0 {
		dir := fl.dir(side)
		skip, n := fl.state.Frame(dir, b, s.synced)
		if skip < 0 || n < 0 {
			skip, n = len(b), 0
		}
		if skip > 0 {
			if s.synced {
				fl.malformed++
			}
			s.synced = false
			l.hand.broken, l.keep.doubt = true, true
			skip = min(skip, len(b))
			fl.unknown += uint64(skip)
			b = b[skip:]
			if n == 0 {
				continue
			}
		}
		switch {
		case n == 0 && len(b) >= limit: // it had its chance
			fl.malformed++
			fl.unknown += uint64(len(b))
			s.synced = false
			return
		case n > limit:
			fl.malformed++
			if n >= len(b) {
				s.skip = n - len(b)
				return
			}
			l.hand.broken, l.keep.doubt = true, true
			b = b[n:]
			continue
		case n == 0 || n > len(b):
			s.need = n
			l.append(fl, s, b)
			return
		}
		fl.known += uint64(n)
		if !l.decode(fl, side, b[:n], len(b)-n) {
			s.synced = false
			if fl.entry == nil { // let go as alien
				return
			}
		} else {
			s.synced = true
		}
		b = b[n:]
	}
}

// append keeps bytes for later, within the budget; false when they had to go.
func (l *lane) append(fl *flow, s *stream, data []byte) bool {
	if cap(s.buf)-len(s.buf) < len(data) {
		if !l.roomFor(s.buf, data) {
			l.hit("buffer")
			fl.lost += uint64(len(s.buf) + len(data))
			l.empty(s)
			s.synced = false
			return false
		}
		grown := append(l.pool.take(len(s.buf)+len(data)), s.buf...)
		l.pool.give(s.buf)
		s.buf = grown
	}
	if l.keep.to != nil {
		s.parts = append(s.parts, l.part(len(data)))
	}
	s.buf = append(s.buf, data...)
	return true
}

func (l *lane) roomFor(have, more []byte) bool { return l.room(len(have) + len(more)) }

// room says whether n more bytes fit the lane's share of Budget.Buffer.
func (l *lane) room(n int) bool { return l.pool.out+n <= l.budget.Buffer }

// empty drops the bytes that wait for the rest of a PDU.
func (l *lane) empty(s *stream) {
	l.pool.give(s.buf)
	s.buf, s.need, s.parts = nil, 0, s.parts[:0]
}

// drop gives back everything that a stream holds.
func (l *lane) drop(s *stream) {
	l.empty(s)
	for i := range s.late {
		l.pool.give(s.late[i].data)
		s.late[i].data = nil
	}
	s.late, s.kept = s.late[:0], 0
}
