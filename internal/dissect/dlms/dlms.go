// Package dlms reads DLMS/COSEM (IEC 62056-5-3), the language of European
// meters, over TCP or UDP (IEC 62056-4-7) and in HDLC frames through serial
// gateways (IEC 62056-46): which objects are read and set, how clients sign
// in, and what a meter says it is.
//
//	wrapper: version 2 (1) | from 2 | to 2 | length 2 | APDU
//	HDLC: 7e | format 4 bits (a), segmented 1, length 11 | to 1…4 | from 1 | control | check 2 | e6 e6 00 or e6 e7 00, APDU | check 2 | 7e
//	get request: c0 1 invocation class 2 OBIS 6 attribute | answer: c4 1 invocation 0 data
package dlms

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	apdu   ot.Kind = iota
	frame          // HDLC control without an APDU
	access         // 1: password in clear, 2 and more: by challenge
)

const (
	wrapperHead = 8
	flag        = 0x7e
	maxAPDU     = 32 << 10

	signIn, signInAnswer = 0x60, 0x61
	getRequest           = 0xc0
	setRequest           = 0xc1
	eventNotification    = 0xc2
	actionRequest        = 0xc3
	getResponse          = 0xc4
	setResponse          = 0xc5
	actionResponse       = 0xc7
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "dlms", Kinds: []string{"apdu", "frame", "access"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{4059, 4060, 4061, 4062, 4063},
		UDP:       []uint16{4059},
		MaxPDU:    maxAPDU,
		MaxState:  64,
	}
}

// Probe wants a wrapper with a known APDU of its length, or an HDLC frame with its flags.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	switch {
	case len(b) == 0:
		return dissect.More
	case b[0] == flag:
		return probeFrame(b)
	case b[0] != 0 || len(b) > 1 && b[1] != 1:
		return dissect.No
	case len(b) <= wrapperHead:
		if len(b) >= 8 && int(binary.BigEndian.Uint16(b[6:])) > maxAPDU-wrapperHead {
			return dissect.No
		}
		return dissect.More
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	if n < 2 || n > maxAPDU-wrapperHead || !known(b[wrapperHead]) || len(b) > wrapperHead+n {
		return dissect.No
	}
	if len(b) < wrapperHead+n {
		return dissect.More
	}
	return dissect.Yes
}

func probeFrame(b []byte) dissect.Verdict {
	if len(b) < 3 {
		if len(b) == 2 && b[1]&0xf0 != 0xa0 {
			return dissect.No
		}
		return dissect.More
	}
	n := frameSize(b)
	switch {
	case n == 0:
		return dissect.No
	case len(b) < n:
		return dissect.More
	case b[n-1] != flag:
		return dissect.No
	}
	return dissect.Yes
}

// frameSize is the length of an HDLC frame with its flags, 0 where there is none.
func frameSize(b []byte) int {
	n := int(b[1]&7)<<8 | int(b[2])
	if b[1]&0xf0 != 0xa0 || n < 7 {
		return 0
	}
	return n + 2
}

func known(tag byte) bool {
	switch tag {
	case 0x01, 0x08, 0x0e, 0x0f, 0x21, 0x28, 0xd8, 0xdb, 0xdc, 0xdd, signIn, signInAnswer, 0x62, 0x63,
		getRequest, setRequest, eventNotification, actionRequest, getResponse, setResponse, actionResponse,
		0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd7:
		return true
	}
	return false
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	asked     [6]byte // of the last get
	attribute byte
	told      bool // the password in clear
	text      [32]byte
}

func (*flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if len(b) < 3 {
		return 0, 0
	}
	if b[0] == flag {
		if b[1] == flag { // the end of one frame may begin the next
			return 1, 0
		}
		if n = frameSize(b); n > 0 {
			return 0, n
		}
		return 1, 0
	}
	if b[0] == 0 && b[1] == 1 {
		if len(b) < wrapperHead {
			return 0, 0
		}
		if n = int(binary.BigEndian.Uint16(b[6:])); n >= 2 && n <= maxAPDU-wrapperHead {
			return 0, wrapperHead + n
		}
	}
	if i := bytes.IndexByte(b[1:], flag); i >= 0 && !synced {
		return i + 1, 0
	}
	return 1, 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 9 {
		return dissect.Short
	}
	if b[0] == flag {
		return f.hdlc(dir, b, out)
	}
	if b[0] != 0 || b[1] != 1 || !known(b[wrapperHead]) {
		return dissect.Alien
	}
	return f.apdu(dir, b[wrapperHead:], out)
}

func (f *flow) hdlc(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	n := frameSize(b)
	if n == 0 || n > len(b) || b[n-1] != flag {
		return dissect.Alien
	}
	b = b[3 : n-1]
	for range 2 { // two addresses, each ends with a set bit
		i := 0
		for i < len(b) && i < 4 && b[i]&1 == 0 {
			i++
		}
		if i >= len(b) || i == 4 {
			return dissect.BadValue
		}
		b = b[i+1:]
	}
	if len(b) < 3 {
		return dissect.Short
	}
	control := b[0]
	if control&1 == 0 && len(b) > 8 && b[3] == 0xe6 && b[5] == 0 && known(b[6]) {
		return f.apdu(dir, b[6:len(b)-2], out)
	}
	m := out.Begin()
	m.Kind, m.Dir = frame, dir
	switch {
	case control&1 == 0:
		m.Code = 0 // information that goes on
	case control&3 == 1:
		m.Code = uint32(control & 0x0f)
	default:
		m.Code = uint32(control &^ 0x10)
	}
	out.End()
	return dissect.OK
}

func (f *flow) apdu(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = apdu, uint32(b[0]), dir
	switch b[0] {
	case signIn:
		f.signIn(m, b, out)
		return dissect.OK
	case signInAnswer:
		m.Dir = ot.Response
		// a2: result; a 02 that is not 0 is a refusal
		if i := bytes.Index(b, []byte{0xa2, 3, 2, 1}); i >= 0 && i+4 < len(b) && b[i+4] != 0 {
			m.Status = uint32(b[i+4])
			m.Flags |= ot.Refused
		}
	case getRequest, setRequest, actionRequest:
		m.Dir = ot.Request
		if len(b) >= 12 && b[1] == 1 {
			m.Area, m.Space = uint32(binary.BigEndian.Uint16(b[3:])), uint16(b[11])
			m.Name = f.obis(b[5:11])
			copy(f.asked[:], b[5:11])
			f.attribute = b[11]
		} else {
			f.attribute = 0
		}
	case getResponse, setResponse, actionResponse:
		m.Dir = ot.Response
		if len(b) >= 4 && b[1] == 1 && b[3] != 0 { // data access result
			m.Status = uint32(b[3])
			if b[0] == getResponse && len(b) >= 5 {
				m.Status = uint32(b[4])
			}
			m.Flags |= ot.Refused
		}
	case eventNotification:
		m.Dir = ot.Response
	}
	out.End()
	if b[0] == getResponse && m.Flags&ot.Refused == 0 && len(b) > 6 && b[1] == 1 && f.attribute == 2 {
		f.identity(b[4:], out)
	}
	return dissect.OK
}

// signIn: the mechanism is the last number of 2.16.756.5.8.2.n in [11]; the password of mechanism 1 follows in [12].
func (f *flow) signIn(m *ot.Message, b []byte, out *dissect.Sink) {
	m.Dir = ot.Request
	out.Client(m.Dir)
	i := bytes.Index(b, []byte{0x60, 0x85, 0x74, 5, 8, 2})
	if i < 0 || i+6 >= len(b) {
		out.End()
		return
	}
	out.Secret()
	level := uint32(b[i+6])
	out.Also(access, level, nil)
	if level == 1 {
		m.Flags |= ot.ClearText
	}
	out.End()
	if level == 1 && !f.told {
		f.told = true
		out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "dlms password"...))
	}
}

// obis writes a logical name as "1-0:1.8.0*255".
func (f *flow) obis(b []byte) []byte {
	t := f.text[:0]
	for i, c := range b {
		if i > 0 {
			t = append(t, "-:..*"[i-1])
		}
		t = strconv.AppendUint(t, uint64(c), 10)
	}
	return t
}

// identity reads the value of an object that says what the meter is.
//
//	data: 9 octets or 10 text: length 1, bytes
func (f *flow) identity(b []byte, out *dissect.Sink) {
	if (b[0] != 9 && b[0] != 10) || int(b[1]) > len(b)-2 {
		return
	}
	value := b[2 : 2+int(b[1])]
	for _, c := range value {
		if c < 0x20 || c > 0x7e {
			return
		}
	}
	switch f.asked {
	case [6]byte{0, 0, 42, 0, 0, 255}:
		out.Fact("dlms.device_name", value)
	case [6]byte{0, 0, 96, 1, 0, 255}, [6]byte{1, 0, 0, 0, 0, 255}:
		out.Fact("dlms.serial", value)
	case [6]byte{1, 0, 0, 2, 0, 255}, [6]byte{0, 0, 0, 2, 0, 255}:
		out.Fact("dlms.firmware", value)
	case [6]byte{0, 0, 96, 1, 1, 255}:
		out.Fact("dlms.model", value)
	}
}

func (f *flow) Reset() { *f = flow{} }
