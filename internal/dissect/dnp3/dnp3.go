// Package dnp3 dissects DNP3 (IEEE 1815-2012) over TCP and UDP: the data link
// frame with its CRC blocks, the transport function and the application
// fragments with their object headers. It does not judge who may send what.
//
// Data link frame (clause 9.2):
//
//	05 64 | length | control | destination | source | CRC | up to 16 × 16 bytes of user data, each with CRC
//	  2       1         1      2 (LE)        2 (LE)   2
//
// length counts control, addresses and user data. Each user data block starts
// the transport function's segment (clause 8.2) with FIN, FIR and a sequence.
package dnp3

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindFunction ot.Kind = iota
	kindObject           // group << 8 | variation
	kindIIN              // bit of the internal indications, 0 … 15
	kindLink             // data link function without user data; 0x40 is set when it comes from the primary station
)

const (
	headerLen   = 10
	blockLen    = 16
	maxFrame    = 292  // 10 + 250 bytes in 16 blocks with 2 bytes of CRC each
	maxFragment = 4096 // the standard recommends 2048; larger ones exist
)

type protocol struct{ crc *crcTable }

// New returns the dissector.
func New() dissect.Protocol { return protocol{crc: newCRC()} }

func (protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "dnp3", Kinds: []string{"function", "object", "iin", "link"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{20000},
		UDP:       []uint16{20000},
		MaxPDU:    maxFrame,
		MaxState:  2*maxFragment + 4096,
	}
}

func (p protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	switch {
	case len(b) > 0 && b[0] != 0x05, len(b) > 1 && b[1] != 0x64, len(b) > 2 && b[2] < 5:
		return dissect.No
	case len(b) < headerLen:
		return dissect.More
	case !p.crc.ok(b[:headerLen]):
		return dissect.No
	}
	return dissect.Yes
}

func (p protocol) Open() dissect.Flow { return &flow{crc: p.crc} }

// flow is one conversation: a fragment in the making for each side, and what
// the master asked, so that a response gets the class of its request.
type flow struct {
	crc     *crcTable
	segment [2]fragment  // by the DIR bit: 0 from the outstation, 1 from the master
	asked   [16]ot.Class // by application sequence
	told    bool         // Client was called
	units   outstations

	data   [maxFrame]byte  // user data of the frame in hand, without CRC
	number [maxNumber]byte // a device attribute that must be rendered
	name   [maxName]byte   // what a command does
}

// fragment is an application fragment that came in several segments.
type fragment struct {
	buf      []byte // capacity maxFragment once used
	open     bool
	seq      byte // of the last segment
	src, dst uint16
}

func (f *flow) Reset() {
	f.segment[0].open, f.segment[1].open = false, false
	f.asked = [16]ot.Class{}
	f.told, f.units.n = false, 0
}

func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	for i := 0; ; i++ {
		for i < len(b) && b[i] != 0x05 {
			i++
		}
		rest := b[i:]
		switch {
		case len(rest) == 0:
			return i, 0
		case len(rest) > 1 && rest[1] != 0x64, len(rest) > 2 && rest[2] < 5:
			continue
		case len(rest) < headerLen:
			return i, 0
		case !f.crc.ok(rest[:headerLen]):
			continue
		}
		return i, frameLen(rest[2])
	}
}

// frameLen is the whole length of a frame whose length field says l ≥ 5.
func frameLen(l byte) int {
	user := int(l) - 5
	return headerLen + user + (user+blockLen-1)/blockLen*2
}

// Decode gets one frame, or a datagram with one or more of them.
func (f *flow) Decode(dir ot.Dir, pdu []byte, out *dissect.Sink) dissect.Fault {
	for first := true; len(pdu) > 0; first = false {
		switch {
		case len(pdu) < headerLen:
			return dissect.Short
		case pdu[0] != 0x05 || pdu[1] != 0x64 || pdu[2] < 5:
			if first {
				return dissect.Alien
			}
			return dissect.BadValue
		case !f.crc.ok(pdu[:headerLen]):
			return dissect.BadValue
		}
		n := frameLen(pdu[2])
		if n > len(pdu) {
			return dissect.Short
		}
		if fault := f.frame(dir, pdu[:n], out); fault != dissect.OK {
			return fault
		}
		pdu = pdu[n:]
	}
	return dissect.OK
}

// The bits of the control byte, clause 9.2.4.1.3.
const (
	ctlDIR  = 0x80 // from the master
	ctlPRM  = 0x40 // from the primary station
	ctlFunc = 0x0f

	resetLink  = 0
	linkStatus = 9
)

func (f *flow) frame(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	ctl := b[3]
	dst := uint16(b[4]) | uint16(b[5])<<8
	src := uint16(b[6]) | uint16(b[7])<<8
	side, unit := 0, src
	if ctl&ctlDIR != 0 {
		side, unit = 1, dst
	}
	function := ctl & ctlFunc
	// Functions 3 and 4 carry user data; what stands behind others than a reset
	// and a status request is read as well: some outstations act on it.
	carries := ctl&ctlPRM != 0 && len(b) > headerLen && function != resetLink && function != linkStatus
	if !carries {
		m := out.Begin()
		m.Kind, m.Code, m.Dir, m.Unit = kindLink, uint32(ctl&(ctlPRM|ctlFunc)), ot.Response, uint32(unit)
		if ctl&ctlPRM != 0 {
			m.Dir = ot.Request
		}
		out.End()
		return dissect.OK
	}
	if !f.told && dir != ot.DirNone {
		f.told = true
		if side == 0 {
			dir = dir.Reverse()
		}
		out.Client(dir) // the link says who is the master, whoever opened the connection
	}
	user := f.data[:0]
	for rest := b[headerLen:]; len(rest) > 2; {
		n := min(blockLen+2, len(rest))
		if !f.crc.ok(rest[:n]) {
			return dissect.BadValue
		}
		user = append(user, rest[:n-2]...)
		rest = rest[n:]
	}
	if len(user) < 1 {
		return dissect.Short
	}
	whole := f.segment[side].add(user, src, dst)
	if whole == nil {
		return dissect.OK
	}
	return f.application(side, unit, whole, out)
}

// The bits of the transport octet, clause 8.2.2.
const (
	tpFIN = 0x80
	tpFIR = 0x40
	tpSeq = 0x3f
)

// add takes one transport segment and returns the fragment that it completes, or nil.
func (s *fragment) add(user []byte, src, dst uint16) []byte {
	th, data := user[0], user[1:]
	if th&tpFIR != 0 {
		s.open = false
		if th&tpFIN != 0 {
			return data
		}
		if s.buf == nil {
			s.buf = make([]byte, 0, maxFragment)
		}
		s.buf = append(s.buf[:0], data...)
		s.open, s.seq, s.src, s.dst = true, th&tpSeq, src, dst
		return nil
	}
	if !s.open || s.src != src || s.dst != dst {
		return nil // its beginning was not heard
	}
	if th&tpSeq == s.seq {
		return nil // repeated by the link
	}
	if th&tpSeq != (s.seq+1)&tpSeq || len(s.buf)+len(data) > maxFragment {
		s.open = false
		return nil
	}
	s.buf, s.seq = append(s.buf, data...), th&tpSeq
	if th&tpFIN == 0 {
		return nil
	}
	s.open = false
	return s.buf
}
