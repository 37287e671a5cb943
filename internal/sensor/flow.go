package sensor

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// flowKey names one flow: unordered, so that both directions find it. A is the
// numerically smaller endpoint. Frames without IP put their MACs into a and b.
type flowKey struct {
	a, b   addr
	ap, bp uint16 // ports; of frames without IP the EtherType
	realm  uint16
	kind   uint8 // transport: carriesIP or what else the frame carries
	proto  uint8 // IP protocol
}

// flow is one conversation between two ports, while it is open. What it
// counted moves into its conversation (conv) at a flush or when it goes. The
// order of its fields is that of their use: what every packet touches fills
// the first three cache lines, because waiting for them is most of its cost.
type flow struct {
	key   flowKey
	chain *flow // next of the same bucket
	used  bool  // seen since the clock's hand passed
	live  bool

	client      uint8 // side 0 or 1
	by          clientBy
	quarantined bool    // a dissector panicked here: nothing is decoded any more
	midstream   bool    // TCP whose start nobody saw
	closed      bool    // FIN or RST: kept for stragglers until it goes
	spoke       [2]bool // took part: not only resets
	acked       [2]bool // of TCP: sent more than an opening, so the other side must have spoken
	proved      uint8
	number      uint8 // of entry
	alien       uint8
	fin         uint8 // sides that said their last

	host    [2]*host
	packets [2]uint64
	bytes   [2]uint64
	last    int64
	entry   *dissect.Entry // who decodes it

	state  dissect.Flow
	stream [2]*stream // of TCP, made with the first payload
	known  uint64     // payload bytes decoded
	tuples tuples

	unknown, malformed, lost uint64

	print     *fingerprint   // of what nobody decodes
	ident     *ident         // what its events point at; made with the first of them
	named     *dissect.Entry // who decoded it, also after its end
	as        ot.Protocol    // of named: which of its alternatives
	refused   entrySet       // dissectors that let it go
	session   uint64         // opened and not yet told
	tries     [2]uint32      // to find out who speaks, by side
	turns     uint8          // tries because the other side had spoken
	spokeLast uint8
	vlan      uint16
	headers   uint16 // of proof
	transfers uint16 // of blocks and files, open
	holes     uint32 // times that bytes of its streams were missing
	open      uint32 // requests without an answer yet
	openPace  uint32 // of the first of them
	openAt    int64
	again     uint64 // segments that came again
	resets    uint64
	passing   bool      // files in transfer that nobody keeps
	mac       [2]ot.MAC // as last seen
	first     int64
	firstRef  ref
	proof     []byte // of the first packet, better: of the first whose payload may be kept

	// For a Keeper.
	askedAs   *dissect.Entry // named, when it was asked
	policy    uint32
	whole     bool // its payload is kept
	secretive bool // held a sign-in
}

// ref is a packet reference inside one source.
type ref struct {
	number uint64
	at     int64
	offset int64
}

func (f *frame) ref() ref { return ref{f.number, f.at, f.offset} }

// clientBy orders the reasons, strongest highest.
type clientBy uint8

const (
	byNothing clientBy = iota
	byGuess
	byPort
	byProtocol
	bySYN
)

func (c clientBy) word() ClientBy {
	switch c {
	case bySYN:
		return BySYN
	case byProtocol:
		return ByProtocol
	case byPort:
		return ByPort
	}
	return ByGuess
}

// ident is what an event keeps of its flow, filled when the flow is folded:
// by then the client and the protocol are known best.
type ident struct{ conv *conv }

const mix1, mix2, mix3 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93, 0xa0761d6478bd642f

func scramble(x uint64) uint64 {
	x ^= x >> 32
	x *= mix2
	x ^= x >> 29
	return x
}

// pairHash is the same for both directions. It chooses the lane, so it has no
// seed: which flows a full lane drops must not depend on the run.
func pairHash(a, b addr) uint64 {
	return scramble((a.lo+b.lo)*mix1 ^ (a.lo^b.lo)*mix3 ^ (a.hi+b.hi)*mix2)
}

func (k *flowKey) hash(seed uint64) uint64 {
	// A product's low bits know nothing of its factors' high bits, so each is folded before the next.
	h := (k.a.lo ^ seed) * mix1
	h = (h ^ h>>31 ^ k.b.lo) * mix2
	h ^= (k.a.hi + k.b.hi<<1) * mix1
	h = (h ^ h>>29 ^ uint64(k.realm)<<16 ^ uint64(k.kind)<<8 ^ uint64(k.proto)) * mix2
	h = (h ^ h>>32 ^ uint64(k.ap)<<16 ^ uint64(k.bp)) * mix1
	return h ^ h>>32
}

// flowTable finds flows. Go's map would do it for a third more of the whole
// budget: the key is 40 bytes, and each packet looks one up.
type flowTable struct {
	seed    uint64
	buckets []*flow  // chains; a power of two
	slabs   [][]flow // 1<<slabBits flows each; grows as needed up to limit, never moves
	used    int      // flows ever taken from the slabs
	free    []*flow
	broom   int // where the sweep for idle flows stands
	hand    int // the clock's: second chance, near enough to least recently used
	limit   int
}

const slabBits = 6

func newFlowTable(limit int, seed uint64) *flowTable {
	return &flowTable{seed: seed, buckets: make([]*flow, 64), limit: limit}
}

func (t *flowTable) at(i int) *flow { return &t.slabs[i>>slabBits][i&(1<<slabBits-1)] }

func (t *flowTable) bucket(k *flowKey) **flow {
	return &t.buckets[k.hash(t.seed)&uint64(len(t.buckets)-1)]
}

func (t *flowTable) find(k *flowKey) *flow {
	f := *t.bucket(k)
	for f != nil {
		// Field by field: the compiler would call a function to compare the struct.
		if f.key.a == k.a && f.key.b == k.b && f.key.ap == k.ap && f.key.bp == k.bp &&
			f.key.proto == k.proto && f.key.kind == k.kind && f.key.realm == k.realm {
			return f
		}
		f = f.chain
	}
	return nil
}

// add returns an empty flow for the key. evict is called with the flow that has to make room.
func (t *flowTable) add(k *flowKey, evict func(*flow)) *flow {
	var f *flow
	switch {
	case len(t.free) > 0:
		f = t.free[len(t.free)-1]
		t.free = t.free[:len(t.free)-1]
	case t.used < t.limit:
		if t.used>>slabBits == len(t.slabs) {
			t.slabs = append(t.slabs, make([]flow, 1<<slabBits))
		}
		if t.used >= len(t.buckets) {
			t.rehash(len(t.buckets) * 4)
		}
		f = t.at(t.used)
		t.used++
	default:
		f = t.oldest()
		evict(f)
		t.unlink(f)
	}
	keep, streams, proof := f.tuples, f.stream, f.proof
	*f = flow{key: *k, live: true, used: true, tuples: keep, stream: streams, proof: proof[:0]}
	b := t.bucket(k)
	f.chain, *b = *b, f
	return f
}

// Idle flows go after this packet time, ns; open TCP connections never do, as
// they last for months in a plant. What comes later begins a new flow of the same conversation.
const (
	closedLinger = int64(15e9)  // after FIN or RST, for stragglers
	unansweredIn = int64(60e9)  // a SYN or a lone segment
	datagramIdle = int64(300e9) // longer than what polls and announcements wait
	sweepStep    = 2            // flows looked at for each new one: the table stops growing when half as many are idle
)

// sweep retires idle flows, a few for each flow that begins.
func (t *flowTable) sweep(now int64, retire func(*flow)) {
	for range min(sweepStep, t.used) {
		if t.broom++; t.broom >= t.used {
			t.broom = 0
		}
		f := t.at(t.broom)
		if !f.live {
			continue
		}
		limit := datagramIdle
		switch {
		case f.closed:
			limit = closedLinger
		case f.key.kind == carriesIP && f.key.proto == ipTCP:
			if f.spoke[0] && f.spoke[1] {
				continue
			}
			limit = unansweredIn
		}
		if now-f.last > limit {
			retire(f)
			t.unlink(f)
			t.free = append(t.free, f)
		}
	}
}

// lone says whether nobody has answered yet: a scan's or a flood's SYN, a lost machine's question.
func (fl *flow) lone() bool {
	return fl.key.kind == carriesIP && fl.key.proto == ipTCP && !(fl.spoke[0] && fl.spoke[1])
}

// loneNear is how many flows are looked at for one that nobody answered, before one that two speak in goes.
const loneNear = 32

// oldest moves the clock's hand to a flow that was not seen since its last round. Where
// one without an answer stands near, that goes first: a million half-open connections
// must not push out a session that has lasted for months.
func (t *flowTable) oldest() *flow {
	for i := range min(loneNear, t.used) {
		at := (t.hand + 1 + i) % t.used
		if f := t.at(at); f.live && f.lone() {
			t.hand = at
			return f
		}
	}
	for {
		if t.hand++; t.hand >= t.used {
			t.hand = 0
		}
		f := t.at(t.hand)
		if f.live && !f.used {
			return f
		}
		f.used = false
	}
}

func (t *flowTable) unlink(f *flow) {
	p := t.bucket(&f.key)
	for *p != f {
		p = &(*p).chain
	}
	*p = f.chain
	f.live, f.chain = false, nil
}

func (t *flowTable) rehash(n int) {
	t.buckets = make([]*flow, n)
	t.all(func(f *flow) {
		b := t.bucket(&f.key)
		f.chain, *b = *b, f
	})
}

// all calls fn for every open flow.
func (t *flowTable) all(fn func(*flow)) {
	for i := range t.used {
		if f := t.at(i); f.live {
			fn(f)
		}
	}
}

// dir is the direction of what side sends.
func (fl *flow) dir(side uint8) ot.Dir {
	if side == fl.client {
		return ot.Request
	}
	return ot.Response
}
