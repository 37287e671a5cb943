// Package codesys reads the two protocols of CODESYS runtimes, which run the
// controllers of hundreds of makers: version 2 over TCP and version 3 over its
// block drivers. Both are known from published research only.
//
//	V2: bb bb | length 4 (either order) | service 1 …
//	V3 over TCP: 00 01 17 e8 | whole length 4, little endian | datagram
//	V3 datagram: c5 | hops | info | service | message | lengths: sender 4 bits, receiver 4 bits in words | addresses | padding | data
//	  name service: sub-command 2 | version 2 | message 4 | …
//	  channel: type | flags | …; block: channel 2, block 4, acknowledged 4, of the first: size 4, check 4 | services
//	  services: cd 55 little endian, or 75 57 | head size 2 | group 2, 0x80 an answer | service 2 | session 4 | size 4
package codesys

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes of version 3; version 2 has services only.
const (
	service  ot.Kind = iota // group << 8 | number
	datagram                // of the network layer
	channel                 // of the channel layer
)

const (
	v2, v3 = 0, 1 // index of the protocol

	maxPDU        = 16 << 10
	v2Head        = 6
	v3Magic       = 0xe8170100
	v3Head        = 8
	channelServer = 0x40
	nameAnswer    = 4
	block         = 1
	firstBlock    = 1 // flag
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{
			{Name: "codesys2", Kinds: []string{"service"}},
			{Name: "codesys3", Kinds: []string{"service", "datagram", "channel"}},
		},
		Transport:    dissect.TCP | dissect.UDP,
		TCP:          []uint16{1200, 1217, 2455, 11740, 11741, 11742, 11743},
		UDP:          []uint16{1740, 1741, 1742, 1743},
		MaxPDU:       maxPDU,
		MaxState:     256,
		Alternatives: true,
	}
}

// Probe wants one of the magic numbers with a length that makes sense.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) == 0 {
		return dissect.More
	}
	switch b[0] {
	case 0xbb:
		if len(b) > 1 && b[1] != 0xbb {
			return dissect.No
		}
		if len(b) < v2Head+1 {
			return dissect.More
		}
		if v2Size(b) == 0 {
			return dissect.No
		}
		return dissect.Yes
	case 0x00:
		magic := [4]byte{0x00, 0x01, 0x17, 0xe8}
		n := min(len(b), 4)
		if !bytes.Equal(b[:n], magic[:n]) {
			return dissect.No
		}
		if len(b) < v3Head {
			return dissect.More
		}
		if n := binary.LittleEndian.Uint32(b[4:]); n < v3Head || n > maxPDU {
			return dissect.No
		}
		return dissect.Yes
	case 0xc5:
		if len(b) < 8 {
			return dissect.More
		}
		if _, ok := body(b); !ok || !knownService(b[3]) || b[1]&7 < 2 {
			return dissect.No
		}
		return dissect.Yes
	}
	return dissect.No
}

func knownService(s byte) bool { return s >= 1 && s <= nameAnswer || s == channelServer }

// v2Size is the whole length of a version 2 message in either byte order, 0 where it is none.
func v2Size(b []byte) int {
	for _, n := range [2]uint32{binary.LittleEndian.Uint32(b[2:]), binary.BigEndian.Uint32(b[2:])} {
		if n >= 1 && n <= maxPDU-v2Head {
			return v2Head + int(n)
		}
	}
	return 0
}

// body returns what a datagram carries behind its addresses, which are padded to four bytes.
func body(b []byte) ([]byte, bool) {
	at := 6 + 2*int(b[5]>>4) + 2*int(b[5]&15)
	if at%4 != 0 {
		at += 4 - at%4
	}
	if at > len(b) {
		return nil, false
	}
	return b[at:], true
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [192]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	switch {
	case b[0] == 0xbb && (len(b) < 2 || b[1] == 0xbb):
		if len(b) < v2Head {
			return 0, 0
		}
		if n = v2Size(b); n > 0 {
			return 0, n
		}
	case b[0] == 0 && len(b) < v3Head:
		return 0, 0
	case b[0] == 0 && binary.LittleEndian.Uint32(b) == v3Magic:
		if n := binary.LittleEndian.Uint32(b[4:]); n >= v3Head && n <= maxPDU {
			return 0, int(n)
		}
	}
	return 1, 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < v2Head+1 {
		return dissect.Short
	}
	switch {
	case b[0] == 0xbb && b[1] == 0xbb:
		f.version2(dir, b[v2Head:], out)
		return dissect.OK
	case b[0] == 0xc5:
		return f.version3(dir, b, out)
	case len(b) > v3Head+6 && binary.LittleEndian.Uint32(b) == v3Magic:
		return f.version3(dir, b[v3Head:], out)
	}
	return dissect.Alien
}

// version2: the answer to a sign-in holds the operating system at 58, its
// version at 90 and the product at 122 of the body.
func (f *flow) version2(dir ot.Dir, b []byte, out *dissect.Sink) {
	m := out.BeginAs(v2)
	m.Kind, m.Code, m.Dir = service, uint32(b[0]), dir
	out.Secret()
	out.End()
	if dir != ot.Response || len(b) < 154 {
		return
	}
	for i, attr := range [...]ot.Attr{"codesys.os", "codesys.os_version", "codesys.product"} {
		s, _, _ := bytes.Cut(b[58+32*i:90+32*i], []byte{0})
		if printable(s) {
			out.Fact(attr, s)
		}
	}
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(b) >= 2
}

func (f *flow) version3(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 8 {
		return dissect.Short
	}
	data, ok := body(b)
	if b[0] != 0xc5 || !knownService(b[3]) {
		return dissect.Alien
	}
	m := out.BeginAs(v3)
	m.Kind, m.Code, m.Dir = datagram, uint32(b[3]), dir
	if !ok {
		out.End()
		return dissect.Short
	}
	out.Secret()
	if b[3] != channelServer {
		switch b[3] {
		case 1, 3:
			m.Dir = ot.Request
		default:
			m.Dir = ot.Response
		}
		out.End()
		if b[3] == nameAnswer {
			f.device(data, out)
		}
		return dissect.OK
	}
	f.channel(m, data, out)
	return dissect.OK
}

func (f *flow) channel(m *ot.Message, b []byte, out *dissect.Sink) {
	if len(b) < 2 {
		out.End()
		return
	}
	m.Kind, m.Code = channel, uint32(b[0])
	if b[0] == block && b[1]&firstBlock != 0 && len(b) >= 20+16 {
		s := b[20:]
		if id := binary.LittleEndian.Uint16(s); id == 0xcd55 || id == 0x7557 {
			group, number := binary.LittleEndian.Uint16(s[4:]), binary.LittleEndian.Uint16(s[6:])
			m.Kind, m.Code = service, uint32(group&0x7f)<<8|uint32(number&0xff)
			if m.Dir = ot.Request; group&0x80 != 0 {
				m.Dir = ot.Response
			}
		}
	}
	out.End()
}

// device reads what a runtime answers to a search.
//
//	sub-command 2 | version 2 | message 4 | channels 2 | order 1 | 1 | offset 2 | lengths 2 of node, device, vendor
//	type 4 | id 4 | version 4 | … | 28 serial's length | 40 + offset: the names in UTF-16 with a zero each, the serial
func (f *flow) device(b []byte, out *dissect.Sink) {
	if len(b) < 8+40 || binary.LittleEndian.Uint16(b) != 0xc280 {
		return
	}
	b = b[8:]
	v := b[20:24]
	t := f.text[:0]
	for i := 3; i >= 0; i-- {
		if i < 3 {
			t = append(t, '.')
		}
		t = decimal(t, v[i])
	}
	out.Fact("codesys.firmware", t)
	at := 40 + int(binary.BigEndian.Uint16(b[4:]))
	for i, attr := range [...]ot.Attr{"codesys.node", "codesys.device", "codesys.vendor"} {
		n := int(binary.LittleEndian.Uint16(b[6+2*i:]))*2 + 2
		if at+n > len(b) {
			return
		}
		out.Fact(attr, f.wide(b[at:at+n-2]))
		at += n
	}
	if n := int(b[28]); n > 0 && at+n <= len(b) && printable(bytes.TrimRight(b[at:at+n], "\x00")) {
		out.Fact("codesys.serial", bytes.TrimRight(b[at:at+n], "\x00"))
	}
}

func decimal(t []byte, v byte) []byte {
	if v >= 100 {
		t = append(t, '0'+v/100)
	}
	if v >= 10 {
		t = append(t, '0'+v/10%10)
	}
	return append(t, '0'+v%10)
}

// wide writes UTF-16 of the basic plane as UTF-8, as far as there is room.
func (f *flow) wide(b []byte) []byte {
	t := f.text[:0]
	for ; len(b) >= 2 && len(t)+3 <= len(f.text); b = b[2:] {
		c := rune(binary.LittleEndian.Uint16(b))
		switch {
		case c < 0x20 || c >= 0xd800 && c < 0xe000:
			return t
		case c < 0x80:
			t = append(t, byte(c))
		case c < 0x800:
			t = append(t, 0xc0|byte(c>>6), 0x80|byte(c&0x3f))
		default:
			t = append(t, 0xe0|byte(c>>12), 0x80|byte(c>>6&0x3f), 0x80|byte(c&0x3f))
		}
	}
	return t
}

func (*flow) Reset() {}
