// Package s7comm dissects S7comm, the protocol of Siemens S7-300/400 (and of
// 1200/1500 where PUT/GET is allowed), with the TPKT and COTP layers under it:
// variable access, block transfer, program invocation, system status lists
// and what they tell of a controller's identity. S7comm-plus (protocol id 0x72)
// shares port and conversation; package plus reads it.
//
// Siemens never published S7comm; the layout below is what public
// implementations agree on (references in catalog/protocols/s7comm.yaml).
//
//	TPKT, RFC 1006 clause 6        0  1  version 3
//	                               1  1  reserved
//	                               2  2  length with this header
//	COTP, ISO 8073 / X.224 13      4  1  length of the COTP header without this byte
//	                               5  1  0xF0 DT data, 0xE0 CR, 0xD0 CC, 0x80 DR …
//	  DT only                      6  1  0x80: last fragment
//	S7comm                         0  1  0x32
//	                               1  1  ROSCTR: 1 job, 2 ack, 3 ack with data, 7 user data
//	                               2  2  reserved
//	                               4  2  PDU reference
//	                               6  2  length of the parameters
//	                               8  2  length of the data
//	  ROSCTR 2 and 3               10 2  error class, error code
package s7comm

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/s7comm/plus"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindFunction ot.Kind = iota
	kindUserdata         // function group × 256 + sub-function
	kindSZL              // id of a system status list
	kindPI               // name of a program invocation service
)

const (
	tpktHeader  = 4
	cotpData    = 0xf0
	endOfUnit   = 0x80
	protocolID  = 0x32
	s7Header    = 10
	maxPDU      = 8192 + 16 // the largest TPDU that COTP can agree on, and its headers
	maxFragment = 16 << 10  // of one S7comm PDU cut over several TPDUs
	maxList     = 4 << 10   // of an identity list cut over several PDUs

	rosctrJob      = 1
	rosctrAck      = 2
	rosctrAckData  = 3
	rosctrUserdata = 7
)

// Protocol is the S7comm dissector.
type Protocol struct{}

// Spec names S7comm and its usual port.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "s7comm", Kinds: []string{"function", "userdata", "szl", "pi-service"}}, plus.Naming()},
		Transport: dissect.TCP,
		TCP:       []uint16{102},
		MaxPDU:    maxPDU,
		MaxState:  2*maxFragment + maxList + 5*maxAsked + maxWanted + 256,
	}
}

// Probe walks over connection set-up to the first data, whose first byte tells
// S7comm and S7comm-plus from MMS and everything else that ISO on TCP carries.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	for {
		if len(b) > 0 && b[0] != 3 || len(b) > 1 && b[1] != 0 {
			return dissect.No
		}
		if len(b) < 7 {
			return dissect.More
		}
		n, li := int(binary.BigEndian.Uint16(b[2:])), int(b[4])
		if n < 7 || n > maxPDU || li < 2 || li > n-5 {
			return dissect.No
		}
		switch b[5] & 0xf0 {
		case cotpData:
			if li != 2 {
				return dissect.No
			}
			if n == 7 { // empty fragments open some sessions
				break
			}
			if len(b) < 9 {
				return dissect.More
			}
			if plus.Known(b[7:]) {
				return dissect.Yes
			}
			if r := b[8]; b[7] != protocolID || r != rosctrJob && r != rosctrAck && r != rosctrAckData && r != rosctrUserdata {
				return dissect.No
			}
			return dissect.Yes
		case 0xe0, 0xd0: // connection request and confirm
		default:
			return dissect.No
		}
		if len(b) < n {
			return dissect.More
		}
		b = b[n:]
	}
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{plus: plus.State{As: 1}} }

// flow holds fragments, by direction, and the identity list in transfer.
type flow struct {
	part      [3]fragment
	list      list
	asked     asked
	scratch   [40]byte // of a block's readable name, of a version
	plus      plus.State
	wanted    []byte // the block that an upload was asked for
	uploading bool
}

// fragment is an S7comm PDU of which TPDUs are still missing.
type fragment struct {
	buf  []byte
	lost bool // too long: dropped until its end
}

func (f *flow) Reset() {
	for i := range f.part {
		f.part[i].buf, f.part[i].lost = f.part[i].buf[:0], false
	}
	f.list.reset()
	f.asked = asked{}
	f.plus.Reset()
	f.wanted, f.uploading = f.wanted[:0], false
}

// Frame cuts at TPKT's length; out of step it looks for a TPKT that carries COTP data.
func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	if !synced {
		f.part[dir%3] = fragment{buf: f.part[dir%3].buf[:0]}
	}
	if len(b) < tpktHeader {
		return 0, 0
	}
	if synced && b[0] == 3 && b[1] == 0 {
		if n := int(binary.BigEndian.Uint16(b[2:])); n >= 7 {
			return 0, n
		}
	}
	for ; len(b)-skip >= 9; skip++ {
		h := b[skip:]
		if h[0] != 3 || h[1] != 0 {
			continue
		}
		n := int(binary.BigEndian.Uint16(h[2:]))
		if h[4] == 2 && h[5] == cotpData && n >= 7+s7Header && n <= maxPDU && (h[7] == protocolID || plus.Known(h[7:])) {
			return skip, n
		}
		if (h[5] == 0xe0 || h[5] == 0xd0) && n == int(h[4])+5 && n < 128 {
			return skip, n
		}
	}
	return skip, 0
}

// Decode reports the S7comm PDU that a TPKT completes, if it does.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 7 {
		return dissect.Short
	}
	n, li := int(binary.BigEndian.Uint16(b[2:])), int(b[4])
	if b[0] != 3 || li < 2 || li > n-5 {
		return dissect.Alien
	}
	if n > len(b) {
		return dissect.Short
	}
	b = b[:n]
	if b[5] != cotpData {
		switch b[5] & 0xf0 {
		case 0xe0, 0xd0, 0x80, 0xc0, 0x70, 0x10, 0x20, 0x60: // connect, confirm, disconnect, error, expedited and acknowledge
			return dissect.OK
		}
		return dissect.Alien
	}
	payload, last := b[5+li:], b[6]&endOfUnit != 0
	part := &f.part[dir%3]
	if last && len(part.buf) == 0 && !part.lost { // nearly always
		return f.pdu(dir, payload, out)
	}
	if len(part.buf)+len(payload) > maxFragment {
		part.lost = true
	}
	if part.lost {
		part.buf = part.buf[:0]
		part.lost = !last
		if last {
			return dissect.BadValue
		}
		return dissect.OK
	}
	part.buf = append(part.buf, payload...)
	if !last {
		return dissect.OK
	}
	fault := f.pdu(dir, part.buf, out)
	part.buf = part.buf[:0]
	return fault
}

func (f *flow) pdu(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) == 0 || f.plus.TLS(dir, b, out) {
		return dissect.OK
	}
	if b[0] == plus.ID {
		return f.plus.Decode(dir, b, out)
	}
	if b[0] != protocolID {
		return dissect.Alien
	}
	if len(b) < s7Header {
		return dissect.Short
	}
	rosctr, np, nd := b[1], int(binary.BigEndian.Uint16(b[6:])), int(binary.BigEndian.Uint16(b[8:]))
	body, status := b[s7Header:], uint32(0)
	if rosctr == rosctrAck || rosctr == rosctrAckData {
		if len(body) < 2 {
			return dissect.Short
		}
		status = uint32(binary.BigEndian.Uint16(body))
		body = body[2:]
	}
	fault, ref := dissect.OK, binary.BigEndian.Uint16(b[4:])
	if np > len(body) || nd > len(body)-np {
		fault = dissect.Short
	}
	param := body[:min(np, len(body))]
	data := body[len(param):]
	data = data[:min(nd, len(data))]
	if len(param) == 0 { // an acknowledgement alone
		return fault
	}
	switch rosctr {
	case rosctrJob:
		if param[0] == setupCommunication && dir == ot.Response {
			out.Client(ot.Response) // the engine took the caller for the server
		}
		fault = max(fault, f.job(ref, param, data, out))
	case rosctrAckData:
		fault = max(fault, f.answer(ref, param, data, status, out))
	case rosctrUserdata:
		fault = max(fault, f.userdata(param, data, out))
	case rosctrAck:
	default:
		fault = dissect.BadValue
	}
	return fault
}
