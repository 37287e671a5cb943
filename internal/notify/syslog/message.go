// Package syslog writes and sends messages as RFC 5424 has them, over UDP (RFC 5426),
// TCP with counted octets (RFC 6587) or TLS (RFC 5425), and events as CEF. It only
// writes: it knows no receiver's list, and reads nothing but the end of a connection.
package syslog

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
)

// Severity is the numerical one of RFC 5424, 6.2.1.
type Severity int

// The severities that Skanse uses.
const (
	Critical Severity = 2
	Warning  Severity = 4
	Notice   Severity = 5
	Info     Severity = 6
)

// Message is one message. Its texts may hold anything: what would break a line or a
// terminal is replaced when it is written.
type Message struct {
	Facility int // 0 to 23
	Severity Severity
	At       time.Time
	Host     string
	App      string
	ID       string // MSGID: what kind it is
	Data     []Element
	Text     string
}

// Element is one element of structured data.
type Element struct {
	ID     string // name@number
	Params []Param
}

// Param is a name with its value.
type Param struct{ Name, Value string }

// Sizes of a whole message: RFC 5426, 3.2 and RFC 5425, 4.3.1 want receivers to take so much.
const (
	MaxDatagram = 2048
	MaxFrame    = 8192
)

// Encode writes the message, its text cut so that the whole fits into most octets.
//
//	<PRI>1 TIME HOST APP PROCID MSGID [id name="value"…] TEXT
func (m Message) Encode(most int) []byte {
	b := []byte("<" + strconv.Itoa(min(max(m.Facility, 0), 23)*8+int(min(max(m.Severity, 0), 7))) + ">1 ")
	if m.At.IsZero() {
		b = append(b, '-')
	} else {
		b = m.At.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	}
	for _, f := range []struct {
		text string
		most int
	}{{m.Host, 255}, {m.App, 48}, {"", 128}, {m.ID, 32}} {
		b = append(append(b, ' '), word(f.text, f.most)...)
	}
	b = append(b, ' ')
	if len(m.Data) == 0 {
		b = append(b, '-')
	}
	for _, e := range m.Data {
		b = append(append(b, '['), name(e.ID)...)
		for _, p := range e.Params {
			if v := value(p.Value); len(b)+len(p.Name)+len(v)+5 < most {
				b = append(append(append(append(append(b, ' '), name(p.Name)...), `="`...), v...), '"')
			}
		}
		b = append(b, ']')
	}
	if text := ot.Printable(m.Text); text != "" {
		b = append(b, ' ')
		if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
			b = append(b, "\xef\xbb\xbf"...) // says that it is UTF-8
		}
		b = append(b, text...)
	}
	return Cut(b, most)
}

// Cut shortens to most octets, between characters.
func Cut(b []byte, most int) []byte {
	if len(b) <= most {
		return b
	}
	for most > 0 && !utf8.RuneStart(b[most]) {
		most--
	}
	return b[:most]
}

// word is a field of the header: printable ASCII without spaces, "-" for nothing.
func word(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, strings.TrimSpace(s))
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// name is an SD-NAME.
func name(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '=' || r == ']' || r == '"' {
			return '_'
		}
		return r
	}, word(s, 32))
}

// value is a PARAM-VALUE: three characters are escaped.
func value(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(ot.Printable(s))
}

// CEF is an event in ArcSight's Common Event Format, version 0; it becomes a
// message's text.
type CEF struct {
	Version  string // of Skanse
	ID, Name string
	Severity int // 0 to 10
	Fields   []Param
}

// Encode writes the event.
func (c CEF) Encode() string {
	head := strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	field := strings.NewReplacer(`\`, `\\`, `=`, `\=`)
	var b strings.Builder
	b.WriteString("CEF:0|Skanse|Skanse|")
	for _, s := range []string{c.Version, c.ID, c.Name} {
		b.WriteString(head.Replace(ot.Printable(s)) + "|")
	}
	b.WriteString(strconv.Itoa(min(max(c.Severity, 0), 10)) + "|")
	first := true
	for _, p := range c.Fields {
		v := ot.Printable(p.Value)
		if v == "" {
			continue
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(p.Name + "=" + field.Replace(v))
	}
	return b.String()
}
