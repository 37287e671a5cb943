package detect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// Bounds of what is known: values of one fact, hosts of one attribute, masters of one device.
const (
	keptValues  = 4
	keptHosts   = 16
	keptMasters = 16
)

// between separates entries of a known value: no printable text has it.
const between = "\x1f"

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, between)
}

// recalled is what was known before one message or fact, the same for all rules that look at it.
type recalled struct {
	newMaster bool
	before    string
	changed   bool
	back      bool
	others    int64
	facts     []rule.Say
}

// names are what is to be known of it: of facts and of masters; and the same of all hosts of the realm.
func (s *scene) names() (name, all string) {
	switch {
	case s.tuple != nil:
		t := s.tuple
		if ot.ParseClass(t.Class)&changing != 0 && t.Dir != "response" && single(t.Flow.Server) {
			h := s.host(1)
			name = "masters|" + strconv.FormatInt(s.realm, 10) + "|" + h.IP + h.MAC + "|" + t.Protocol
		}
	case s.fact != nil:
		h, realm := s.host(1), strconv.FormatInt(s.realm, 10)
		name = "fact|" + realm + "|" + h.IP + h.MAC + s.fact.About.Module + "|" + string(s.fact.Attr)
		all = "all|" + realm + "|" + string(s.fact.Attr)
	}
	return name, all
}

// remember says what was known, and learns what is new.
func (l *Look) remember(s *scene, known func(string) string, done map[string]recalled) recalled {
	name, all := s.names()
	if name == "" {
		return recalled{}
	}
	key := name + between + s.end(0).Name()
	if all != "" {
		key = name + between + s.value()
	}
	was, ok := done[key]
	if !ok {
		if all == "" {
			was = l.masters(name, s.end(0).Name(), known)
		} else {
			was = l.values(s, name, all, known)
		}
		done[key] = was
	}
	return was
}

func (s *scene) value() string { return strings.ReplaceAll(s.fact.Value, between, " ") }

// masters: who has written to a device before.
func (l *Look) masters(name, who string, known func(string) string) (was recalled) {
	list := split(known(name))
	if slices.Contains(list, who) {
		return was
	}
	if len(list) > 0 {
		was.newMaster = true
		was.facts = []rule.Say{{Name: "masters", Value: strings.Join(list[:min(len(list), 3)], ", ")}}
	}
	if len(list) < keptMasters {
		l.learn[name] = strings.Join(append(list, who), between)
	}
	return was
}

// values: what a host said of itself before, newest first, and who else says such things.
func (l *Look) values(s *scene, ofHost, ofAll string, known func(string) string) (was recalled) {
	value := s.value()
	before := split(known(ofHost))
	if len(before) > 0 && before[0] != value {
		was.before, was.changed, was.back = before[0], true, slices.Contains(before, value)
		was.facts = append(was.facts, rule.Say{Name: "before", Value: before[0]})
	}
	was.facts = append(was.facts, rule.Say{Name: "value", Value: value})
	h := s.host(1)
	me := h.IP + h.MAC
	all := split(known(ofAll))
	mine := -1
	for i, e := range all {
		host, said, _ := strings.Cut(e, "=")
		if host == me {
			mine = i
		} else if said != value {
			was.others++
			if was.others == 1 {
				was.facts = append(was.facts, rule.Say{Name: "other", Value: host})
			}
		}
	}
	if len(before) == 0 || before[0] != value {
		next := append([]string{value}, slices.DeleteFunc(slices.Clone(before), func(s string) bool { return s == value })...)
		l.learn[ofHost] = strings.Join(next[:min(len(next), keptValues)], between)
	}
	entry := me + "=" + value
	switch {
	case mine >= 0 && all[mine] != entry:
		all[mine] = entry
		l.learn[ofAll] = strings.Join(all, between)
	case mine < 0 && len(all) < keptHosts:
		l.learn[ofAll] = strings.Join(append(all, entry), between)
	}
	return was
}
