// Package ntlmssp reads the names and versions inside NTLM sign-ins (MS-NLMP),
// which SMB and HTTP carry. The responses, which could be cracked, are passed over.
//
//	"NTLMSSP\0" | type 4 | 1: negotiate, 2: challenge, 3: authenticate
//	field: length 2 | room 2 | offset 4
package ntlmssp

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

const (
	challenge    = 2
	authenticate = 3
	unicode      = 1 << 0 // flags: texts are UTF-16
	hasVersion   = 1 << 25
)

// Reader holds the room that decoded names need. A flow owns one.
type Reader struct{ text [128]byte }

// Facts finds an NTLM message anywhere in b and reports what its sender says of itself.
func (r *Reader) Facts(b []byte, out *dissect.Sink) {
	i := bytes.Index(b, []byte("NTLMSSP\x00"))
	if i < 0 || len(b) < i+12 {
		return
	}
	b = b[i:]
	switch binary.LittleEndian.Uint32(b[8:]) {
	case challenge:
		r.challenge(b, out)
	case authenticate:
		r.authenticate(b, out)
	}
}

// pairs of the challenge's target information.
var targetAttrs = [...]ot.Attr{1: "ntlmssp.nb_computer_name", 2: "ntlmssp.nb_domain", 3: "ntlmssp.dns_computer_name", 4: "ntlmssp.dns_domain"}

// challenge: 12 target name | 20 flags 4 | 24 challenge 8 | 40 target information | 48 version 8
func (r *Reader) challenge(b []byte, out *dissect.Sink) {
	if len(b) < 48 {
		return
	}
	if flags := binary.LittleEndian.Uint32(b[20:]); flags&hasVersion != 0 && len(b) >= 56 {
		out.Fact("ntlmssp.os_version", r.version(b[48:]))
	}
	for list := field(b, 40); len(list) >= 4; {
		id, n := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		if id == 0 || 4+n > len(list) {
			return
		}
		if id >= 1 && int(id) < len(targetAttrs) {
			out.Fact(targetAttrs[id], UTF16(list[4:4+n], r.text[:0]))
		}
		list = list[4+n:]
	}
}

// authenticate: 12 LM | 20 NT | 28 domain | 36 user | 44 workstation | 52 session key | 60 flags 4 | 64 version 8
func (r *Reader) authenticate(b []byte, out *dissect.Sink) {
	if len(b) < 64 {
		return
	}
	host := field(b, 44)
	flags := binary.LittleEndian.Uint32(b[60:])
	if flags&unicode != 0 {
		host = UTF16(host, r.text[:0])
	}
	out.Fact("ntlmssp.hostname", host)
	domain := field(b, 28)
	if flags&unicode != 0 {
		domain = UTF16(domain, r.text[:0])
	}
	out.Fact("ntlmssp.domain", domain)
	if flags&hasVersion != 0 && len(b) >= 72 {
		out.Fact("ntlmssp.os_version", r.version(b[64:]))
	}
}

// version: major 1 | minor 1 | build 2
func (r *Reader) version(b []byte) []byte {
	if b[0] == 0 {
		return nil
	}
	t := strconv.AppendUint(r.text[:0], uint64(b[0]), 10)
	t = strconv.AppendUint(append(t, '.'), uint64(b[1]), 10)
	return strconv.AppendUint(append(t, '.'), uint64(binary.LittleEndian.Uint16(b[2:])), 10)
}

func field(b []byte, at int) []byte {
	n, offset := int(binary.LittleEndian.Uint16(b[at:])), binary.LittleEndian.Uint32(b[at+4:])
	if offset > uint32(len(b)) || n > len(b)-int(offset) {
		return nil
	}
	return b[offset : int(offset)+n]
}

// UTF16 appends little-endian UTF-16 to dst as UTF-8, up to dst's room.
// Surrogates, which no host name has, end it.
func UTF16(b, dst []byte) []byte {
	for ; len(b) >= 2; b = b[2:] {
		c := rune(binary.LittleEndian.Uint16(b))
		if c == 0 || c >= 0xd800 && c < 0xe000 || len(dst)+3 > cap(dst) {
			break
		}
		switch {
		case c < 0x80:
			dst = append(dst, byte(c))
		case c < 0x800:
			dst = append(dst, 0xc0|byte(c>>6), 0x80|byte(c&0x3f))
		default:
			dst = append(dst, 0xe0|byte(c>>12), 0x80|byte(c>>6&0x3f), 0x80|byte(c&0x3f))
		}
	}
	return dst
}
