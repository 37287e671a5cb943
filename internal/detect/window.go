package detect

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// Bounds of windows: groups that are counted at once, and entries of one.
const (
	maxWindows = 20_000
	maxEntries = 512
)

// windows holds what was counted in the last while, by rule and group. What nothing was
// added to since the newer half filled up goes when it fills up again: no look through
// all of them, which for each new one would cost more than all judging.
type windows struct {
	newer, older map[string]*window
	tags         []tagged // the newest summaries that added something
	tag          string   // of the summary that is looked at
	serial       uint32   // of the newest tag
	seed         maphash.Seed
	key          []byte // room for making one
	apart        apart
	got          counted
}

func newWindows() windows {
	return windows{newer: map[string]*window{}, older: map[string]*window{}, seed: maphash.MakeSeed()}
}

// tagged is a summary, and the number that its entries carry.
type tagged struct {
	tag    string
	serial uint32
}

type window struct {
	entries []entry
	last    int64
	first   int64 // no entry ended before it
}

// entry is one thing that a window counts. Who and what it was stand in it as hashes:
// they are only told apart.
type entry struct {
	at, until             int64
	n, bytes              int64
	client, server, value uint64 // value 0: none
	code, unit, serial    uint32
	port                  uint16
	refused               bool
}

// begin turns to a summary, and takes out what it added should it come again.
func (w *windows) begin(tag string) {
	w.tag = tag
	i := slices.IndexFunc(w.tags, func(t tagged) bool { return t.tag == tag })
	if i < 0 {
		return
	}
	serial := w.tags[i].serial
	w.tags = slices.Delete(w.tags, i, i+1)
	for _, groups := range [2]map[string]*window{w.newer, w.older} {
		for _, g := range groups {
			g.entries = slices.DeleteFunc(g.entries, func(e entry) bool { return e.serial == serial })
		}
	}
}

// keptTags is how many summaries may come again without being counted twice.
const keptTags = 32

// stamp gives the number of the summary that is looked at.
func (w *windows) stamp() uint32 {
	if len(w.tags) == 0 || w.tags[len(w.tags)-1].tag != w.tag {
		if len(w.tags) >= keptTags {
			w.tags = slices.Delete(w.tags, 0, 1)
		}
		w.serial++
		w.tags = append(w.tags, tagged{w.tag, w.serial})
	}
	return w.serial
}

// of finds or makes the window of a rule and a group.
func (w *windows) of(r *rule.Ready, s *scene, value string) *window {
	k := append(w.key[:0], r.ID...)
	k = binary.BigEndian.AppendUint64(append(k, 0), uint64(s.l.d.SiteNo))
	k = binary.BigEndian.AppendUint64(k, uint64(s.realm))
	code, unit := s.code()
	for _, g := range r.Group {
		switch g {
		case "client":
			k = appendHost(k, &s.ends[0])
		case "server":
			k = appendHost(k, &s.ends[1])
		case "protocol":
			k = append(append(k, s.protocol...), 0)
		case "port":
			k = binary.BigEndian.AppendUint16(k, s.port)
		case "code":
			k = binary.BigEndian.AppendUint32(k, code)
		case "unit":
			k = binary.BigEndian.AppendUint32(k, unit)
		case "value":
			k = append(append(k, value...), 0)
		}
	}
	w.key = k
	if g := w.newer[string(k)]; g != nil {
		return g
	}
	if len(w.newer) >= maxWindows/2 {
		clear(w.older)
		w.newer, w.older = w.older, w.newer
	}
	g := w.older[string(k)]
	if g == nil {
		g = &window{first: math.MaxInt64}
	} else {
		delete(w.older, string(k))
	}
	w.newer[string(k)] = g
	return g
}

func appendHost(k []byte, h *ot.Host) []byte {
	if !h.IP.IsValid() {
		return append(append(k, 'm'), h.MAC[:]...)
	}
	ip := plainIP(h.IP)
	b := ip.As16()
	if ip.Is4() {
		return append(append(k, '4'), b[12:]...)
	}
	return append(append(k, '6'), b[:]...)
}

// add counts what a rule looks at and says whether that made too many; what was
// counted is good until the next.
func (w *windows) add(r *rule.Ready, s *scene, value string) (c *counted, met bool, err error) {
	per := int64(r.Per)
	g := w.of(r, s, value)
	e := s.entry(w)
	if long := e.until - e.at; long > per { // counted over longer than the window: its share of it
		e.n, e.bytes, e.until = max(e.n*per/long, 1), e.bytes*per/long, e.at+per
	}
	if value != "" {
		e.value = maphash.String(w.seed, value) | 1
	}
	g.entries = append(g.entries, e)
	if len(g.entries) > maxEntries {
		g.entries = slices.Delete(g.entries, 0, len(g.entries)-maxEntries)
	}
	g.last, g.first = max(g.last, e.until), min(g.first, e.until)
	g.forget(g.last - 2*per)
	c = w.count(r.Having, g, e.until-per, e.until)
	met, err = r.Having.Holds(c)
	return c, met, err
}

// forget lets go of what ended before.
func (g *window) forget(before int64) {
	if g.first >= before {
		return
	}
	g.first = math.MaxInt64
	g.entries = slices.DeleteFunc(g.entries, func(e entry) bool {
		old := e.until < before
		if !old {
			g.first = min(g.first, e.until)
		}
		return old
	})
}

// entry is what it counts for.
func (s *scene) entry(w *windows) entry {
	e := entry{n: 1, client: w.hash(&s.ends[0]), server: w.hash(&s.ends[1]), port: s.port, serial: w.stamp()}
	e.at, e.until = s.times()
	e.code, e.unit = s.code()
	switch s.on {
	case anEvent:
		e.n, e.refused = int64(1+s.event.Repeats), s.event.Refused
	case aTuple:
		e.n, e.refused = int64(s.tuple.Count), s.tuple.Refused > 0
	case aTalk:
		e.n, e.bytes = int64(max(s.talk.Sessions, 1)), int64(s.talk.ClientBytes+s.talk.ServerBytes)
	}
	return e
}

func (w *windows) hash(h *ot.Host) uint64 {
	var room [24]byte
	return maphash.Bytes(w.seed, appendHost(room[:0], h))
}

// counted is what a window holds of a time: what the having of its rule asks for.
type counted struct {
	count, refused, bytes int64
	apart                 [rule.Values + 1 - rule.Clients]int64 // different ones
	first, last           int64
}

// Int answers a having.
func (c *counted) Int(v rule.Var) int64 {
	switch v {
	case rule.Count:
		return c.count
	case rule.RefusedOf:
		return c.refused
	case rule.Bytes:
		return c.bytes
	}
	return c.apart[v-rule.Clients]
}

// Text and Bool have nothing to answer: a having counts.
func (c *counted) Text(rule.Var) string { return "" }

// Bool is never asked for.
func (c *counted) Bool(rule.Var) bool { return false }

// count folds the entries of a time.
func (w *windows) count(having *rule.Condition, g *window, from, to int64) *counted {
	c := &w.got
	*c = counted{first: to, last: from}
	in := func(e *entry) bool { return e.until >= from && e.at <= to }
	for i := range g.entries {
		e := &g.entries[i]
		if !in(e) {
			continue
		}
		c.count += e.n
		c.bytes += e.bytes
		if e.refused {
			c.refused += e.n
		}
		c.first, c.last = min(c.first, e.at), max(c.last, e.until)
	}
	for _, d := range [...]struct {
		v  rule.Var
		of func(*entry) uint64
	}{
		{rule.Clients, func(e *entry) uint64 { return e.client }},
		{rule.Servers, func(e *entry) uint64 { return e.server }},
		{rule.Ports, func(e *entry) uint64 { return uint64(e.port) + 1 }},
		{rule.Codes, func(e *entry) uint64 { return uint64(e.code) + 1 }},
		{rule.Units, func(e *entry) uint64 { return uint64(e.unit) + 1 }},
		{rule.Values, func(e *entry) uint64 { return e.value }},
	} {
		if !having.Uses(d.v) {
			continue
		}
		w.apart.reset()
		for i := range g.entries {
			if e := &g.entries[i]; in(e) {
				w.apart.add(d.of(e))
			}
		}
		c.apart[d.v-rule.Clients] = w.apart.n
	}
	return c
}

// tell makes the hit of what was looked at last one of the whole window.
func (c *counted) tell(r *rule.Ready, h *rule.Hit) {
	h.First, h.Last = c.first, c.last
	h.Count = 1
	if !slices.Contains(r.Group, "server") {
		h.Server = rule.End{}
	}
	if !slices.Contains(r.Group, "client") {
		h.Client = rule.End{}
	}
	h.Facts = nil
	for _, v := range [...]rule.Var{rule.Count, rule.Servers, rule.Clients, rule.Ports, rule.Codes, rule.Values, rule.RefusedOf} {
		if n := c.Int(v); n > 1 && strings.Contains(r.Rule.Having, v.String()) {
			h.Facts = append(h.Facts, rule.Say{Name: "n_" + v.String(), Value: strconv.FormatInt(n, 10)})
		}
	}
	h.Facts = append(h.Facts, rule.Say{Name: "within", Value: time.Duration(r.Per).String()})
}

// apart counts different numbers that are not 0.
type apart struct {
	slots [4 * maxEntries]uint64
	round [4 * maxEntries]uint32
	now   uint32
	n     int64
}

func (a *apart) reset() {
	if a.now++; a.now == 0 { // it went round
		a.round = [4 * maxEntries]uint32{}
		a.now = 1
	}
	a.n = 0
}

func (a *apart) add(x uint64) {
	if x == 0 {
		return
	}
	hi, lo := bits.Mul64(x, 0x9e3779b97f4a7c15)
	for i := (hi ^ lo) % (4 * maxEntries); ; i = (i + 1) % (4 * maxEntries) {
		switch {
		case a.round[i] != a.now:
			a.round[i], a.slots[i] = a.now, x
			a.n++
			return
		case a.slots[i] == x:
			return
		}
	}
}
