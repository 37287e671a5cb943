// Package recognised tells protocols and services that nothing here decodes:
// by the bytes that a conversation begins with, and by the names that are
// asked for. What it knows is YAML, catalog/recognised/*.yaml and the user's
// own files of the same form; docs/adding-a-protocol.md describes it. It never
// says what a message does.
package recognised

import (
	"fmt"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Entry is one protocol or service of the list.
type Entry struct {
	ID         string // protocol's name: "wireguard"
	Title      string
	About      string
	References []string
	Verified   string
	Class      ot.Class
	Tool       bool // a way in from outside: reported as "remote.tool" of the hosts that use it
	Own        bool // from the user's files
	Domains    []string
	ALPN       []string
	Issuers    []string

	patterns []pattern
	naming   int // index into the dissector's protocols, -1 without a pattern
	service  int // index into the services, -1 without a name
}

// Patterns counts the entry's byte patterns.
func (e *Entry) Patterns() int { return len(e.patterns) }

// Places says in words where the patterns count: "bytes on UDP 1194 or any port".
func (e *Entry) Places() string {
	var all []string
	for i := range e.patterns {
		p := &e.patterns[i]
		what := "bytes on "
		if len(p.checks) == 0 && p.length.width == 0 {
			what = "only the port, as a guess: "
		}
		where := map[dissect.Transport]string{dissect.TCP: "any TCP port", dissect.UDP: "any UDP port", dissect.Ether: "Ethernet"}[p.transport]
		if !p.anywhere {
			where = strings.TrimSuffix(strings.TrimPrefix(where, "any "), " port")
			format := " %d"
			if p.transport == dissect.Ether {
				format = " %#x"
			}
			for j, port := range p.ports {
				if j > 0 {
					where += ","
				}
				where += fmt.Sprintf(format, port)
			}
		}
		if !slices.Contains(all, what+where) {
			all = append(all, what+where)
		}
	}
	return strings.Join(all, "; ")
}

// List is what is recognised, compiled. It is immutable and shared.
type List struct {
	Entries []*Entry

	domains map[string]*Entry // lower case, without the leading dot
	alpn    map[string]*Entry
	issuers []issuer

	patterned []*Entry
	services  []*Entry // known by name
	tables    [3]table // TCP, UDP, Ethernet
}

type issuer struct {
	text  string
	entry *Entry
}

const longestName = 255

// Domain finds whose service a host's name belongs to: the name itself or a
// domain above it. It allocates nothing.
func (l *List) Domain(host []byte) *Entry {
	if l == nil || len(host) == 0 || len(host) > longestName {
		return nil
	}
	var room [longestName]byte
	name := room[:len(host)]
	for i, c := range host {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		name[i] = c
	}
	if name[len(name)-1] == '.' {
		name = name[:len(name)-1]
	}
	for at := 0; at < len(name); at++ {
		if at > 0 && name[at-1] != '.' {
			continue
		}
		if e := l.domains[string(name[at:])]; e != nil {
			return e
		}
	}
	return nil
}

// ALPN finds whose the name of an application protocol is.
func (l *List) ALPN(name []byte) *Entry {
	if l == nil {
		return nil
	}
	return l.alpn[string(name)]
}

// Issuer finds whose certificates an issuer's name is in.
func (l *List) Issuer(name []byte) *Entry {
	if l == nil {
		return nil
	}
	for i := range l.issuers {
		if contains(name, l.issuers[i].text) {
			return l.issuers[i].entry
		}
	}
	return nil
}

func contains(b []byte, text string) bool {
	for i := 0; i+len(text) <= len(b); i++ {
		if string(b[i:i+len(text)]) == text {
			return true
		}
	}
	return false
}

// Services names a protocol for each entry that is known by a name, for the
// Spec of a dissector that sees such names; Tell reports them.
func (l *List) Services() []dissect.Naming {
	if l == nil {
		return nil
	}
	var all []dissect.Naming
	for _, e := range l.services {
		all = append(all, dissect.Naming{Name: e.ID, Kinds: []string{"session"}, Title: e.Title, Class: e.Class})
	}
	return all
}

// Tell reports a session with the service, as the dissector whose protocols
// hold Services from index first on, and the tool as a fact of the plant's hosts.
func (e *Entry) Tell(first int, text []byte, out *dissect.Sink) {
	m := out.BeginAs(first + e.service)
	m.Kind, m.Code, m.Dir = session, 1, ot.Request
	out.End()
	e.tool(text, out)
}

func (e *Entry) tool(text []byte, out *dissect.Sink) {
	if !e.Tool {
		return
	}
	title := append(text[:0], e.Title...)
	if inside(out.Src) || !inside(out.Dst) {
		out.Fact("remote.tool", title)
	}
	if inside(out.Dst) {
		out.FactOf(out.Dst, "remote.tool", title)
	}
}

func inside(h ot.Host) bool { return h.IP.IsPrivate() || h.IP.IsLinkLocalUnicast() || !h.IP.IsValid() }
