// Package fins dissects Omron's FINS over UDP and TCP: commands with the memory
// they touch, end codes, what controllers and their units say of themselves,
// and programs, parameters and files on the way. It is not for FINS inside
// EtherNet/IP or Host Link.
//
// Omron W342, "Communications Commands Reference Manual", 5-1; big endian:
//
//	FINS/TCP  0   4  "FINS"
//	          4   4  length of what follows
//	          8   4  command      0, 1 exchange node addresses, 2 a FINS frame, 3 error, 6 connection
//	          12  4  error
//	FINS      0   1  ICF          0x80 gateway, 0x40 response, 0x01 no response wanted
//	          1   1  RSV          0
//	          2   1  GCT          gateways that may be passed
//	          3   3  DNA DA1 DA2  destination's network, node, unit
//	          6   3  SNA SA1 SA2  source's
//	          9   1  SID          the answer returns it
//	          10  2  command      MRC, SRC
//	          12  2  end code     of an answer: 0 is good
package fins

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindCommand ot.Kind = iota
	kindEnd             // end code, where it is not success
	kindArea            // memory area
	kindSession         // command of FINS/TCP
)

const (
	magic     = "FINS"
	tcpHeader = 16
	header    = 12
	maxPDU    = 8 << 10
	response  = 0x40
	gateway   = 0x80
	sendFrame = 2
)

// Protocol is the FINS dissector.
type Protocol struct{}

// Spec names FINS and its usual port.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "fins", Kinds: []string{"command", "end-code", "area", "session"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{9600},
		UDP:       []uint16{9600},
		MaxPDU:    maxPDU,
		MaxState:  4096 + 1024,
	}
}

// Probe wants FINS/TCP's magic, or a frame with addresses in their range and a known command.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < len(magic) && string(b) == magic[:len(b)] {
		return dissect.More
	}
	if len(b) >= len(magic) && string(b[:4]) == magic {
		return dissect.Yes
	}
	if len(b) >= header && framed(b) && known(binary.BigEndian.Uint16(b[10:])) {
		return dissect.Yes
	}
	return dissect.No
}

// framed says whether the addresses of a frame are in their range. b holds at least a header.
func framed(b []byte) bool {
	if b[0]&0x3e != 0 || b[0]&gateway == 0 || b[1] != 0 || b[2] > 7 || b[3] > 127 || b[6] > 127 {
		return false
	}
	return b[0]&response == 0 || len(b) >= header+2
}

// known says whether the manual has a command. Others are reported, but claim no flow.
func known(command uint16) bool {
	switch mrc, src := command>>8, command&0xff; mrc {
	case 0x01:
		return src >= 1 && src <= 5
	case 0x02:
		return src >= 1 && src <= 3 || src == 0x20 || src == 0x21
	case 0x03:
		return src >= 4 && src <= 8
	case 0x04, 0x05:
		return src >= 1 && src <= 3
	case 0x06:
		return src >= 1 && src <= 3 || src == 0x20
	case 0x07:
		return src == 1 || src == 2
	case 0x08, 0x0c:
		return src >= 1 && src <= 3
	case 0x09:
		return src == 0x20
	case 0x21:
		return src >= 1 && src <= 3 || src == 0x40 || src == 0x41
	case 0x22:
		return src >= 1 && src <= 0x20
	case 0x23:
		return src == 1 || src == 2 || src == 0x0a
	case 0x26:
		return src >= 1 && src <= 3
	}
	return false
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

// flow holds the requests that wait for their answers, and names of units so that a fact costs no memory twice.
type flow struct {
	asked [8]asking
	next  uint8
	units *[256]string
	text  [48]byte // scratch: the name of a program
}

// asking is a request; command is 0 where there is none.
type asking struct {
	command, first, n uint16
	node, sid, area   uint8
	name              [12]byte // of a file
}

// Reset keeps the names of units: they are the same in every conversation.
func (f *flow) Reset() { f.asked, f.next = [8]asking{}, 0 }

// Frame cuts at the length of FINS/TCP; out of step it looks for the next magic.
func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	for ; len(b)-skip >= 8; skip++ {
		h := b[skip:]
		if string(h[:4]) != magic {
			continue
		}
		if n := binary.BigEndian.Uint32(h[4:]); n >= 8 && n <= maxPDU {
			return skip, 8 + int(n)
		}
	}
	if synced && skip == 0 {
		return 0, 0
	}
	return skip, 0
}

// Decode reports one frame.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 || string(b[:4]) != magic {
		return f.frame(b, out)
	}
	if len(b) < tcpHeader {
		return dissect.Short
	}
	command := binary.BigEndian.Uint32(b[8:])
	if command == sendFrame {
		return f.frame(b[tcpHeader:], out)
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindSession, command, dir
	if m.Status = binary.BigEndian.Uint32(b[12:]); m.Status != 0 {
		m.Flags |= ot.Refused
	}
	switch {
	case command == 0:
		m.Dir = ot.Request
	case command == 1:
		m.Dir = ot.Response
		if len(b) >= 24 { // the client's node, the server's
			m.Unit = uint32(b[23])
		}
	}
	switch {
	case m.Dir == dir || dir == ot.DirNone:
	case m.Dir == ot.Request:
		out.Client(dir)
	default:
		out.Client(dir.Reverse())
	}
	out.End()
	return dissect.OK
}

// frame reports a command or its answer.
func (f *flow) frame(b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	if b[0]&0x3e != 0 || b[1] != 0 {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kindCommand, uint32(binary.BigEndian.Uint16(b[10:])), ot.Request, uint32(b[4])
	if b[0]&response == 0 {
		a := asking{command: uint16(m.Code), node: b[4], sid: b[9]}
		fault := f.request(m, &a, b[header:], out)
		out.End()
		f.asked[f.next%uint8(len(f.asked))] = a
		f.next++
		return fault
	}
	m.Dir, m.Unit = ot.Response, uint32(b[7])
	if len(b) < header+2 {
		out.End()
		return dissect.Short
	}
	// The highest bits tell of a relay and of errors of the CPU that have nothing to do with the command.
	if m.Status = uint32(binary.BigEndian.Uint16(b[12:]) & 0x7f3f); m.Status != 0 {
		m.Flags |= ot.Refused
		out.Also(kindEnd, m.Status, nil)
	}
	a := f.answered(uint16(m.Code), b[7], b[9])
	data := b[header+2:]
	fault, good := f.response(m, &a, data), m.Status == 0
	out.End()
	if good {
		f.tell(&a, data, out)
	}
	return fault
}

// answered takes the request that an answer belongs to.
func (f *flow) answered(command uint16, node, sid uint8) asking {
	for i := range f.asked {
		if a := f.asked[i]; a.command == command && a.sid == sid && a.node == node {
			f.asked[i].command = 0
			return a
		}
	}
	return asking{command: command}
}
