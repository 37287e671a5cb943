// Package indicator reads what others say of bad addresses, names and files (STIX 2.1
// bundles, MISP events, plain lists), and finds them in what is heard. It keeps nothing
// and does no I/O; the slice above it keeps indicators and raises what they meet.
package indicator

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
)

// The kinds of indicators.
const (
	Address = "address" // of a host, or a prefix
	Domain  = "domain"  // and what stands below it
	File    = "file"    // a hash: SHA-256, SHA-1 or MD5 in hex
)

// Indicator is one thing that is known to be bad.
type Indicator struct {
	Kind  string
	Value string // in its usual form: 198.51.100.7, 198.51.100.0/24, bad.example, lower-case hex
	Title string // what its source calls it, printable
	Ref   string // its id there
	From  time.Time
	Until time.Time // zero: its source names no end
}

// Read is what a file holds.
type Read struct {
	Format string // stix, misp, list
	Source string // who says so, as the file names itself; empty: it does not
	Items  []Indicator
	Left   map[string]int // what is not taken, by the reason
}

// Bounds of a file.
const (
	MaxFile  = 16 << 20
	MaxItems = 100_000
	maxTitle = 200
)

// Parse reads a file of any of the formats.
func Parse(raw []byte) (Read, error) {
	if len(raw) > MaxFile {
		return Read{}, ot.Errorf(ot.TooMany, "the file of indicators has %d bytes; it may have %d: give it in parts", len(raw), MaxFile)
	}
	raw = bytes.TrimPrefix(bytes.TrimSpace(raw), []byte("\xef\xbb\xbf"))
	r := Read{Left: map[string]int{}}
	var err error
	switch {
	case len(raw) == 0:
		return r, ot.Errorf(ot.Invalid, "the file of indicators is empty")
	case raw[0] == '{' || raw[0] == '[':
		err = r.json(raw)
	default:
		err = r.list(raw)
	}
	if err != nil {
		return r, err
	}
	if len(r.Items) > MaxItems {
		return r, ot.Errorf(ot.TooMany, "the file holds %d indicators; at most %d are taken from one: give it in parts", len(r.Items), MaxItems)
	}
	return r, nil
}

// add takes one value, if it is one of a kind; once.
func (r *Read) add(kind, value string, of Indicator) {
	v, err := Normal(kind, value)
	if err != nil {
		r.Left[err.Error()]++
		return
	}
	of.Kind, of.Value, of.Title, of.Ref = kind, v, short(of.Title), short(of.Ref)
	r.Items = append(r.Items, of)
}

func short(s string) string {
	s = ot.Printable(strings.TrimSpace(s))
	for len(s) > maxTitle {
		_, n := utf8.DecodeLastRuneInString(s[:maxTitle])
		s = s[:maxTitle-n]
	}
	return s
}

var (
	errAddress = errors.New("no address")
	errWide    = errors.New("a prefix that is too wide")
	errPlant   = errors.New("an address of no use: private, loopback, multicast or unspecified")
	errDomain  = errors.New("no name of a domain")
	errHash    = errors.New("no hash of a known length")
)

// Normal is a value in its usual form.
func Normal(kind, value string) (string, error) {
	value = strings.TrimSpace(value)
	switch kind {
	case Address:
		return normalAddress(value)
	case Domain:
		return normalDomain(value)
	case File:
		v := strings.ToLower(value)
		if b, err := hex.DecodeString(v); err != nil || !slices.Contains([]int{16, 20, 32}, len(b)) {
			return "", errHash
		}
		return v, nil
	}
	return "", fmt.Errorf("no kind %q", kind)
}

// normalAddress refuses what would meet everybody: lists hold such things by mistake.
func normalAddress(s string) (string, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return "", errAddress
		}
		p = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen())
	}
	if p.Addr().Is4In6() || p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 {
		return "", errWide
	}
	p = p.Masked()
	if a := p.Addr(); a.IsPrivate() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return "", errPlant
	}
	if p.IsSingleIP() {
		return p.Addr().String(), nil
	}
	return p.String(), nil
}

// normalDomain wants at least two labels: "com" would meet everybody.
func normalDomain(s string) (string, error) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > 253 || strings.Count(s, ".") == 0 {
		return "", errDomain
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return "", errDomain
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", errDomain
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", errDomain
			}
		}
	}
	return s, nil
}

// guess says what a bare value is. An address of no use is one too: the import says why it is left.
func guess(s string) (kind string, ok bool) {
	if _, err := Normal(Address, s); errors.Is(err, errPlant) || errors.Is(err, errWide) {
		return Address, true
	}
	for _, k := range []string{Address, File, Domain} {
		if _, err := Normal(k, s); err == nil {
			return k, true
		}
	}
	return "", false
}

// list reads one value a line; what stands behind a space, a comma or a semicolon is its
// title, # and // begin a remark.
func (r *Read) list(raw []byte) error {
	r.Format = "list"
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return ot.Errorf(ot.Invalid, "the file is no text: indicators come as a STIX 2.1 bundle, a MISP event (JSON), or a list with one value a line")
	}
	for line := range bytes.Lines(raw) {
		s := strings.TrimSpace(string(line))
		if s == "" || s[0] == '#' || strings.HasPrefix(s, "//") {
			continue
		}
		value, title := s, ""
		if i := strings.IndexAny(s, " \t,;"); i > 0 {
			value, title = s[:i], strings.Trim(s[i+1:], " \t,;\"#")
		}
		kind, ok := guess(strings.Trim(value, `"`))
		if !ok {
			r.Left["a line that begins with no address, domain or hash"]++
			continue
		}
		r.add(kind, strings.Trim(value, `"`), Indicator{Title: title})
	}
	if len(r.Items) == 0 {
		return ot.Errorf(ot.Invalid, "no line of the file begins with an address, a domain or a hash: indicators come as a STIX 2.1 bundle, a MISP event (JSON), or a list with one value a line")
	}
	return nil
}
