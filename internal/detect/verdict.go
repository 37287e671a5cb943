package detect

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/rule"
)

// End judges. Doing it again with the same summary gives the same hits: what windows
// learnt from it is forgotten first.
func (l *Look) End(a Around) ([]rule.Hit, error) {
	tag := l.d.Source + "|" + l.sum.Epoch + "|" + strconv.FormatUint(l.sum.Seq, 10)
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	l.j.windows.forget(tag)
	var out []rule.Hit
	clear(l.learn)
	known := func(name string) string {
		if v, ok := l.learn[name]; ok {
			return v
		}
		return a.Known[name]
	}
	done := map[string]recalled{} // one look into the past, however many rules look at a thing
	var failed error
	for i := range l.cands {
		c := &l.cands[i]
		l.remember(c, known, done)
		client, server := a.Who[c.client], a.Who[c.server]
		l.surround(c, a, client, server)
		ok, err := c.r.When.Holds(c.vars)
		if err != nil {
			failed = err
			continue
		}
		if !ok {
			continue
		}
		if hits, err := l.judged(c, tag); err != nil {
			failed = err
		} else {
			out = append(out, hits...)
		}
	}
	for name, v := range l.learn {
		if a.Known[name] == v {
			delete(l.learn, name)
		}
	}
	return out, failed
}

// surround adds to the variables what is known of the two sides.
func (l *Look) surround(c *candidate, a Around, client, server Party) {
	v := c.vars
	e, p := &c.hit.Client, &client
	v["client.ip"], v["client.mac"], v["client.name"], v["client.role"], v["client.level"], v["client.zone"] = e.IP, e.MAC, p.Name, p.Role, p.Level, p.Zone
	v["client.known"], v["client.programming"], v["client.internet"], v["client.ot"] = p.Asset != "", p.Programming, p.Internet, p.OT
	e, p = &c.hit.Server, &server
	v["server.ip"], v["server.mac"], v["server.name"], v["server.role"], v["server.level"], v["server.zone"] = e.IP, e.MAC, p.Name, p.Role, p.Level, p.Zone
	v["server.known"], v["server.programming"], v["server.internet"], v["server.ot"] = p.Asset != "", p.Programming, p.Internet, p.OT
	c.vars["crosses"] = client.ZoneNo != 0 && server.ZoneNo != 0 && client.ZoneNo != server.ZoneNo
	planned := false
	for _, w := range a.Planned {
		at := time.Unix(0, c.hit.First)
		if at.Before(w.From.Add(-slack)) || at.After(w.To.Add(slack)) {
			continue
		}
		if len(w.Assets) == 0 || slices.Contains(w.Assets, server.Asset) && server.Asset != "" {
			planned = true
			c.hit.Facts = append(c.hit.Facts, rule.Say{Name: "planned", Value: w.Title})
			break
		}
	}
	c.vars["planned"] = planned
	if server.ZoneNo != 0 {
		c.hit.ZoneNo = server.ZoneNo
	}
}

// judged makes the hit of one candidate, or of the window that it fills.
func (l *Look) judged(c *candidate, tag string) ([]rule.Hit, error) {
	value, err := c.r.Value.Text(c.vars)
	if err != nil {
		return nil, err
	}
	for _, adj := range c.r.Adjust {
		ok, err := adj.When.Holds(c.vars)
		if err != nil {
			return nil, err
		}
		if ok {
			c.hit.Severity = adj.Severity
			break
		}
	}
	c.hit.Group = c.group(value)
	if c.r.On != rule.Window {
		return []rule.Hit{c.hit}, nil
	}
	return l.j.windows.add(c, value, tag)
}

// group are the values that make two hits one alert.
func (c *candidate) group(value string) []string {
	out := make([]string, len(c.r.Group))
	for i, g := range c.r.Group {
		switch g {
		case "client":
			out[i] = c.hit.Client.Name()
		case "server":
			out[i] = c.hit.Server.Name()
		case "protocol":
			out[i] = c.hit.Protocol
		case "port":
			out[i] = strconv.Itoa(int(c.hit.Port))
		case "code":
			out[i] = strconv.FormatUint(uint64(c.code), 10)
		case "unit":
			out[i] = strconv.FormatUint(uint64(c.unit), 10)
		case "value":
			out[i] = strings.ReplaceAll(value, "|", "/")
		}
	}
	return out
}
