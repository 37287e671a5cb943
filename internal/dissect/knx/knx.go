// Package knx reads KNXnet/IP (ISO 22510, KNX 03_08): tunnels into a
// building's bus, what is written to which group, and what devices say of
// themselves.
//
//	06 | 10 version | service 2 | length 2 | body
//	tunnelling: 4, channel, counter, 0 | cEMI; routing: cEMI
//	cEMI: code | additional: length 1 | control 2 | from 2 | to 2 | length 1 | APCI 2 …
//	device information: length 54, 1 | medium | status | address 2 | project 2 | serial 6 | multicast 4 | MAC 6 | name 30
package knx

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	service  ot.Kind = iota
	telegram         // the application's code inside: group write, restart
)

const (
	head              = 6
	connectResponse   = 0x0206
	tunnelling        = 0x0420
	configuration     = 0x0310
	routing           = 0x0530
	deviceInformation = 1
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "knx", Kinds: []string{"service", "telegram"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{3671},
		UDP:       []uint16{3671},
		MaxPDU:    2048,
		MaxState:  48,
	}
}

// Probe wants the head, a family of services and a sensible length.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) > 0 && b[0] != head || len(b) > 1 && b[1] != 0x10 || len(b) > 2 && !family(b[2]) {
		return dissect.No
	}
	if len(b) < head {
		return dissect.More
	}
	if n := int(binary.BigEndian.Uint16(b[4:])); n < head || n > 600 {
		return dissect.No
	}
	return dissect.Yes
}

func family(b byte) bool { return b >= 2 && b <= 9 }

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [32]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	if len(b) < head {
		return 0, 0
	}
	if n = int(binary.BigEndian.Uint16(b[4:])); b[0] == head && b[1] == 0x10 && family(b[2]) && n >= head && n <= 2048 {
		return 0, n
	}
	if i := bytes.Index(b[1:], []byte{head, 0x10}); i >= 0 {
		return i + 1, 0
	}
	return len(b) - 1, 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < head {
		return dissect.Short
	}
	if b[0] != head || b[1] != 0x10 || !family(b[2]) {
		return dissect.Alien
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < head || n > len(b) {
		return dissect.Short
	}
	code := binary.BigEndian.Uint16(b[2:])
	body := b[head:n]
	m := out.Begin()
	m.Kind, m.Code, m.Dir = service, uint32(code), dir
	switch {
	case code == routing:
		m.Dir = ot.DirNone
		if f.telegram(m, body, out) {
			return dissect.OK
		}
	case (code == tunnelling || code == configuration) && len(body) > 4:
		if f.telegram(m, body[4:], out) {
			return dissect.OK
		}
	case code == connectResponse && len(body) >= 2 && body[1] != 0:
		m.Status = uint32(body[1])
		m.Flags |= ot.Refused
	}
	out.End()
	switch code {
	case 0x0202, 0x020c: // search answered: an address of 8 stands before
		if len(body) > 8 {
			f.device(body[8:], out)
		}
	case 0x0204:
		f.device(body, out)
	}
	return dissect.OK
}

// telegram reads the application's code of a cEMI message on the bus and
// reports it as m; false where it has none.
func (f *flow) telegram(m *ot.Message, b []byte, out *dissect.Sink) bool {
	if len(b) < 2 || b[0] != 0x11 && b[0] != 0x29 && b[0] != 0x2e {
		return false
	}
	at := 2 + int(b[1])
	if len(b) < at+9 || b[at+6] == 0 { // no application's code: the transport's own
		return false
	}
	from, to := binary.BigEndian.Uint16(b[at+2:]), binary.BigEndian.Uint16(b[at+4:])
	code := uint32(binary.BigEndian.Uint16(b[at+7:])) & 0x3ff
	switch code >> 6 { // the shortest codes carry six bits of data
	case 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13:
		code &^= 0x3f
	}
	out.Also(service, m.Code, nil)
	m.Kind, m.Code, m.Unit = telegram, code, uint32(from)
	if b[at+1]&0x80 != 0 {
		m.Name = f.address(to, '/')
	} else {
		m.Name = f.address(to, '.')
	}
	out.End()
	return true
}

// address writes 1/2/3 for a group and 1.1.5 for a device.
func (f *flow) address(a uint16, sep byte) []byte {
	high, middle := a>>12, a>>8&0xf
	if sep == '/' {
		high, middle = a>>11, a>>8&7
	}
	t := strconv.AppendUint(f.text[:0], uint64(high), 10)
	t = strconv.AppendUint(append(t, sep), uint64(middle), 10)
	return strconv.AppendUint(append(t, sep), uint64(a&0xff), 10)
}

func (f *flow) device(b []byte, out *dissect.Sink) {
	if len(b) < 54 || b[0] != 54 || b[1] != deviceInformation {
		return
	}
	out.Fact("knx.name", bytes.TrimRight(b[24:54], "\x00 "))
	out.Fact("knx.serial", hex.AppendEncode(f.text[:0], b[8:14]))
	out.Fact("knx.address", f.address(binary.BigEndian.Uint16(b[4:]), '.'))
	if b[3]&1 != 0 {
		out.Fact("knx.mode", append(f.text[:0], "programming"...))
	}
}

func (*flow) Reset() {}
