package detect

import (
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// Judge runs rules over what sensors tell. It keeps what windows need in memory and
// does no I/O: what the inventory knows, and what was known before, is given to it.
type Judge struct {
	set   *rule.Set
	names rule.Names
	talks []*rule.Ready             // rules on conversations, and windows over them
	facts map[ot.Attr][]*rule.Ready // the same of facts

	mu      sync.Mutex
	numbers map[string]int // protocols by name; -1: none
	windows windows
	passing map[string][]*rule.Ready // of talks, those that look at a protocol
}

// NewJudge makes one for a set of rules.
func NewJudge(set *rule.Set, names rule.Names) *Judge {
	j := &Judge{set: set, names: names, facts: map[ot.Attr][]*rule.Ready{}, numbers: map[string]int{}, windows: newWindows(), passing: map[string][]*rule.Ready{}}
	if set == nil {
		return j
	}
	all := set.All()
	for i := range all {
		switch r := &all[i]; r.Over() {
		case rule.Conversation:
			j.talks = append(j.talks, r)
		case rule.Fact:
			for _, a := range r.Mask.Attrs {
				j.facts[a] = append(j.facts[a], r)
			}
		}
	}
	return j
}

// Seen is one summary, and where it belongs.
type Seen struct {
	Delivery sensor.Delivery
	Sum      *sensor.Summary
}

// Around is what is known beside a summary.
type Around struct {
	Who     map[Host]Party
	Planned []Window
	Known   map[string]string // by name; a missing one was never known
}

// Look is one look at a summary: first what it would have to know, then the judgement.
type Look struct {
	j     *Judge
	d     sensor.Delivery
	sum   *sensor.Summary
	cands []candidate
	learn map[string]string // what is known from now on
	where []TalkKey         // of the hits, by their order; empty: of no one conversation

	protocol, kind string // the last that were looked up, as many neighbours have the same
	numbered       bool
	at             ot.Message
}

// Begin finds what the masks let through.
func (j *Judge) Begin(s Seen) *Look {
	l := &Look{j: j, d: s.Delivery, sum: s.Sum, learn: map[string]string{}}
	if j.set == nil {
		return l
	}
	l.cands = make([]candidate, 0, len(s.Sum.Flows)*len(l.j.looking(""))+len(s.Sum.Tuples)/2+len(s.Sum.Events))
	l.messages()
	l.tuples()
	l.conversations()
	l.statements()
	return l
}

// Hosts lists the hosts whose parties the judgement needs.
func (l *Look) Hosts() []Host {
	seen := map[Host]bool{}
	var out []Host
	for s := range l.scenes() {
		for _, h := range [2]Host{s.host(0), s.host(1)} {
			if !seen[h] && h.IP+h.MAC != "" {
				seen[h] = true
				out = append(out, h)
			}
		}
	}
	return out
}

// Names lists what it needs to know from before.
func (l *Look) Names() []string {
	seen := map[string]bool{}
	var out []string
	for s := range l.scenes() {
		name, all := s.names()
		for _, n := range [2]string{name, all} {
			if n != "" && !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// Learnt is what is known from now on and was not, or otherwise, before.
func (l *Look) Learnt() map[string]string { return l.learn }

// Span is the time of the summary, with what windows of planned work may be off.
func (l *Look) Span() (from, to time.Time) {
	return time.Unix(0, l.sum.From), time.Unix(0, l.sum.To)
}

// Empty says whether no mask let anything through.
func (l *Look) Empty() bool { return len(l.cands) == 0 }

// slack is how much earlier or later than planned work may be done.
const slack = 30 * time.Minute
