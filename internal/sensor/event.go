package sensor

import (
	"slices"

	"github.com/skanse/skanse/internal/ot"
)

// events holds the messages kept whole in this interval, and which
// conversations' tuples were ever reported.
type events struct {
	kept [3][]event // by rank, each in packet order and with a cap of its own
	seen map[uint64]struct{}
	runs map[uint64]*run
}

// The ranks of events: a flood of the lower ones never displaces a higher one.
const (
	rankAlert = iota // first hit of a rule on a tuple
	rankRare         // classes in ot.Rare, further rule hits
	rankNew          // first of its kind in a conversation
)

type event struct {
	ident    *ident
	ref      ref
	protocol ot.Protocol
	kind     ot.Kind
	dir      ot.Dir
	class    ot.Class
	refused  bool
	code     uint32
	status   uint32
	unit     uint32
	text     string
	object   string
	rules    []uint16
	proof    []byte
	repeats  uint64 // further messages that are only counted
	until    int64  // of the last of them
	bytes    uint64
	began    uint64
	order    int  // among the events of one packet
	again    bool // one of many alike: a short proof is enough
}

// A transfer of a firmware is a hundred thousand messages alike, whose bytes do not
// compress: the first of an interval are proved whole, the others by the head of their
// PDU. The packet itself is named by each.
const (
	wholeProofs = 4
	shortProof  = 8 // bytes behind the headers
)

const maxObject = 256

// event keeps a message whole, unless its rank's cap is reached.
func (l *lane) event(fl *flow, t *tuple, m *ot.Message, rare, isNew bool) {
	rank := rankNew
	r := l.runOf(fl, m)
	if r != nil && r.at > 0 {
		l.events.kept[r.rank][r.at-1].goesOn(m, l.pdu)
		r.last = m.At
		return
	}
	switch {
	case len(l.hits) > 0:
		rank = rankRare
		var bits uint64
		for _, n := range l.hits {
			bits |= 1 << min(n, 63)
		}
		switch {
		case t != nil && t.hits&bits != bits:
			t.hits |= bits
			rank = rankAlert
		case l.brief:
			if t != nil && t.alert > 0 {
				l.events.kept[rankAlert][t.alert-1].repeats++
			}
			return
		}
	case rare:
		rank = rankRare
	case !l.firstOf(fl, m):
		return
	}
	if len(l.events.kept[rank]) >= l.budget.Events {
		if rank == rankNew {
			l.hit("first messages")
		} else {
			l.hit("events")
		}
		return
	}
	l.events.kept[rank] = append(l.events.kept[rank], event{
		ident: l.identOf(fl), ref: l.now, protocol: m.Protocol, kind: m.Kind, dir: m.Dir, class: m.Class,
		refused: m.Flags&ot.Refused != 0, code: m.Code, status: m.Status, unit: m.Unit,
		text: string(m.Text), object: string(m.Name[:min(len(m.Name), maxObject)]),
		rules: slices.Clone(l.hits), order: l.order(), again: rank != rankAlert && t != nil && t.count > wholeProofs,
	})
	l.hand.events[rank]++
	l.hand.some = true
	if rank == rankAlert {
		t.alert = int32(len(l.events.kept[rank]))
	}
	if r != nil {
		r.told(rank, l.events.kept[rank], m, l.pdu)
	}
}

// seenLimit bounds how many kinds of messages are remembered as reported.
func (l *lane) seenLimit() int { return 4 * l.budget.Events }

// order numbers the events of one packet.
func (l *lane) order() int {
	n := 0
	for _, kept := range l.events.kept {
		if len(kept) > 0 && kept[len(kept)-1].ref.number == l.now.number {
			n = max(n, kept[len(kept)-1].order+1)
		}
	}
	return n
}

// likeness is the same for messages of one kind between these hosts.
func (l *lane) likeness(fl *flow, m *ot.Message) uint64 {
	port := fl.key.bp
	if fl.client == 1 {
		port = fl.key.ap
	}
	h := (fl.key.a.lo ^ uint64(port)<<48) * mix1
	h = (h ^ h>>29 ^ fl.key.b.lo ^ fl.key.a.hi<<7 ^ fl.key.b.hi<<13) * mix2
	h = (h ^ h>>31 ^ uint64(m.Protocol)<<48 ^ uint64(m.Kind)<<40 ^ uint64(m.Dir)<<36 ^ uint64(m.Code)) * mix1
	h = (h ^ h>>30 ^ uint64(fl.key.realm)<<40 ^ uint64(m.Class)) * mix2
	for _, c := range m.Text {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

// firstOf says whether this run of the sensor has not yet seen such a message between these hosts.
func (l *lane) firstOf(fl *flow, m *ot.Message) bool {
	h := l.likeness(fl, m)
	if _, have := l.events.seen[h]; have {
		return false
	}
	if len(l.events.seen) >= l.seenLimit() {
		l.hit("first messages")
		return false
	}
	l.events.seen[h] = struct{}{}
	return true
}
