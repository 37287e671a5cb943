package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Names finds a protocol's and a kind's number; dissect.Set is one.
type Names interface {
	Lookup(protocol string) (ot.Protocol, bool)
	Kind(p ot.Protocol, name string) (ot.Kind, bool)
}

// Set is compiled rules. It is immutable and shared by goroutines.
type Set struct {
	rules   []Rule
	masks   []mask   // of message rules only
	any     []uint32 // by protocol: what a message must have one bit of to be looked at
	by      [][]int  // by protocol: masks to try
	skipped []Rule   // that do not run in a sensor
	version string
}

// word puts a message's class and flags into one, so that the first look is one AND.
func word(m *ot.Message) uint32 { return uint32(m.Class) | uint32(m.Flags)<<16 }

// mask is one rule made of numbers.
type mask struct {
	rule    uint16
	classes ot.Class // 0: any
	all     ot.Flags
	none    ot.Flags
	dir     ot.Dir // DirNone: both
	kinds   map[ot.Protocol]uint64
	codes   map[codeKey]bool
	coded   map[kindKey]bool // kinds for which only the listed codes count
}

type kindKey struct {
	p ot.Protocol
	k ot.Kind
}

type codeKey struct {
	kindKey
	code uint32
	text string
}

// Compile makes a set. Protocols and kinds that names does not know are an
// error: a rule that can never fire must not look as if it watched. protocols
// is how many there are.
func Compile(rules []Rule, names Names, protocols int) (*Set, error) {
	s := &Set{rules: rules, any: make([]uint32, protocols), by: make([][]int, protocols)}
	sum := sha256.New()
	for i, r := range rules {
		fmt.Fprintf(sum, "%+v\n", r)
		if r.On != Message {
			s.skipped = append(s.skipped, r)
			continue
		}
		m, only, err := compile(uint16(i), r.Mask, names)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "rule %q: %w", r.ID, err)
		}
		want := uint32(m.all) << 16
		if m.classes != 0 {
			want = uint32(m.classes)
		} else if want == 0 {
			want = 1<<16 - 1 // every message has a class
		}
		for p := range s.by {
			if only != nil && !only[ot.Protocol(p)] {
				continue
			}
			s.by[p] = append(s.by[p], len(s.masks))
			s.any[p] |= want
		}
		s.masks = append(s.masks, m)
	}
	s.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return s, nil
}

func compile(n uint16, from Mask, names Names) (mask, map[ot.Protocol]bool, error) {
	m := mask{rule: n, kinds: map[ot.Protocol]uint64{}, codes: map[codeKey]bool{}, coded: map[kindKey]bool{}}
	var only map[ot.Protocol]bool
	limit := func(p ot.Protocol) {
		if only == nil {
			only = map[ot.Protocol]bool{}
		}
		only[p] = true
	}
	for _, c := range from.Classes {
		m.classes |= ot.ParseClass(c)
	}
	for _, f := range from.Flags {
		m.all |= flag(f)
	}
	for _, f := range from.Without {
		m.none |= flag(f)
	}
	switch from.Dir {
	case "request":
		m.dir = ot.Request
	case "response":
		m.dir = ot.Response
	}
	for _, name := range from.Protocols {
		p, ok := names.Lookup(name)
		if !ok {
			return m, nil, fmt.Errorf("no protocol is called %q", name)
		}
		limit(p)
	}
	kind := func(name string) (kindKey, error) {
		protocol, k, _ := strings.Cut(name, ".")
		p, ok := names.Lookup(protocol)
		if !ok {
			return kindKey{}, fmt.Errorf("no protocol is called %q", protocol)
		}
		number, ok := names.Kind(p, k)
		if !ok || number >= 64 {
			return kindKey{}, fmt.Errorf("protocol %s has no kind %q", protocol, k)
		}
		limit(p)
		m.kinds[p] |= 1 << number
		return kindKey{p, number}, nil
	}
	for _, name := range from.Kinds {
		if _, err := kind(name); err != nil {
			return m, nil, err
		}
	}
	for name, codes := range from.Codes {
		k, err := kind(name)
		if err != nil {
			return m, nil, err
		}
		m.coded[k] = true
		for _, c := range codes {
			m.codes[codeKey{k, c.Number, c.Text}] = true
		}
	}
	return m, only, nil
}

// Hit appends the numbers of the rules that the message meets. A message whose
// payload was reported as another one (ot.Inner) is passed over unless a rule asks for it.
func (s *Set) Hit(m *ot.Message, dst []uint16) []uint16 {
	if s == nil || int(m.Protocol) >= len(s.any) || word(m)&s.any[m.Protocol] == 0 {
		return dst
	}
	for _, i := range s.by[m.Protocol] {
		if s.masks[i].meets(m) {
			dst = append(dst, s.masks[i].rule)
		}
	}
	return dst
}

func (k *mask) meets(m *ot.Message) bool {
	switch {
	case k.classes != 0 && m.Class&k.classes == 0,
		m.Flags&k.all != k.all, m.Flags&k.none != 0,
		m.Flags&ot.Inner != 0 && k.all&ot.Inner == 0,
		k.dir != ot.DirNone && m.Dir != k.dir:
		return false
	}
	if len(k.kinds) == 0 {
		return true
	}
	if kinds, ok := k.kinds[m.Protocol]; ok && (m.Kind >= 64 || kinds>>m.Kind&1 == 0) {
		return false
	}
	at := kindKey{m.Protocol, m.Kind}
	if len(k.codes) == 0 || !k.coded[at] {
		return true
	}
	if m.Text != nil {
		return k.codes[codeKey{at, 0, string(m.Text)}]
	}
	return k.codes[codeKey{at, m.Code, ""}]
}

// Rule returns a rule by the number that Hit gave.
func (s *Set) Rule(n uint16) *Rule { return &s.rules[n] }

// Lookup returns a rule by its id, nil when there is none.
func (s *Set) Lookup(id string) *Rule {
	for i := range s.rules {
		if s.rules[i].ID == id {
			return &s.rules[i]
		}
	}
	return nil
}

// NotJudged returns the rules that a sensor cannot judge alone.
func (s *Set) NotJudged() []Rule { return s.skipped }

// Judged counts the rules that run in the sensor.
func (s *Set) Judged() int { return len(s.masks) }

// Version names this set of rules, the same wherever it is the same.
func (s *Set) Version() string {
	if s == nil {
		return ""
	}
	return s.version
}
