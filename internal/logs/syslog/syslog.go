// Package syslog reads lines as devices send them: RFC 5424, RFC 3164 and what switches and
// firewalls make of it. It never refuses a line: what it does not understand is its text.
package syslog

import (
	"strconv"
	"strings"
	"time"
)

// Line is what a line says.
type Line struct {
	Facility int // 0 to 23; -1: the line does not say
	Severity int // 0 emergency to 7 debug; -1: the line does not say
	Told     time.Time
	Host     string
	App      string
	Proc     string
	ID       string // MSGID of RFC 5424
	Data     string // structured data of RFC 5424, as it stands
	Text     string
}

// Parse reads a line. received and zone complete the times that name no year and no zone.
//
//	RFC 5424   <PRI>1 TIME HOST APP PROCID MSGID [id name="value"…] TEXT
//	RFC 3164   <PRI>Mmm dd hh:mm:ss HOST TAG[pid]: TEXT
//	Cisco      <PRI>seq: HOST: *Mmm dd [yyyy] hh:mm:ss.mmm ZONE: %FACILITY-n-NAME: TEXT
//	others     <PRI>2026-11-23T14:05:00.123+01:00 HOST TAG[pid]: TEXT
func Parse(raw string, received time.Time, zone *time.Location) Line {
	l := Line{Facility: -1, Severity: -1}
	rest := strings.TrimRight(raw, "\r\n\x00 ")
	if pri, after, ok := priority(rest); ok {
		l.Facility, l.Severity, rest = pri/8, pri%8, after
		if v5, ok := strings.CutPrefix(rest, "1 "); ok && l.rfc5424(v5) {
			return l
		}
	}
	l.rfc3164(rest, received, zone)
	return l
}

// priority reads <0> to <191>.
func priority(s string) (pri int, rest string, ok bool) {
	if !strings.HasPrefix(s, "<") {
		return 0, s, false
	}
	end := strings.IndexByte(s[:min(len(s), 5)], '>')
	if end < 2 {
		return 0, s, false
	}
	n, err := strconv.ParseUint(s[1:end], 10, 8)
	if err != nil || n > 191 {
		return 0, s, false
	}
	return int(n), s[end+1:], true
}

// rfc5424 reads what stands behind the version; false: it is something else.
func (l *Line) rfc5424(s string) bool {
	var f [5]string
	for i := range f {
		word, rest, ok := strings.Cut(s, " ")
		if !ok && i < 4 || word == "" {
			return false
		}
		if word != "-" {
			f[i] = word
		}
		s = rest
	}
	var told time.Time
	if f[0] != "" {
		var err error
		if told, err = time.Parse(time.RFC3339Nano, f[0]); err != nil {
			return false
		}
	}
	l.Told, l.Host, l.App, l.Proc, l.ID = told, f[1], f[2], f[3], f[4]
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s = rest
	} else if n := elements(s); n > 0 {
		l.Data, s = s[:n], s[n:]
	}
	l.Text = strings.TrimPrefix(strings.TrimPrefix(s, " "), "\xef\xbb\xbf")
	return true
}

// elements is how long the structured data at the start of s are; 0: there are none.
func elements(s string) int {
	n := 0
	for n < len(s) && s[n] == '[' {
		quoted := false
		i := n + 1
		for ; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case !quoted && s[i] == ']':
				goto closed
			}
		}
		return n // never closed: the rest is text
	closed:
		n = i + 1
	}
	return n
}

// rfc3164 reads a time, a host and a tag, as far as they are there.
func (l *Line) rfc3164(s string, received time.Time, zone *time.Location) {
	host := ""
	// Cisco counts its lines, and may name itself before the time.
	if n, after, ok := strings.Cut(s, ": "); ok && n != "" && strings.Trim(n, "0123456789") == "" {
		s = after
		if name, after, ok := strings.Cut(s, ": "); ok && !strings.ContainsAny(name, " %") && startsWithTime(after) {
			host, s = name, after
		}
	}
	told, rest, ok := clock(s, received, zone)
	if !ok {
		l.Host, l.Text = host, s
		return
	}
	l.Told = told
	rest = strings.TrimPrefix(rest, " ")
	if after, ok := strings.CutPrefix(rest, ": "); ok { // Cisco: no host behind the time
		l.Host, l.Text = host, after
		return
	}
	word, after, ok := strings.Cut(rest, " ")
	if !ok || strings.HasSuffix(word, ":") || strings.ContainsAny(word, "[%=") {
		l.Host, s = host, rest // the line begins with its tag
	} else {
		l.Host, s = word, after
	}
	l.App, l.Proc, l.Text = tag(s)
}

// tag reads "name[pid]: text" and "name: text".
func tag(s string) (app, proc, text string) {
	end := strings.IndexAny(s[:min(len(s), 64)], ":[ ")
	if end <= 0 || s[end] == ' ' || s[0] == '%' {
		return "", "", s
	}
	app, rest := s[:end], s[end:]
	if inner, ok := strings.CutPrefix(rest, "["); ok {
		pid, after, ok := strings.Cut(inner, "]")
		if !ok || len(pid) > 32 {
			return "", "", s
		}
		proc, rest = pid, after
	}
	after, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return "", "", s
	}
	return app, proc, strings.TrimPrefix(after, " ")
}

func startsWithTime(s string) bool {
	_, _, ok := clock(s, time.Unix(0, 0), time.UTC)
	return ok
}

// clock reads a time at the start of s.
func clock(s string, received time.Time, zone *time.Location) (t time.Time, rest string, ok bool) {
	if zone == nil {
		zone = time.UTC
	}
	s = strings.TrimLeft(s, "*. ") // Cisco marks a clock that was never set
	if word, after, _ := strings.Cut(s, " "); len(word) >= 19 && word[0] >= '0' && word[0] <= '9' {
		for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
			if t, err := time.ParseInLocation(form, strings.TrimSuffix(word, ":"), zone); err == nil {
				return t, after, true
			}
		}
	}
	for _, form := range []struct {
		text string
		year bool
	}{{"Jan _2 2006 15:04:05", true}, {"Jan _2 15:04:05 2006", true}, {"Jan _2 15:04:05", false}, {"2006-01-02 15:04:05", true}} {
		n := len(form.text)
		if len(s) < n {
			continue
		}
		t, err := time.ParseInLocation(form.text, s[:n], zone)
		if err != nil {
			continue
		}
		rest = s[n:]
		if frac, ok := strings.CutPrefix(rest, "."); ok {
			digits := 0
			for digits < len(frac) && digits < 9 && frac[digits] >= '0' && frac[digits] <= '9' {
				digits++
			}
			ns, err := strconv.Atoi((frac[:digits] + "000000000")[:9])
			if digits > 0 && err == nil {
				t, rest = t.Add(time.Duration(ns)), frac[digits:]
			}
		}
		if z, after, ok := strings.Cut(rest, ": "); ok && (z == " UTC" || z == " GMT") { // Cisco names its zone; other names mean different things to different people
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
			rest = ": " + after
		} else if ok && len(z) >= 4 && len(z) <= 6 && z[0] == ' ' && strings.ToUpper(z) == z && !strings.ContainsAny(z[1:], " :%[0123456789") {
			rest = ": " + after
		}
		if !form.year {
			t = nearestYear(t, received)
		}
		return t, rest, true
	}
	return time.Time{}, s, false
}

// nearestYear gives a time without a year the one that brings it nearest to when it came.
func nearestYear(t, received time.Time) time.Time {
	best := time.Time{}
	for _, y := range []int{received.Year() - 1, received.Year(), received.Year() + 1} {
		c := time.Date(y, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
		if c.Day() != t.Day() {
			continue // 29 February
		}
		if best.IsZero() || c.Sub(received).Abs() < best.Sub(received).Abs() {
			best = c
		}
	}
	return best
}
