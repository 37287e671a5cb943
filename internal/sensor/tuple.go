package sensor

import (
	"iter"

	"github.com/skanse/skanse/internal/ot"
)

// tupleKey is what messages are counted by, inside one flow.
type tupleKey struct {
	code, unit, area uint32
	text             uint32 // the code where the protocol uses names: its number in the lane's texts
	protocol         ot.Protocol
	class            ot.Class
	space            uint16
	kind             ot.Kind
	dir              ot.Dir
	also             bool
	other            bool // detail or code was dropped to keep within the budget
}

func (k *tupleKey) hash() uint32 {
	rest := uint64(k.area)<<32 | uint64(k.protocol)<<16 | uint64(k.class)
	small := uint64(k.text)<<40 ^ uint64(k.space)<<24 | uint64(k.kind)<<16 | uint64(k.dir)<<8
	if k.also {
		small |= 1
	}
	h := (uint64(k.code)<<32|uint64(k.unit))*mix1 ^ rest*mix2 ^ (small+rest)*mix3
	return uint32((h ^ h>>29) * mix1 >> 32)
}

// texts numbers the codes that are names. Counters then hold no pointers: the
// collector passes over their memory, most of what the sensor has.
type texts struct {
	numbers map[string]uint32
	all     []string // by number; 0 is no text, 1 stands for those beyond the budget
}

const (
	otherText = 1
	maxTexts  = 8192
	maxText   = 128 // bytes
)

func newTexts() texts {
	return texts{numbers: map[string]uint32{}, all: []string{"", "other"}}
}

func (x *texts) number(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	b = b[:min(len(b), maxText)]
	if n, ok := x.numbers[string(b)]; ok {
		return n
	}
	if len(x.all) >= maxTexts {
		return otherText
	}
	n := uint32(len(x.all))
	text := string(b)
	x.numbers[text] = n
	x.all = append(x.all, text)
	return n
}

// tuple counts one kind of message.
type tuple struct {
	key            tupleKey
	hash           uint32
	lo, hi         uint32   // elements touched, hi exclusive; hi 0: none
	silent         ot.Flags // the flags with which rules were asked last, and what they said: asked once, not every message
	alert          int32    // its event among the alerts, from 1, where hits are only counted
	count, refused uint64
	last           int64
	values         uint32 // the chain of its elements' newest values
	pace           uint32 // its place among the lane's paces, from 1

	next uint32 // of the same flow or conversation; of one that is free, the next free one

	ref  ref    // of the first
	hits uint64 // rules that reported this tuple once already, by number
}

// silentSet says that silent holds an answer; loudSet, that rules were hit, and hits are only counted.
const (
	silentSet ot.Flags = 1 << 15
	loudSet   ot.Flags = 1 << 14
)

// asked are the flags that a rule can ask for.
const asked = ot.Refused | ot.Midstream | ot.Inner | ot.Forced | ot.ClearText

// tupleSlab holds the counters of a lane, each named by its number from 1. They never
// move and are given back one by one: a capture has several times more flows than
// conversations, and slices that grow for each cost more than all counting.
type tupleSlab struct {
	chunks [][]tuple
	used   uint32 // numbers ever given
	free   uint32 // the first of a chain
}

const chunkBits = 7

func (s *tupleSlab) at(n uint32) *tuple {
	n--
	return &s.chunks[n>>chunkBits][n&(1<<chunkBits-1)]
}

// make gives a counter.
func (s *tupleSlab) make(k *tupleKey, hash uint32) (uint32, *tuple) {
	n := s.free
	if n != 0 {
		t := s.at(n)
		s.free = t.next
		*t = tuple{key: *k, hash: hash}
		return n, t
	}
	if s.used>>chunkBits == uint32(len(s.chunks)) {
		s.chunks = append(s.chunks, make([]tuple, 1<<chunkBits))
	}
	s.used++
	t := s.at(s.used)
	t.key, t.hash = *k, hash
	return s.used, t
}

// tuples finds a flow's counters: a small open-addressed index over them, because a map
// of the whole sensor would cost more than all decoding.
type tuples struct {
	head, tail uint32 // in the order in which they came
	n          int
	hashes     [few]uint32 // of the first ones: a look at them costs no cache line of its own
	first      [few]uint32
	index      []uint32 // their numbers; a power of two, at most half full
}

// few is how many counters are searched one by one. Most flows have no more,
// and a flood of them must not cost an index each.
const few = 4

// find returns the counter, or nil when it is not there.
func (t *tuples) find(in *tupleSlab, k *tupleKey, hash uint32) *tuple {
	if t.n <= few {
		for i := range t.n {
			if t.hashes[i] != hash {
				continue
			}
			if r := in.at(t.first[i]); r.key == *k {
				return r
			}
		}
		return nil
	}
	mask := uint32(len(t.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		n := t.index[i]
		if n == 0 {
			return nil
		}
		if r := in.at(n); r.hash == hash && r.key == *k {
			return r
		}
	}
}

// add makes a counter that is not there.
func (t *tuples) add(in *tupleSlab, k *tupleKey, hash uint32) *tuple {
	at, r := in.make(k, hash)
	t.link(in, at, r)
	return r
}

// link takes a counter in.
func (t *tuples) link(in *tupleSlab, at uint32, r *tuple) {
	r.next = 0
	if t.n == 0 {
		t.head = at
	} else {
		in.at(t.tail).next = at
	}
	t.tail = at
	t.n++
	switch n := t.n; {
	case n <= few:
		t.hashes[n-1], t.first[n-1] = r.hash, at
	case n == few+1, 2*n > len(t.index):
		if need := max(16, 2*len(t.index)); 2*n > len(t.index) {
			t.index = make([]uint32, need)
		} else {
			clear(t.index)
		}
		for i := t.head; i != 0; {
			o := in.at(i)
			t.place(o.hash, i)
			i = o.next
		}
	default:
		t.place(r.hash, at)
	}
}

func (t *tuples) place(hash, at uint32) {
	mask := uint32(len(t.index) - 1)
	i := hash & mask
	for t.index[i] != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = at
}

// all goes through them in the order in which they came.
func (t *tuples) all(in *tupleSlab) iter.Seq[*tuple] {
	return func(yield func(*tuple) bool) {
		for i := t.head; i != 0; {
			r := in.at(i)
			i = r.next // before it may be linked elsewhere
			if !yield(r) {
				return
			}
		}
	}
}

// reset gives all back, and keeps a small index for the next flow.
func (t *tuples) reset(in *tupleSlab) {
	if t.n > 0 {
		in.at(t.tail).next = in.free
		in.free = t.head
	}
	index := t.index
	if len(index) > 64 {
		index = nil
	}
	*t = tuples{index: index}
}

// touch widens the range of elements.
func (t *tuple) touch(first, n uint32) {
	if n == 0 {
		return
	}
	end := first + n
	if end < first {
		end = ^uint32(0)
	}
	if t.hi == 0 {
		t.lo, t.hi = first, end
		return
	}
	t.lo, t.hi = min(t.lo, first), max(t.hi, end)
}

// tuple finds or makes the flow's counter for a message. Beyond the budget the
// objects are dropped first, so that codes stay exact, then the codes.
func (l *lane) tuple(f *flow, k *tupleKey, text []byte) (t *tuple, isNew bool) {
	k.text = l.texts.number(text)
	h := k.hash()
	if t = f.tuples.find(&l.counters, k, h); t != nil {
		return t, false
	}
	if n := f.tuples.n; n >= l.budget.Tuples {
		l.hit("tuples")
		k.unit, k.area, k.space, k.other = 0, 0, 0, true
		if n >= 2*l.budget.Tuples {
			k.code, k.text = 0, otherText
		}
		h = k.hash()
		if t = f.tuples.find(&l.counters, k, h); t != nil {
			return t, false
		}
		if n >= 3*l.budget.Tuples {
			return nil, false
		}
	}
	return f.tuples.add(&l.counters, k, h), true
}
