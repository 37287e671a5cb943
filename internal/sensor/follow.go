package sensor

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Followed are the elements whose values are kept wherever they stand in a request; of
// all others only a message's first is. It may be set while sensors run.
type Followed struct {
	names *dissect.Set
	now   atomic.Pointer[following]
}

// following is what is followed at one time.
type following struct {
	places map[followKey]struct{}
	lists  map[dissect.NameSum]struct{} // names without their index
	tags   map[tagKey][]byte            // the name as it was asked for
}

type tagKey struct {
	sum   dissect.NameSum
	index uint32
}

// Element is a place in a table, of whatever station.
type Element struct {
	Protocol string `json:"protocol"`
	Space    uint16 `json:"space,omitempty"` // 0: any
	Area     uint32 `json:"area,omitempty"`
	Item     uint32 `json:"item"`
	Width    uint8  `json:"width,omitempty"` // bytes, where a protocol's elements have several
	Name     string `json:"name,omitempty"`  // of a tag; nothing else but the protocol is set then
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
	m := following{map[followKey]struct{}{}, map[dissect.NameSum]struct{}{}, map[tagKey][]byte{}}
	for _, e := range list {
		p, ok := f.names.Lookup(e.Protocol)
		switch {
		case !ok:
		case e.Name != "":
			name, index := indexed(e.Name)
			sum := dissect.SumName(name)
			m.lists[sum] = struct{}{}
			m.tags[tagKey{sum, index}] = []byte(e.Name)
		default:
			m.places[followKey{p, e.Space, e.Area, e.Item, e.Width}] = struct{}{}
		}
	}
	f.now.Store(&m)
}

// indexed cuts the index off a name: "Line1.Step[3]" and "N7:3" are the third of a list, a
// name without one is its beginning. Of a file of a PLC-5 or SLC the part of the
// element belongs to the list: "T4:3.ACC" is the third of "T4.ACC".
func indexed(name string) (list string, index uint32) {
	head, rest, ok := strings.Cut(name, ":")
	number, part, _ := strings.Cut(rest, ".")
	if n, err := strconv.ParseUint(number, 10, 16); ok && err == nil && len(head) > 1 && len(head) < 5 {
		if part != "" {
			head += "." + part
		}
		return head, uint32(n)
	}
	if at := strings.LastIndexByte(name, '['); at > 0 && strings.HasSuffix(name, "]") {
		if n, err := strconv.ParseUint(name[at+1:len(name)-1], 10, 32); err == nil {
			return name[:at], uint32(n)
		}
	}
	return name, 0
}

func (f *Followed) any() bool {
	if f == nil {
		return false
	}
	m := f.now.Load()
	return m != nil && len(m.places)+len(m.lists) > 0
}

func (f *Followed) has(k *tupleKey, item uint32, width uint8) bool {
	m := f.now.Load().places
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

// FollowsName implements dissect.Follower.
func (l *lane) FollowsName(sum dissect.NameSum) bool {
	if !l.Follows() {
		return false
	}
	_, ok := l.follow.now.Load().lists[sum]
	return ok
}

// Named keeps what a followed tag holds.
func (l *lane) Named(sum dissect.NameSum, index uint32, v float64) {
	t := l.latest
	if t == nil || t.key.other || v-v != 0 || !l.Follows() {
		return
	}
	name, ok := l.follow.now.Load().tags[tagKey{sum, index}]
	if !ok || len(l.texts.all) >= textsOfValues {
		return
	}
	if !l.values.put(&t.values, 0, l.texts.number(name), v, l.sink.At) {
		l.hit("values")
	}
}
