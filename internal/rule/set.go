package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
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
	ready   []Ready
	at      map[string]int
	message table  // of message rules: what a sensor runs
	told    table  // of windows over messages: run on what the sensor told whole
	tuple   table  // of rules on tuples, and windows over them
	skipped []Rule // that code finds
	judged  int    // whose masks run in a sensor
	version string
}

// Ready is a rule with its conditions.
type Ready struct {
	*Rule
	When   *Condition
	Value  *Condition
	Having *Condition
	Adjust []Ranked
}

// Ranked is an Adjust made ready.
type Ranked struct {
	When     *Condition
	Severity ot.Severity
}

// Over is what the rule's mask and condition look at: of a window what it counts.
func (r *Ready) Over() Input {
	if r.On == Window {
		return r.Of
	}
	return r.On
}

// table finds the masks that a message may meet.
type table struct {
	masks []mask
	any   []uint32 // by protocol: what a message must have one bit of to be looked at
	by    [][]int  // by protocol: masks to try
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
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, func(a, b Rule) int { return inSensor(a) - inSensor(b) }) // the sensor's numbers are small ones
	s := &Set{rules: rules, ready: make([]Ready, len(rules)), at: make(map[string]int, len(rules))}
	s.message.make(protocols)
	s.told.make(protocols)
	s.tuple.make(protocols)
	sum := sha256.New()
	lang := conditions{langs: map[Input]*language{}}
	for i := range rules {
		r := &rules[i]
		said := *r
		said.Fires, said.Silent = nil, nil
		fmt.Fprintf(sum, "%+v\n", said)
		s.at[r.ID] = i
		if r.On == Message {
			s.judged++
		}
		if r.On == State {
			s.skipped = append(s.skipped, *r)
		}
		ready, err := lang.ready(r)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "rule %q: %w", r.ID, err)
		}
		s.ready[i] = ready
		of := ready.Over()
		if of != Message && of != Tuple {
			continue
		}
		m, only, err := compile(uint16(i), r.Mask, names)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "rule %q: %w", r.ID, err)
		}
		switch {
		case r.On == Message:
			s.message.add(m, only)
		case of == Message:
			s.told.add(m, only)
		default:
			s.tuple.add(m, only)
		}
	}
	s.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return s, nil
}

// inSensor orders rules: those whose masks run in the sensor come first.
func inSensor(r Rule) int {
	if r.On == Message {
		return 0
	}
	return 1
}

func (c *conditions) ready(r *Rule) (out Ready, err error) {
	out.Rule = r
	of := out.Over()
	if out.When, err = c.compile("when", of, r.When, cel.BoolType); err != nil {
		return out, err
	}
	if out.Value, err = c.compile("value", of, r.Value, cel.StringType); err != nil {
		return out, err
	}
	if out.Having, err = c.compile("having", Window, r.Having, cel.BoolType); err != nil {
		return out, err
	}
	for _, a := range r.Adjust {
		when, err := c.compile("adjust", of, a.When, cel.BoolType)
		if err != nil {
			return out, err
		}
		out.Adjust = append(out.Adjust, Ranked{when, a.Severity})
	}
	return out, nil
}

func (t *table) make(protocols int) {
	t.any, t.by = make([]uint32, protocols), make([][]int, protocols)
}

func (t *table) add(m mask, only map[ot.Protocol]bool) {
	want := uint32(m.all) << 16
	if m.classes != 0 {
		want = uint32(m.classes)
	} else if want == 0 {
		want = 1<<16 - 1 // every message has a class
	}
	for p := range t.by {
		if only != nil && !only[ot.Protocol(p)] {
			continue
		}
		t.by[p] = append(t.by[p], len(t.masks))
		t.any[p] |= want
	}
	t.masks = append(t.masks, m)
}

func (t *table) hit(m *ot.Message, dst []uint16) []uint16 {
	if int(m.Protocol) >= len(t.any) || word(m)&t.any[m.Protocol] == 0 {
		return dst
	}
	for _, i := range t.by[m.Protocol] {
		if t.masks[i].meets(m) {
			dst = append(dst, t.masks[i].rule)
		}
	}
	return dst
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
		m.all |= Flag(f)
	}
	for _, f := range from.Without {
		m.none |= Flag(f)
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
			return m, nil, wrong("mask", "no protocol is called %q; docs/protocols.md lists them", name)
		}
		limit(p)
	}
	kind := func(name string) (kindKey, error) {
		dot := strings.LastIndexByte(name, '.') // c37.118.command
		protocol, k := name[:max(dot, 0)], name[dot+1:]
		p, ok := names.Lookup(protocol)
		if !ok {
			return kindKey{}, wrong("mask", "no protocol is called %q; docs/protocols.md lists them", protocol)
		}
		number, ok := names.Kind(p, k)
		if !ok || number >= 64 {
			return kindKey{}, wrong("mask", "protocol %s has no kind %q", protocol, k)
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
	if s == nil {
		return dst
	}
	return s.message.hit(m, dst)
}

// HitTold does the same for windows over messages that a sensor told whole.
func (s *Set) HitTold(m *ot.Message, dst []uint16) []uint16 { return s.told.hit(m, dst) }

// HitTuple does the same for rules on tuples; what is counted is written as a message.
func (s *Set) HitTuple(m *ot.Message, dst []uint16) []uint16 { return s.tuple.hit(m, dst) }

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
	if s == nil {
		return nil
	}
	if i, ok := s.at[id]; ok {
		return &s.rules[i]
	}
	return nil
}

// Ready returns a rule with its conditions, nil when there is none.
func (s *Set) Ready(id string) *Ready {
	if i, ok := s.at[id]; ok {
		return &s.ready[i]
	}
	return nil
}

// At returns the same by the number that Hit gave.
func (s *Set) At(n uint16) *Ready { return &s.ready[n] }

// All lists the rules with their conditions.
func (s *Set) All() []Ready { return s.ready }

// NotJudged returns the rules that one look at a capture cannot judge: code finds them at the centre.
func (s *Set) NotJudged() []Rule { return s.skipped }

// Judged counts the rules that run in the sensor.
func (s *Set) Judged() int { return s.judged }

// Version names this set of rules, the same wherever it is the same.
func (s *Set) Version() string {
	if s == nil {
		return ""
	}
	return s.version
}
