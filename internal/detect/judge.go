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
}

// NewJudge makes one for a set of rules.
func NewJudge(set *rule.Set, names rule.Names) *Judge {
	j := &Judge{set: set, names: names, facts: map[ot.Attr][]*rule.Ready{}, numbers: map[string]int{}, windows: windows{groups: map[string]*window{}}}
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
}

// Begin finds what the masks let through.
func (j *Judge) Begin(s Seen) *Look {
	l := &Look{j: j, d: s.Delivery, sum: s.Sum, learn: map[string]string{}}
	if j.set == nil {
		return l
	}
	l.messages()
	l.tuples()
	l.conversations()
	l.statements()
	return l
}

func (l *Look) host(h ot.Host) Host {
	out := Host{RealmNo: l.d.Realm(h.Realm)}
	if h.IP.IsValid() {
		out.IP = h.IP.Unmap().WithZone("").String()
	} else {
		out.MAC = h.MAC.String()
	}
	return out
}

func end(h ot.Host) rule.End {
	e := rule.End{MAC: h.MAC.String()}
	if h.IP.IsValid() {
		e.IP = h.IP.Unmap().WithZone("").String()
	}
	return e
}

// mostVars is how many names a condition may use, so that their map never grows.
const mostVars = 40

// base is what every candidate of a conversation has in common.
func (l *Look) base(r *rule.Ready, f *sensor.FlowKey) candidate {
	realm := l.d.Realm(f.Realm)
	c := candidate{
		r: r, client: l.host(f.Client), server: l.host(f.Server),
		talk: TalkKey{realm, f.Client, f.Server, f.Transport, f.Port, f.Protocol},
	}
	c.client.RealmNo, c.server.RealmNo = realm, realm
	c.hit = rule.Hit{
		Rule: r.ID, SiteNo: l.d.SiteNo, RealmNo: realm, Client: end(f.Client), Server: end(f.Server),
		Transport: f.Transport, Port: f.Port, Protocol: f.Protocol, Count: 1, Live: l.sum.Live,
	}
	c.vars = make(rule.Vars, mostVars)
	c.vars["protocol"], c.vars["transport"], c.vars["port"], c.vars["live"] = f.Protocol, f.Transport, int64(f.Port), l.sum.Live
	return c
}

// Hosts lists the hosts whose parties the judgement needs.
func (l *Look) Hosts() []Host {
	seen := map[Host]bool{}
	var out []Host
	for i := range l.cands {
		for _, h := range []Host{l.cands[i].client, l.cands[i].server} {
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
	for i := range l.cands {
		for _, n := range []string{l.cands[i].name, l.cands[i].all} {
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
