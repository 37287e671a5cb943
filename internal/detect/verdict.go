package detect

import (
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// End judges and gives the hits.
func (l *Look) End(a Around) (out []rule.Hit, err error) {
	l.where = nil
	err = l.Judge(a, func(h *rule.Hit, talk TalkKey) {
		out = append(out, *h)
		l.where = append(l.where, talk)
	})
	return out, err
}

// Judge hands out each hit, with the conversation that it belongs to. Doing it again with the same
// summary gives the same hits: what windows learnt from it is forgotten first.
func (l *Look) Judge(a Around, met func(*rule.Hit, TalkKey)) error {
	tag := l.d.Source + "|" + l.sum.Epoch + "|" + strconv.FormatUint(l.sum.Seq, 10)
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	l.j.windows.begin(tag)
	clear(l.learn)
	known := func(name string) string {
		if v, ok := l.learn[name]; ok {
			return v
		}
		return a.Known[name]
	}
	done := map[string]recalled{} // one look into the past, however many rules look at a thing
	var failed error
	var s scene
	var h rule.Hit // one for all: most candidates make none
	for i := range l.cands {
		c := &l.cands[i]
		if i == 0 || !c.same(&l.cands[i-1]) {
			s.show(l, c)
			s.surround(&a)
			s.was = l.remember(&s, known, done)
		}
		ok, err := c.r.When.Holds(&s)
		if err != nil {
			failed = err
			continue
		}
		if !ok {
			continue
		}
		ok, err = l.judged(c.r, &s, &h)
		if err != nil {
			failed = err
		}
		if ok {
			met(&h, s.talkKey())
		}
	}
	for name, v := range l.learn {
		if a.Known[name] == v {
			delete(l.learn, name)
		}
	}
	return failed
}

// judged makes the hit of one candidate, or of the window that it fills.
func (l *Look) judged(r *rule.Ready, s *scene, h *rule.Hit) (met bool, err error) {
	value, err := r.Value.Text(s)
	if err != nil {
		return false, err
	}
	var severity ot.Severity
	for _, adj := range r.Adjust {
		ok, err := adj.When.Holds(s)
		if err != nil {
			return false, err
		}
		if ok {
			severity = adj.Severity
			break
		}
	}
	if r.On != rule.Window {
		*h = s.hit(r)
		h.Severity, h.Group = severity, s.group(r, h, value)
		return true, nil
	}
	c, met, err := l.j.windows.add(r, s, value)
	if err != nil || !met {
		return false, err
	}
	*h = s.hit(r)
	h.Severity, h.Group = severity, s.group(r, h, value)
	c.tell(r, h)
	return true, nil
}

// group are the values that make two hits one alert.
func (s *scene) group(r *rule.Ready, h *rule.Hit, value string) []string {
	code, unit := s.code()
	out := make([]string, len(r.Group))
	for i, g := range r.Group {
		switch g {
		case "client":
			out[i] = h.Client.Name()
		case "server":
			out[i] = h.Server.Name()
		case "protocol":
			out[i] = h.Protocol
		case "port":
			out[i] = strconv.Itoa(int(h.Port))
		case "code":
			out[i] = strconv.FormatUint(uint64(code), 10)
		case "unit":
			out[i] = strconv.FormatUint(uint64(unit), 10)
		case "value":
			out[i] = strings.ReplaceAll(value, "|", "/")
		}
	}
	return out
}
