// Package ring keeps the packets of a listening interface for a while, so that
// somebody can look at what really passed: in memory, or by choice in encrypted
// files. It is bounded, forgets the oldest first and holds no sign-in that a
// dissector saw. It is no archive: what must stay is cut out of it in time.
package ring

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Config says how much is kept of what.
type Config struct {
	Memory int64 // bytes in memory [64 MiB]; the packets are gone when the process ends
	Disk   *Disk // keeps them in files instead; nil: memory
	Policy Policy
}

// Policy says whose payload is kept; of all other packets the headers and the first bytes are.
type Policy struct {
	Ranges    []netip.Prefix  // the plant's own networks
	Protocols map[string]bool // its protocols, wherever they are spoken
	Beyond    int             // payload bytes that are kept of the others
}

// Limits of a ring.
const (
	blockBytes    = 1 << 20
	DefaultMemory = 64 << 20
	MinMemory     = 2 * blockBytes
)

// Ring is a sensor.Keeper. Its writing part is used by one goroutine at a time.
type Ring struct {
	policy atomic.Pointer[policy]
	limit  int // blocks in memory

	mu      sync.Mutex
	cur     *block
	sealed  []*block // oldest first
	spare   []*block
	last    uint64 // number of the newest packet
	dropped uint64 // packets of blocks that the disk was too slow for
	disk    *store // nil: memory only
}

type policy struct {
	Policy
	number uint32
}

// New makes a ring. With Disk it goes on after the numbers that the files hold.
// Close it when done.
func New(cfg Config) (*Ring, error) {
	if cfg.Memory <= 0 {
		cfg.Memory = DefaultMemory
	}
	if cfg.Memory < MinMemory {
		return nil, ot.Errorf(ot.Invalid, "a packet ring takes at least 2 MiB of memory")
	}
	r := &Ring{limit: int(cfg.Memory / blockBytes)}
	r.SetPolicy(cfg.Policy)
	if cfg.Disk != nil {
		s, err := openStore(*cfg.Disk)
		if err != nil {
			return nil, err
		}
		r.disk, r.last, r.limit = s, s.lastNumber(), diskWaiting
		s.start(r)
	}
	r.cur = r.fresh()
	return r, nil
}

// SetPolicy changes what is kept from now on.
func (r *Ring) SetPolicy(p Policy) {
	n := uint32(1)
	if old := r.policy.Load(); old != nil {
		n = old.number + 1
	}
	r.policy.Store(&policy{p, n})
}

// Last is the number of the newest packet: a source that begins anew counts on from it.
func (r *Ring) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Policy implements sensor.Keeper.
func (r *Ring) Policy() uint32 { return r.policy.Load().number }

// Whole implements sensor.Keeper.
func (r *Ring) Whole(a, b netip.Addr, protocol string) bool {
	p := r.policy.Load()
	if p.Protocols[protocol] {
		return true
	}
	return slices.ContainsFunc(p.Ranges, func(x netip.Prefix) bool { return x.Contains(a) || x.Contains(b) })
}

// Keep implements sensor.Keeper. It allocates nothing once the ring is full.
func (r *Ring) Keep(p *sensor.Packet, head int, how sensor.KeptHow) {
	n := len(p.Data)
	switch how {
	case sensor.KeptSecret, sensor.KeptUnparsed, sensor.KeptBare:
		n = min(n, head)
	case sensor.KeptHeaders:
		n = min(n, head+r.policy.Load().Beyond)
	case sensor.KeptWhole, sensor.KeptPending:
	}
	n = min(n, math.MaxUint16)
	r.mu.Lock()
	b := r.room(recordBytes + n)
	b.packet(p, how, n)
	r.last = p.Number
	r.mu.Unlock()
}

// Vouch implements sensor.Keeper.
func (r *Ring) Vouch(number uint64) {
	r.mu.Lock()
	r.room(recordBytes).vouch(number)
	r.mu.Unlock()
}

// room returns the block that takes n more bytes.
func (r *Ring) room(n int) *block {
	if len(r.cur.data)+n > blockBytes {
		r.turn()
	}
	return r.cur
}

// turn puts the full block aside and takes an empty one.
func (r *Ring) turn() {
	if r.disk != nil {
		r.toDisk()
		return
	}
	r.sealed = append(r.sealed, r.cur)
	if len(r.sealed) >= r.limit {
		old := r.sealed[0]
		r.sealed = slices.Delete(r.sealed, 0, 1)
		if old.readers.Load() == 0 { // else whoever reads it lets it go
			r.spare = append(r.spare, old)
		}
	}
	r.cur = r.fresh()
}

// fresh is an empty block, made where none is spare: so the ring takes only what passes.
func (r *Ring) fresh() *block {
	if n := len(r.spare); n > 0 {
		b := r.spare[n-1]
		r.spare = r.spare[:n-1]
		b.reset()
		return b
	}
	return &block{data: make([]byte, 0, blockBytes)}
}

// State implements sensor.Keeper.
func (r *Ring) State() *sensor.RingState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &sensor.RingState{Size: int64(r.limit) * blockBytes, Unstored: r.dropped}
	add := func(b *block) {
		if b.packets == 0 {
			return
		}
		s.Packets += uint64(b.packets)
		s.Used += int64(len(b.data))
		if s.Oldest == 0 || b.first.at < s.Oldest {
			s.Oldest = b.first.at
		}
		s.Newest = max(s.Newest, b.last.at)
	}
	for _, b := range r.sealed {
		add(b)
	}
	add(r.cur)
	if r.disk != nil {
		r.disk.state(s, time.Now())
	}
	return s
}

// Close writes what is not yet on disk. What is only in memory is gone.
func (r *Ring) Close() error {
	if r.disk == nil {
		return nil
	}
	r.mu.Lock()
	if r.cur.packets > 0 {
		r.toDisk()
	}
	r.mu.Unlock()
	return r.disk.stop()
}
