package syslog

import (
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// LEEF is an event in QRadar's Log Event Extended Format, version 2.0; it becomes a
// message's text. Attributes stand apart by tabs.
type LEEF struct {
	Version string // of Skanse
	ID      string
	Fields  []Param
}

// Encode writes the event. The header has no way to write a bar, so there is none in it.
func (l LEEF) Encode() string {
	head := strings.NewReplacer("|", "/", "\t", " ")
	var b strings.Builder
	b.WriteString("LEEF:2.0|Skanse|Skanse|" + head.Replace(ot.Printable(l.Version)) + "|" + head.Replace(ot.Printable(l.ID)) + "|x09|")
	first := true
	for _, p := range l.Fields {
		v := strings.ReplaceAll(ot.Printable(p.Value), "\t", " ")
		if v == "" {
			continue
		}
		if !first {
			b.WriteByte('\t')
		}
		first = false
		b.WriteString(p.Name + "=" + v)
	}
	return b.String()
}

// Severity10 is a severity as CEF and LEEF count it, from 1 to 10.
func Severity10(n int) string { return strconv.Itoa(min(max(n, 1), 10)) }
