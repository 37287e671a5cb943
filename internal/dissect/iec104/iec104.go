// Package iec104 dissects IEC 60870-5-104 over TCP: the APCI with its I, S and
// U formats and the ASDU with its type, cause, common address and information
// objects. It does not follow sequence numbers: loss is the engine's to tell.
//
// APDU (clause 5):
//
//	68 | length | control 4 | ASDU, in I format only
//
// ASDU (IEC 60870-5-101, clause 7), in the sizes that 104 fixes:
//
//	type | SQ and number of objects | cause | originator | common address | object address, elements …
//	 1            1                    1         1           2 (LE)             3 (LE)
package iec104

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindType ot.Kind = iota
	kindCause
	kindAPCI
)

const (
	start     = 0x68
	minLen    = 4   // the control octets
	maxLen    = 253 // clause 5: 255 octets a APDU
	asduHead  = 6
	objectLen = 3 // information object address
)

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "iec104", Kinds: []string{"type", "cause", "apci"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{2404},
		MaxPDU:    maxLen + 2,
		MaxState:  256,
	}
}

// Probe accepts an APDU whose control octets fit their format, and whose type
// and cause are defined when it carries an ASDU.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	switch {
	case len(b) > 0 && b[0] != start, len(b) > 1 && (b[1] < minLen || b[1] > maxLen):
		return dissect.No
	case len(b) < 6:
		return dissect.More
	case !control(b):
		return dissect.No
	case b[2]&1 == 1:
		if len(b) > 6 && b[6] != start { // the next APDU
			return dissect.No
		}
		return dissect.Yes
	case b[1] < minLen+asduHead:
		return dissect.No
	case len(b) < 6+asduHead:
		return dissect.More
	case !knownType(b[6]), b[8]&causeMask == 0:
		return dissect.No
	}
	return dissect.Yes
}

// control says whether an APDU's length and control octets fit together: S and
// U formats have no ASDU, and a U format does one thing.
func control(b []byte) bool {
	switch b[2] & 3 {
	case 1:
		return b[1] == minLen && b[2] == 1 && b[3] == 0 && b[4]&1 == 0
	case 3:
		if b[1] != minLen || b[3]|b[4]|b[5] != 0 {
			return false
		}
		switch b[2] {
		case startAct, startCon, stopAct, stopCon, testAct, testCon:
			return true
		}
		return false
	}
	return b[4]&1 == 0
}

// The U formats, clause 5.1.
const (
	startAct = 0x07
	startCon = 0x0b
	stopAct  = 0x13
	stopCon  = 0x23
	testAct  = 0x43
	testCon  = 0x83
)

func (Protocol) Open() dissect.Flow { return &flow{} }

// flow knows which side is the controlling station once the protocol said so.
type flow struct {
	told     bool
	stations [8]uint16 // common addresses that were heard
	n        int
	name     [maxName]byte // what a command does
}

func (f *flow) Reset() { f.told, f.n = false, 0 }

func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	for i := 0; i < len(b); i++ {
		if b[i] != start {
			continue
		}
		rest := b[i:]
		switch {
		case len(rest) < 2:
			return i, 0
		case rest[1] < minLen || rest[1] > maxLen:
			continue
		case i == 0 && synced:
			return 0, int(rest[1]) + 2
		case len(rest) < 6:
			return i, 0
		case control(rest): // out of step: 0x68 alone is too weak
			return i, int(rest[1]) + 2
		}
	}
	return len(b), 0
}

func (f *flow) Decode(dir ot.Dir, pdu []byte, out *dissect.Sink) dissect.Fault {
	switch {
	case len(pdu) < 6:
		return dissect.Short
	case pdu[0] != start || pdu[1] < minLen || pdu[1] > maxLen:
		return dissect.Alien
	case int(pdu[1])+2 > len(pdu):
		return dissect.Short
	}
	pdu = pdu[:int(pdu[1])+2]
	if pdu[2]&1 == 0 {
		return f.asdu(dir, pdu[6:], out)
	}
	code := uint32(pdu[2])
	if pdu[2]&3 == 1 {
		code = 1
	}
	switch code {
	case startAct, stopAct:
		f.client(dir, out)
	case startCon, stopCon:
		f.client(dir.Reverse(), out)
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindAPCI, code, dir
	out.End()
	return dissect.OK
}

// client tells the engine once who the controlling station is.
func (f *flow) client(dir ot.Dir, out *dissect.Sink) {
	if !f.told && dir != ot.DirNone {
		f.told = true
		out.Client(dir)
	}
}

// station reports a common address of the controlled station, once each.
func (f *flow) station(address uint16, out *dissect.Sink) {
	for _, known := range f.stations[:f.n] {
		if known == address {
			return
		}
	}
	if f.n < len(f.stations) {
		f.stations[f.n] = address
		f.n++
		out.Fact("iec104.common_address", strconv.AppendUint(f.name[:0], uint64(address), 10))
	}
}
