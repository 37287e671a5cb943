package tls

import (
	"crypto/md5" //nolint:gosec // JA3 is defined with it; it protects nothing
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
)

// Hello is a client's hello taken apart, as far as fingerprints need it. JA3
// (Salesforce) hashes its lists in order; JA4 (FoxIO, the client part, under
// BSD) sorts them, because browsers shuffle their extensions.
type Hello struct {
	Version uint16 // of the head
	Name    []byte // the server's, that was asked for
	ALPN    []byte // the first application protocol

	suites     []byte // 2 bytes each
	extensions []byte
	groups     []byte // 2 each
	formats    []byte // 1 each
	signatures []byte // 2 each
	versions   []byte // 2 each
}

const (
	supportedGroups = 10
	pointFormats    = 11
	signatureKinds  = 13
	applications    = 16
	mostListed      = 128 // of suites or extensions; more is no client
)

// ReadHello reads a client's hello, without its handshake head; whole says
// whether its lists are as long as they say.
//
//	version 2 | random 32 | session id: length 1 | suites: length 2 | compression: length 1 | extensions: length 2
func ReadHello(b []byte) (h Hello, whole bool) {
	if len(b) < 35 {
		return h, false
	}
	h.Version = binary.BigEndian.Uint16(b)
	b = b[34:]
	_, b, ok := list(b, 1)
	if !ok {
		return h, false
	}
	if h.suites, b, ok = list(b, 2); !ok {
		return h, false
	}
	if _, b, ok = list(b, 1); !ok {
		return h, false
	}
	if len(b) == 0 {
		return h, true
	}
	h.extensions, _, whole = list(b, 2)
	if !whole && len(b) > 2 {
		h.extensions = b[2:]
	}
	eachExtension(h.extensions, func(kind uint16, v []byte) {
		switch kind {
		case serverName: // list length 2 | type 1 (0: a host's name) | name: length 2
			if len(v) > 5 && v[2] == 0 {
				h.Name, _, _ = list(v[3:], 2)
			}
		case applications:
			if all, _, ok := list(v, 2); ok {
				h.ALPN, _, _ = list(all, 1)
			}
		case supportedGroups:
			h.groups, _, _ = list(v, 2)
		case pointFormats:
			h.formats, _, _ = list(v, 1)
		case signatureKinds:
			h.signatures, _, _ = list(v, 2)
		case supportedVersions:
			h.versions, _, _ = list(v, 1)
		}
	})
	return h, whole
}

// list cuts off what stands behind a length of the given width.
func list(b []byte, width int) (body, rest []byte, ok bool) {
	if len(b) < width {
		return nil, nil, false
	}
	n := int(b[0])
	if width == 2 {
		n = int(binary.BigEndian.Uint16(b))
	}
	if b = b[width:]; n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// grease are the values that a client makes up to keep servers tolerant (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// Shuffled says whether the client makes values up: then it shuffles its
// extensions as well, and JA3 differs at each connection.
func (h *Hello) Shuffled() bool {
	for b := h.suites; len(b) >= 2; b = b[2:] {
		if grease(binary.BigEndian.Uint16(b)) {
			return true
		}
	}
	return false
}

// JA3 appends the fingerprint: 32 hex digits, nothing for a hello too large to be one.
func (h *Hello) JA3(dst []byte) []byte {
	var room [4096]byte
	if len(h.suites) > 2*mostListed || len(h.groups) > 2*mostListed || len(h.formats) > mostListed {
		return dst
	}
	t := strconv.AppendUint(room[:0], uint64(h.Version), 10)
	t = decimals(append(t, ','), h.suites)
	t = append(t, ',')
	n := 0
	eachExtension(h.extensions, func(kind uint16, _ []byte) {
		if n++; n <= mostListed && !grease(kind) {
			t = join(t, uint64(kind))
		}
	})
	t = decimals(append(t, ','), h.groups)
	t = append(t, ',')
	for _, f := range h.formats {
		t = join(t, uint64(f))
	}
	sum := md5.Sum(t) //nolint:gosec // as above
	return hex.AppendEncode(dst, sum[:])
}

func decimals(t, values []byte) []byte {
	for ; len(values) >= 2; values = values[2:] {
		if v := binary.BigEndian.Uint16(values); !grease(v) {
			t = join(t, uint64(v))
		}
	}
	return t
}

func join(t []byte, v uint64) []byte {
	if t[len(t)-1] != ',' {
		t = append(t, '-')
	}
	return strconv.AppendUint(t, v, 10)
}

// JA4 appends the fingerprint of a client over transport 't' (TCP) or 'q' (QUIC).
func (h *Hello) JA4(dst []byte, transport byte) []byte {
	var room [2][mostListed]uint16
	if len(h.suites) > 2*mostListed {
		return dst
	}
	suites, kinds := room[0][:0], room[1][:0]
	for b := h.suites; len(b) >= 2; b = b[2:] {
		if v := binary.BigEndian.Uint16(b); !grease(v) {
			suites = append(suites, v)
		}
	}
	count := 0
	eachExtension(h.extensions, func(kind uint16, _ []byte) {
		if grease(kind) {
			return
		}
		if count++; kind != serverName && kind != applications && len(kinds) < cap(kinds) {
			kinds = append(kinds, kind)
		}
	})
	to := byte('i')
	if len(h.Name) > 0 {
		to = 'd'
	}
	dst = append(append(append(dst, transport), h.highest()...), to)
	dst = two(two(dst, len(suites)), count)
	dst = append(h.application(dst), '_')
	slices.Sort(suites)
	slices.Sort(kinds)
	dst = append(digest(dst, suites, nil), '_')
	return digest(dst, kinds, h.signatures)
}

func (h *Hello) highest() string {
	best := h.Version
	if len(h.versions) >= 2 {
		best = 0
		for b := h.versions; len(b) >= 2; b = b[2:] {
			if v := binary.BigEndian.Uint16(b); !grease(v) {
				best = max(best, v)
			}
		}
	}
	switch best {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// application appends the first and last character of the application protocol.
func (h *Hello) application(dst []byte) []byte {
	if len(h.ALPN) == 0 {
		return append(dst, '0', '0')
	}
	first, last := h.ALPN[0], h.ALPN[len(h.ALPN)-1]
	if alphanumeric(first) && alphanumeric(last) {
		return append(dst, first, last)
	}
	const digits = "0123456789abcdef"
	return append(dst, digits[first>>4], digits[last&15])
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func two(dst []byte, n int) []byte {
	n = min(n, 99)
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// digest appends 12 hex digits of the values, and behind "_" of more in their order.
func digest(dst []byte, values []uint16, more []byte) []byte {
	var room [2048]byte
	t := room[:0]
	hexed := func(v uint16) {
		if len(t) > 0 && t[len(t)-1] != '_' {
			t = append(t, ',')
		}
		t = hex.AppendEncode(t, []byte{byte(v >> 8), byte(v)})
	}
	for _, v := range values {
		hexed(v)
	}
	if len(values) == 0 {
		return append(dst, "000000000000"...)
	}
	if len(more) >= 2 {
		t = append(t, '_')
	}
	for n := 0; len(more) >= 2 && n < mostListed; n, more = n+1, more[2:] {
		hexed(binary.BigEndian.Uint16(more))
	}
	sum := sha256.Sum256(t)
	return hex.AppendEncode(dst, sum[:6])
}
