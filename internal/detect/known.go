package detect

import (
	"slices"
	"strings"

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
	vars  rule.Vars
	facts []rule.Say
}

// remember says in the candidate's variables what was known, and learns what is new.
func (l *Look) remember(c *candidate, known func(string) string, done map[string]recalled) {
	if c.name == "" {
		return
	}
	key := c.name + between + c.hit.Client.Name()
	if c.all != "" {
		key = c.name + between + c.value()
	}
	was, ok := done[key]
	if !ok {
		if c.all == "" {
			was = l.masters(c, known)
		} else {
			was = l.values(c, known)
		}
		done[key] = was
	}
	for k, v := range was.vars {
		c.vars[k] = v
	}
	c.hit.Facts = append(c.hit.Facts, was.facts...)
}

func (c *candidate) value() string {
	v, _ := c.vars["value"].(string)
	return strings.ReplaceAll(v, between, " ")
}

// masters: who has written to a device before.
func (l *Look) masters(c *candidate, known func(string) string) (was recalled) {
	who := c.hit.Client.Name()
	list := split(known(c.name))
	if slices.Contains(list, who) {
		return was
	}
	if len(list) > 0 {
		was.vars = rule.Vars{"new_master": true}
		was.facts = []rule.Say{{Name: "masters", Value: strings.Join(list[:min(len(list), 3)], ", ")}}
	}
	if len(list) < keptMasters {
		l.learn[c.name] = strings.Join(append(list, who), between)
	}
	return was
}

// values: what a host said of itself before, newest first, and who else says such things.
func (l *Look) values(c *candidate, known func(string) string) (was recalled) {
	value := c.value()
	was.vars = rule.Vars{}
	before := split(known(c.name))
	if len(before) > 0 && before[0] != value {
		was.vars["before"], was.vars["changed"], was.vars["back"] = before[0], true, slices.Contains(before, value)
		was.facts = append(was.facts, rule.Say{Name: "before", Value: before[0]})
	}
	was.facts = append(was.facts, rule.Say{Name: "value", Value: value})
	me := c.server.IP + c.server.MAC
	others := int64(0)
	all := split(known(c.all))
	mine := -1
	for i, e := range all {
		host, said, _ := strings.Cut(e, "=")
		if host == me {
			mine = i
		} else if said != value {
			others++
			if others == 1 {
				was.facts = append(was.facts, rule.Say{Name: "other", Value: host})
			}
		}
	}
	was.vars["others"] = others
	if len(before) == 0 || before[0] != value {
		next := append([]string{value}, slices.DeleteFunc(slices.Clone(before), func(s string) bool { return s == value })...)
		l.learn[c.name] = strings.Join(next[:min(len(next), keptValues)], between)
	}
	entry := me + "=" + value
	switch {
	case mine >= 0 && all[mine] != entry:
		all[mine] = entry
		l.learn[c.all] = strings.Join(all, between)
	case mine < 0 && len(all) < keptHosts:
		l.learn[c.all] = strings.Join(append(all, entry), between)
	}
	return was
}
