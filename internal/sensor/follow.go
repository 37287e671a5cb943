package sensor

import (
	"sync/atomic"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Followed are the elements whose values are kept wherever they stand in a request; of
// all others only a message's first is. It may be set while sensors run.
type Followed struct {
	names *dissect.Set
	now   atomic.Pointer[map[followKey]struct{}]
}

// Element is a place in a table, of whatever station.
type Element struct {
	Protocol string `json:"protocol"`
	Space    uint16 `json:"space,omitempty"` // 0: any
	Area     uint32 `json:"area,omitempty"`
	Item     uint32 `json:"item"`
	Width    uint8  `json:"width,omitempty"` // bytes, where a protocol's elements have several
}

type followKey struct {
	protocol   ot.Protocol
	space      uint16
	area, item uint32
	width      uint8
}

// NewFollowed follows nothing yet.
func NewFollowed(names *dissect.Set) *Followed { return &Followed{names: names} }

// Set follows these, and no others. Protocols that are not known here are left out.
func (f *Followed) Set(list []Element) {
	m := map[followKey]struct{}{}
	for _, e := range list {
		if p, ok := f.names.Lookup(e.Protocol); ok {
			m[followKey{p, e.Space, e.Area, e.Item, e.Width}] = struct{}{}
		}
	}
	f.now.Store(&m)
}

func (f *Followed) any() bool {
	if f == nil {
		return false
	}
	m := f.now.Load()
	return m != nil && len(*m) > 0
}

func (f *Followed) has(k *tupleKey, item uint32, width uint8) bool {
	m := *f.now.Load()
	if _, ok := m[followKey{k.protocol, k.space, k.area, item, width}]; ok {
		return true
	}
	_, ok := m[followKey{k.protocol, 0, k.area, item, width}]
	return ok
}

// Follows implements dissect.Follower.
func (l *lane) Follows() bool { return l.follow.any() && !l.quoting }

// Element keeps what a followed element of the last message holds.
func (l *lane) Element(item uint32, width uint8, v float64) {
	t := l.latest
	if t == nil || t.key.other || v-v != 0 || !l.Follows() || !l.follow.has(&t.key, item, width) {
		return
	}
	if !l.values.put(&t.values, item, 0, v, l.sink.At) {
		l.hit("values")
	}
}
