package windows

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Tokens of binary XML ([MS-EVEN6] 2.2.12); 0x40 says that more of the kind follow.
const (
	tokenEnd          = 0x00
	tokenElement      = 0x01 // [dependency u16] size u32, name, [size of attributes u32]
	tokenCloseStart   = 0x02
	tokenCloseEmpty   = 0x03
	tokenEndElement   = 0x04
	tokenValue        = 0x05 // type u8, data
	tokenAttribute    = 0x06 // name, then its value's tokens
	tokenCDATA        = 0x07 // length u16, UTF-16
	tokenCharRef      = 0x08 // u16
	tokenEntityRef    = 0x09 // name
	tokenPITarget     = 0x0a // name
	tokenPIData       = 0x0b // length u16, UTF-16
	tokenTemplate     = 0x0c // u8, id u32, offset u32, [definition], values
	tokenSubstitution = 0x0d // index u16, type u8
	tokenOptional     = 0x0e // the same; empty where there is no value
	tokenFragment     = 0x0f // version u8, u8, flags u8
)

var errBinXML = errors.New("malformed binary XML")

// binXML reads the binary XML of one record; b is its whole chunk.
type binXML struct {
	b     []byte
	nodes int // still allowed
	room  int // bytes of text still allowed
}

// value is what a template's hole is filled with.
type value struct {
	kind     byte
	from, to int
}

func (p *binXML) u16(at, end int) (int, error) {
	if at < 0 || at+2 > end || end > len(p.b) {
		return 0, errBinXML
	}
	return int(binary.LittleEndian.Uint16(p.b[at:])), nil
}

func (p *binXML) u32(at, end int) (int, error) {
	if at < 0 || at+4 > end || end > len(p.b) {
		return 0, errBinXML
	}
	return int(binary.LittleEndian.Uint32(p.b[at:])), nil
}

// name reads the name that a token refers to: next u32, hash u16, length u16, UTF-16, 0.
// It stands in line where it is used first.
func (p *binXML) name(at, end int) (name string, next int, err error) {
	off, err := p.u32(at, end)
	if err != nil {
		return "", 0, err
	}
	n, err := p.u16(off+6, len(p.b))
	if err != nil {
		return "", 0, err
	}
	if off+8+2*n > len(p.b) {
		return "", 0, errBinXML
	}
	next = at + 4
	if off == next {
		next = off + 8 + 2*n + 2
	}
	if next > end {
		return "", 0, errBinXML
	}
	name = text16(p.b[off+8 : off+8+2*n])
	return name, next, p.take(len(name))
}

func (p *binXML) take(n int) error {
	if p.room -= n; p.room < 0 {
		return errBinXML
	}
	return nil
}

func text16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// fragment reads tokens into the node until the end of the fragment. dependent says that
// elements carry a dependency, as all do that do not stand in a value.
func (p *binXML) fragment(at, end int, into *node, values []value, dependent bool, depth int) (int, error) {
	if depth > maxDepth {
		return 0, errBinXML
	}
	for at < end {
		switch token := p.b[at] &^ 0x40; token {
		case tokenEnd:
			return at + 1, nil
		case tokenFragment:
			at += 4
		case tokenTemplate:
			next, err := p.template(at+1, end, into, depth)
			if err != nil {
				return 0, err
			}
			at = next
		case tokenElement:
			next, err := p.element(at, end, into, values, dependent, depth)
			if err != nil {
				return 0, err
			}
			at = next
		default:
			next, err := p.content(at, end, into, values, depth)
			if err != nil {
				return 0, err
			}
			at = next
		}
	}
	return at, nil
}

// template reads an instance: the definition with its holes filled.
func (p *binXML) template(at, end int, into *node, depth int) (int, error) {
	def, err := p.u32(at+5, end)
	if err != nil {
		return 0, err
	}
	size, err := p.u32(def+20, len(p.b))
	if err != nil {
		return 0, err
	}
	body := def + 24
	if size > len(p.b)-body {
		return 0, errBinXML
	}
	at += 9
	if def == at {
		at = body + size
	}
	n, err := p.u32(at, end)
	if err != nil || n > (end-at)/4 {
		return 0, errBinXML
	}
	values := make([]value, n)
	list := at + 4
	at = list + 4*n
	for i := range values {
		length, err := p.u16(list+4*i, end)
		if err != nil || at+length > end {
			return 0, errBinXML
		}
		values[i] = value{p.b[list+4*i+2], at, at + length}
		at += length
	}
	_, err = p.fragment(body, body+size, into, values, true, depth+1)
	return at, err
}

// element reads one with all that stands in it.
func (p *binXML) element(at, end int, into *node, values []value, dependent bool, depth int) (int, error) {
	if depth > maxDepth {
		return 0, errBinXML
	}
	if p.nodes--; p.nodes < 0 {
		return 0, errBinXML
	}
	more := p.b[at]&0x40 != 0
	at++
	if dependent {
		at += 2
	}
	name, at, err := p.name(at+4, end)
	if err != nil {
		return 0, err
	}
	n := &node{name: name}
	into.kids = append(into.kids, n)
	if more {
		at += 4
	}
	for at < end { // attributes
		token := p.b[at] &^ 0x40
		if token != tokenAttribute {
			break
		}
		if p.nodes--; p.nodes < 0 {
			return 0, errBinXML
		}
		name, next, err := p.name(at+1, end)
		if err != nil {
			return 0, err
		}
		at = next
		holder := &node{}
		for at < end {
			if t := p.b[at] &^ 0x40; t == tokenAttribute || t == tokenCloseStart || t == tokenCloseEmpty {
				break
			}
			if at, err = p.content(at, end, holder, values, depth); err != nil {
				return 0, err
			}
		}
		n.attrs = append(n.attrs, Value{name, holder.said()})
	}
	if at >= end {
		return 0, errBinXML
	}
	switch p.b[at] {
	case tokenCloseEmpty:
		return at + 1, nil
	case tokenCloseStart:
		at++
	default:
		return 0, errBinXML
	}
	for at < end {
		switch token := p.b[at] &^ 0x40; token {
		case tokenEndElement:
			return at + 1, nil
		case tokenElement:
			at, err = p.element(at, end, n, values, dependent, depth+1)
		case tokenTemplate:
			at, err = p.template(at+1, end, n, depth+1)
		default:
			at, err = p.content(at, end, n, values, depth)
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, errBinXML
}

// content reads what has text: values, references and holes.
func (p *binXML) content(at, end int, into *node, values []value, depth int) (int, error) {
	switch token := p.b[at] &^ 0x40; token {
	case tokenValue:
		if at+2 > end || p.b[at+1] != 0x01 { // in line, only texts stand
			return 0, errBinXML
		}
		return p.counted(at+2, end, into)
	case tokenCDATA:
		return p.counted(at+1, end, into)
	case tokenPIData:
		return p.counted(at+1, end, &node{})
	case tokenPITarget:
		_, next, err := p.name(at+1, end)
		return next, err
	case tokenCharRef:
		c, err := p.u16(at+1, end)
		into.text.WriteRune(rune(c))
		return at + 3, err
	case tokenEntityRef:
		name, next, err := p.name(at+1, end)
		switch name {
		case "lt":
			name = "<"
		case "gt":
			name = ">"
		case "amp":
			name = "&"
		case "quot":
			name = `"`
		case "apos":
			name = "'"
		}
		into.text.WriteString(name)
		return next, err
	case tokenSubstitution, tokenOptional:
		i, err := p.u16(at+1, end)
		if err != nil || at+4 > end {
			return 0, errBinXML
		}
		if i < len(values) {
			err = p.fill(values[i], into, depth)
		}
		return at + 4, err
	}
	return 0, errBinXML
}

func (p *binXML) counted(at, end int, into *node) (int, error) {
	n, err := p.u16(at, end)
	if err != nil || at+2+2*n > end {
		return 0, errBinXML
	}
	s := text16(p.b[at+2 : at+2+2*n])
	into.text.WriteString(s)
	return at + 2 + 2*n, p.take(len(s))
}

// fill writes a value where its hole is.
func (p *binXML) fill(v value, into *node, depth int) error {
	if v.kind == 0x21 { // binary XML within binary XML
		_, err := p.fragment(v.from, v.to, into, nil, false, depth+1)
		return err
	}
	s := said(v.kind, p.b[v.from:v.to])
	into.text.WriteString(s)
	return p.take(len(s))
}

// said writes a value as Windows' own XML does.
func said(kind byte, b []byte) string {
	if kind&0x80 != 0 {
		return list(kind&^0x80, b)
	}
	le := binary.LittleEndian
	var wide uint64
	for i := len(b) - 1; i >= 0 && len(b) <= 8; i-- {
		wide = wide<<8 | uint64(b[i])
	}
	signed := func() string {
		if n := len(b); n > 0 && n < 8 {
			return strconv.FormatInt(int64(wide<<(64-8*n))>>(64-8*n), 10)
		}
		return strconv.FormatInt(int64(wide), 10)
	}
	switch kind {
	case 0x00:
		return ""
	case 0x01:
		return strings.TrimRight(text16(b), "\x00")
	case 0x02:
		return strings.ToValidUTF8(strings.TrimRight(string(b), "\x00"), "?")
	case 0x03, 0x05, 0x07, 0x09:
		return signed()
	case 0x04, 0x06, 0x08, 0x0a:
		return strconv.FormatUint(wide, 10)
	case 0x0b:
		if len(b) == 4 {
			return strconv.FormatFloat(float64(math.Float32frombits(le.Uint32(b))), 'g', -1, 32)
		}
	case 0x0c:
		if len(b) == 8 {
			return strconv.FormatFloat(math.Float64frombits(wide), 'g', -1, 64)
		}
	case 0x0d:
		return strconv.FormatBool(wide != 0)
	case 0x0f:
		if len(b) == 16 {
			return fmt.Sprintf("{%08x-%04x-%04x-%x-%x}", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:])
		}
	case 0x10, 0x14, 0x15:
		return "0x" + strconv.FormatUint(wide, 16)
	case 0x11:
		if len(b) == 8 {
			if t := filetime(wide); !t.IsZero() {
				return t.Format(time.RFC3339Nano)
			}
			return ""
		}
	case 0x12:
		if len(b) == 16 {
			return time.Date(int(le.Uint16(b)), time.Month(le.Uint16(b[2:])), int(le.Uint16(b[6:])), int(le.Uint16(b[8:])), int(le.Uint16(b[10:])), int(le.Uint16(b[12:])), int(le.Uint16(b[14:]))*1e6, time.UTC).Format(time.RFC3339Nano)
		}
	case 0x13:
		return sid(b)
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// list writes an array.
func list(kind byte, b []byte) string {
	if kind == 0x01 {
		return strings.ReplaceAll(strings.TrimRight(text16(b), "\x00"), "\x00", ", ")
	}
	size := map[byte]int{0x03: 1, 0x04: 1, 0x05: 2, 0x06: 2, 0x07: 4, 0x08: 4, 0x09: 8, 0x0a: 8, 0x0b: 4, 0x0c: 8, 0x0d: 4, 0x0f: 16, 0x11: 8, 0x12: 16, 0x14: 4, 0x15: 8}[kind]
	if size == 0 {
		return strings.ToUpper(hex.EncodeToString(b))
	}
	var out []string
	for ; len(b) >= size; b = b[size:] {
		out = append(out, said(kind, b[:size]))
	}
	return strings.Join(out, ", ")
}

// sid writes a security identifier: S-1-5-21-….
func sid(b []byte) string {
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return strings.ToUpper(hex.EncodeToString(b))
	}
	var authority uint64
	for _, c := range b[2:8] {
		authority = authority<<8 | uint64(c)
	}
	s := fmt.Sprintf("S-%d-%d", b[0], authority)
	for rest := b[8:]; len(rest) >= 4; rest = rest[4:] {
		s += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(rest)), 10)
	}
	return s
}
