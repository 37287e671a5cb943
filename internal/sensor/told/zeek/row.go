package zeek

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// header is what the lines that begin with # say of those that follow.
type header struct {
	separator string
	set       string
	empty     string
	unset     string
	path      string
	fields    []string
	at        map[string]int
}

func newHeader() header { return header{separator: "\t", set: ",", empty: "(empty)", unset: "-"} }

// maxFields bounds a header: HART-IP's widest log has about 200.
const maxFields = 2000

// take reads a line that begins with #.
func (h *header) take(line string) error {
	if word, ok := strings.CutPrefix(line, "#separator "); ok {
		*h = newHeader() // a log that was joined to another begins here
		s, err := unescape(word)
		if err != nil || s == "" {
			return fmt.Errorf("its separator %q cannot be read", word)
		}
		h.separator = s
		return nil
	}
	word, rest, _ := strings.Cut(line[1:], h.separator)
	switch word {
	case "set_separator":
		h.set = rest
	case "empty_field":
		h.empty = rest
	case "unset_field":
		h.unset = rest
	case "path":
		h.path = rest
	case "fields":
		h.fields = strings.Split(rest, h.separator)
		if len(h.fields) > maxFields {
			n := len(h.fields)
			h.fields = nil
			return fmt.Errorf("its header has %d fields, at most %d are read", n, maxFields)
		}
		h.at = make(map[string]int, len(h.fields))
		for i, f := range h.fields {
			h.at[f] = i
		}
	}
	return nil
}

// row is one record: columns under a header, or a JSON object.
type row struct {
	h     *header
	cols  []string
	obj   map[string]string
	path  string
	bytes []byte
}

// columns cuts a line by its header.
func (r *row) columns(h *header, line []byte) error {
	if len(h.fields) == 0 {
		return fmt.Errorf("no header names its fields")
	}
	r.h, r.obj, r.path, r.bytes = h, nil, h.path, line
	r.cols = strings.Split(string(line), h.separator)
	if len(r.cols) != len(h.fields) {
		return fmt.Errorf("it has %d fields, its header names %d", len(r.cols), len(h.fields))
	}
	return nil
}

// object reads a JSON line. Objects in it are named with dots, as in the text form.
func (r *row) object(line []byte) error {
	r.h, r.cols, r.path, r.bytes = nil, nil, "", line
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("it is no whole JSON object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something stands behind its JSON object")
	}
	r.obj = make(map[string]string, len(v))
	flatten(r.obj, "", v, 0)
	r.path = r.obj["_path"]
	return nil
}

func flatten(to map[string]string, prefix string, v map[string]any, depth int) {
	for name, x := range v {
		if len(to) > maxFields {
			return
		}
		if in, ok := x.(map[string]any); ok {
			if depth < 4 {
				flatten(to, prefix+name+".", in, depth+1)
			}
			continue
		}
		to[prefix+name] = text(x)
	}
}

func text(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		if x {
			return "T"
		}
		return "F"
	case []any:
		var out []string
		for _, e := range x {
			if len(out) == 256 {
				break
			}
			out = append(out, text(e))
		}
		return strings.Join(out, ",")
	}
	return ""
}

// get returns a field, "" where it is not set.
func (r *row) get(names ...string) string {
	for _, name := range names {
		if r.obj != nil {
			if v := r.obj[name]; v != "" {
				return v
			}
			continue
		}
		i, ok := r.h.at[name]
		if !ok {
			continue
		}
		v := r.cols[i]
		if v == r.h.unset || v == r.h.empty || v == "" {
			continue
		}
		if strings.Contains(v, `\x`) {
			if s, err := unescape(v); err == nil {
				v = s
			}
		}
		return v
	}
	return ""
}

// has says whether the record knows a field at all.
func (r *row) has(name string) bool {
	if r.obj != nil {
		_, ok := r.obj[name]
		return ok
	}
	_, ok := r.h.at[name]
	return ok
}

// list cuts a set or vector.
func (r *row) list(name string) []string {
	v := r.get(name)
	if v == "" {
		return nil
	}
	sep := ","
	if r.h != nil && r.h.set != "" {
		sep = r.h.set
	}
	return strings.Split(v, sep)
}

func (r *row) ip(name string) netip.Addr {
	a, err := netip.ParseAddr(r.get(name))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func (r *row) mac(name string) (m ot.MAC) {
	_ = m.UnmarshalText([]byte(r.get(name))) // what is no address is none
	return m
}

// num reads a count, decimal or 0x…; 0 where it is none.
func (r *row) num(name string) uint64 {
	n, _ := number(r.get(name))
	return n
}

func number(s string) (uint64, bool) {
	if n, err := strconv.ParseUint(s, 0, 64); err == nil {
		return n, true
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f < math.MaxInt64 {
		return uint64(f), true // JSON writers give counts as 1.0 or 1e6
	}
	return 0, false
}

// port reads a port; false: it is none.
func (r *row) port(name string) uint16 {
	n := r.get(name)
	n, _, _ = strings.Cut(n, "/")
	v, err := strconv.ParseUint(n, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(v)
}

// time reads a time: seconds since 1970, milliseconds where the number is too large
// for seconds, or ISO 8601.
func (r *row) time(name string) (int64, bool) { return moment(r.get(name)) }

func moment(s string) (int64, bool) {
	switch {
	case strings.Contains(s, "T"):
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return 0, false
		}
		return clamp(t)
	case len(s) >= 12 && !strings.ContainsAny(s, ".eE"):
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n > 1e14 {
			return 0, false
		}
		return clamp(time.UnixMilli(n))
	}
	ns, ok := seconds(s)
	if !ok {
		return 0, false
	}
	return clamp(time.Unix(0, ns))
}

// clamp refuses what is no time of a capture.
func clamp(t time.Time) (int64, bool) {
	if y := t.Year(); y < 1970 || y > 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}

// seconds reads a decimal number of seconds as ns without going through a float,
// which is not exact to the microsecond.
func seconds(s string) (int64, bool) {
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 0 || f > 7e9 {
			return 0, false
		}
		return int64(f * 1e9), true
	}
	whole, part, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || sec > 7_000_000_000 {
		return 0, false
	}
	part = (part + "000000000")[:9]
	ns, err := strconv.ParseInt(part, 10, 64)
	if err != nil || ns < 0 {
		return 0, false
	}
	return sec*1e9 + ns, true
}

// unescape reads \xHH, as Zeek writes bytes that would break its columns.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			v, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
			if err != nil {
				return "", err
			}
			b.WriteByte(byte(v))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String(), nil
}
