package detect

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/rule"
)

// Bounds of windows: groups that are counted at once, and entries of one.
const (
	maxWindows = 20_000
	maxEntries = 512
)

// windows holds what was counted in the last while, by rule and group.
type windows struct {
	groups map[string]*window
	tags   []string // the newest summaries that added something
	newest int64
}

type window struct {
	entries []entry
	last    int64
}

// entry is one thing that a window counts.
type entry struct {
	at, until      int64
	n, bytes       int64
	refused        bool
	client, server string
	port           uint16
	code, unit     uint32
	value          string
	tag            string
}

// forget takes out what a summary added that comes again.
func (w *windows) forget(tag string) {
	i := slices.Index(w.tags, tag)
	if i < 0 {
		return
	}
	w.tags = slices.Delete(w.tags, i, i+1)
	for _, g := range w.groups {
		g.entries = slices.DeleteFunc(g.entries, func(e entry) bool { return e.tag == tag })
	}
}

// keptTags is how many summaries may come again without being counted twice.
const keptTags = 32

// add counts a candidate and says whether that made too many.
func (w *windows) add(c *candidate, value, tag string) ([]rule.Hit, error) {
	per := int64(c.r.Per)
	key := c.r.ID + "|" + strconv.FormatInt(c.hit.SiteNo, 10) + "|" + strconv.FormatInt(c.hit.RealmNo, 10) + "|" + strings.Join(c.hit.Group, "|")
	g := w.groups[key]
	if g == nil {
		if len(w.groups) >= maxWindows {
			w.sweep()
		}
		g = &window{}
		w.groups[key] = g
	}
	if len(w.tags) == 0 || w.tags[len(w.tags)-1] != tag {
		if len(w.tags) >= keptTags {
			w.tags = slices.Delete(w.tags, 0, 1)
		}
		w.tags = append(w.tags, tag)
	}
	n, bytes, until := c.n, c.bytes, c.until
	if long := c.until - c.at; long > per { // counted over longer than the window: its share of it
		n, bytes, until = max(n*per/long, 1), bytes*per/long, c.at+per
	}
	refused := false
	switch v := c.vars["refused"].(type) {
	case bool:
		refused = v
	case int64:
		refused = v > 0
	}
	g.entries = append(g.entries, entry{
		at: c.at, until: until, n: n, bytes: bytes, refused: refused, client: c.hit.Client.Name(), server: c.hit.Server.Name(),
		port: c.hit.Port, code: c.code, unit: c.unit, value: value, tag: tag,
	})
	if len(g.entries) > maxEntries {
		g.entries = slices.Delete(g.entries, 0, len(g.entries)-maxEntries)
	}
	g.last = max(g.last, until)
	w.newest = max(w.newest, until)
	from := until - per
	g.entries = slices.DeleteFunc(g.entries, func(e entry) bool { return e.until < g.last-2*per })
	counts, first, last := g.count(from, until)
	ok, err := c.r.Having.Holds(counts)
	if err != nil || !ok {
		return nil, err
	}
	h := c.hit
	h.First, h.Last = first, last
	h.Count = 1
	if !slices.Contains(c.r.Group, "server") {
		h.Server = rule.End{}
	}
	if !slices.Contains(c.r.Group, "client") {
		h.Client = rule.End{}
		if h.Server != (rule.End{}) { // what was done to it is what one host has in common
			h.Client, h.Server = rule.End{}, c.hit.Server
		}
	}
	h.Facts = nil
	for _, name := range []string{"count", "servers", "clients", "ports", "codes", "values", "refused"} {
		if v, _ := counts[name].(int64); v > 1 && strings.Contains(c.r.Rule.Having, name) {
			h.Facts = append(h.Facts, rule.Say{Name: "n_" + name, Value: strconv.FormatInt(v, 10)})
		}
	}
	h.Facts = append(h.Facts, rule.Say{Name: "within", Value: time.Duration(per).String()})
	return []rule.Hit{h}, nil
}

// count folds the entries of a time.
func (g *window) count(from, to int64) (v rule.Vars, first, last int64) {
	var count, refused, bytes int64
	clients, servers, ports, codes, units, values := map[string]bool{}, map[string]bool{}, map[uint16]bool{}, map[uint32]bool{}, map[uint32]bool{}, map[string]bool{}
	first, last = to, from
	for i := range g.entries {
		e := &g.entries[i]
		if e.until < from || e.at > to {
			continue
		}
		count += e.n
		bytes += e.bytes
		if e.refused {
			refused += e.n
		}
		clients[e.client], servers[e.server], ports[e.port], codes[e.code], units[e.unit] = true, true, true, true, true
		if e.value != "" {
			values[e.value] = true
		}
		first, last = min(first, e.at), max(last, e.until)
	}
	return rule.Vars{
		"count": count, "clients": int64(len(clients)), "servers": int64(len(servers)), "ports": int64(len(ports)), "codes": int64(len(codes)),
		"units": int64(len(units)), "values": int64(len(values)), "refused": refused, "bytes": bytes,
	}, first, last
}

// sweep makes room: what is older than a day goes, then whatever stands in the way.
func (w *windows) sweep() {
	for key, g := range w.groups {
		if g.last < w.newest-int64(24*time.Hour) {
			delete(w.groups, key)
		}
	}
	for key := range w.groups {
		if len(w.groups) < maxWindows {
			return
		}
		delete(w.groups, key)
	}
}
