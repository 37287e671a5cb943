package engineering

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
)

// decode turns a file into UTF-8. Siemens and CODESYS write UTF-16 and
// Windows-1252 as well; a byte-order mark decides, else the pattern of zeros.
func decode(name string, raw []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xef, 0xbb, 0xbf}):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(raw, []byte{0, 0, 0xfe, 0xff}):
		return nil, ot.Errorf(ot.Invalid, "%s is written in UTF-32, which is not read: save it as UTF-8", name)
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}):
		return wide(name, raw[2:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		return wide(name, raw[2:], binary.BigEndian)
	case len(raw) >= 4 && raw[0] != 0 && raw[1] == 0 && raw[2] != 0 && raw[3] == 0:
		return wide(name, raw, binary.LittleEndian)
	case len(raw) >= 4 && raw[0] == 0 && raw[1] != 0 && raw[2] == 0 && raw[3] != 0:
		return wide(name, raw, binary.BigEndian)
	}
	if declared := declaredEncoding(raw); declared != "" {
		switch declared {
		case "utf-8", "utf8", "us-ascii", "ascii":
			if at := firstBad(raw); at >= 0 {
				return nil, ot.Errorf(ot.Invalid, "%s:%d: the file says that it is %s and is not (byte %#x): it was saved in another encoding; export it again, or write the true one into its first line (windows-1252?)",
					name, 1+bytes.Count(raw[:at], []byte("\n")), declared, raw[at])
			}
			return raw, nil
		case "iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252":
			return windows1252(raw), nil
		case "utf-16", "utf-16le", "utf-16be":
			return raw, nil // the declaration was not changed when the file was
		}
		return nil, ot.Errorf(ot.Invalid, "%s:1: the encoding %q is not read: save the file as UTF-8", name, ot.Printable(declared))
	}
	if utf8.Valid(raw) {
		return raw, nil
	}
	return windows1252(raw), nil
}

func wide(name string, raw []byte, order binary.ByteOrder) ([]byte, error) {
	if len(raw)%2 != 0 {
		return nil, ot.Errorf(ot.Invalid, "%s is UTF-16 and ends in the middle of a character: it is cut; copy or export it again", name)
	}
	out := make([]byte, 0, len(raw)/2+len(raw)/16)
	for i := 0; i < len(raw); i += 2 {
		r := rune(order.Uint16(raw[i:]))
		if utf16.IsSurrogate(r) {
			next := rune(0)
			if i+3 < len(raw) {
				next = rune(order.Uint16(raw[i+2:]))
			}
			if r = utf16.DecodeRune(r, next); r != utf8.RuneError {
				i += 2
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

// high is what Windows-1252 has from 0x80 to 0x9f; Latin-1 has nothing printable there.
const high = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

func windows1252(raw []byte) []byte {
	table := []rune(high)
	out := make([]byte, 0, len(raw)+len(raw)/8)
	for _, b := range raw {
		switch {
		case b < 0x80:
			out = append(out, b)
		case b < 0xa0:
			out = utf8.AppendRune(out, table[b-0x80])
		default:
			out = utf8.AppendRune(out, rune(b))
		}
	}
	return out
}

func firstBad(raw []byte) int {
	for i := 0; i < len(raw); {
		if raw[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// declaredEncoding is what an XML declaration says, in lower case; XML without one is UTF-8.
func declaredEncoding(raw []byte) string {
	head := bytes.TrimLeft(raw[:min(len(raw), 512)], " \t\r\n")
	if !bytes.HasPrefix(head, []byte("<")) {
		return ""
	}
	decl, _, ok := bytes.Cut(head, []byte("?>"))
	if !ok || !bytes.HasPrefix(decl, []byte("<?xml")) {
		return "utf-8"
	}
	_, rest, ok := bytes.Cut(decl, []byte("encoding"))
	if !ok {
		return "utf-8"
	}
	rest = bytes.TrimLeft(rest, " \t\r\n=")
	if len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
		return "utf-8"
	}
	name, _, _ := bytes.Cut(rest[1:], rest[:1])
	return strings.ToLower(string(name))
}

func splitLines(text []byte) []string {
	var out []string
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.TrimRight(line, "\r\n"))
	}
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }

// number reads 12, 0x0C and 16#000C.
func number(s string) (uint32, bool) {
	s = strings.TrimSpace(s)
	if t, ok := strings.CutPrefix(s, "16#"); ok {
		s = "0x" + strings.ReplaceAll(t, "_", "")
	}
	n, err := strconv.ParseUint(strings.ToLower(s), 0, 32)
	if err != nil {
		n, err = strconv.ParseUint(s, 10, 32) // 012 is twelve
	}
	return uint32(n), err == nil
}

// address reads an IPv4 or IPv6 address of one device.
func address(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}

// hardware reads a MAC address in any of the usual forms.
func hardware(s string) (m ot.MAC, ok bool) {
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-:. ", r) {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if len(bare) != 12 {
		return m, false
	}
	n, err := strconv.ParseUint(bare, 16, 64)
	if err != nil || n == 0 {
		return m, false
	}
	for i := range m {
		m[i] = byte(n >> (8 * (5 - i)))
	}
	return m, true
}
