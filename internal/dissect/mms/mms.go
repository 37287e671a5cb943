// Package mms dissects MMS, the Manufacturing Message Specification (ISO
// 9506), by which IEC 61850 and TASE.2 (ICCP) read, control and configure
// substations, with the layers under it: TPKT, COTP, session, presentation and
// ACSE, or MMS on COTP alone. It names variables, files, domains and programs,
// tells reading from operating, and takes the identity that servers state.
// It is not for GOOSE, which has no association (package goose).
//
//	TPKT, RFC 1006           3, 0, length 2
//	COTP, X.224              length of the header, 0xf0 data (0xe0, 0xd0 connect), 0x80 on the last part
//	session, X.225           0x0d connect, 0x0e accept, 0x01 0x00 0x01 0x00 data
//	presentation, X.226      0x31 connect; 0x61 { 0x30 { 0x02 context, 0xa0 { … } } }
//	ACSE, X.227              0x60 request, 0x61 response { … 0xbe { 0x28 { 0x02, 0xa0 { MMS } } } }
//	MMS, ISO 9506-2          0xa0 request { 0x02 invoke id, [service] … }, 0xa1 response, 0xa2 error,
//	                         0xa3 unconfirmed, 0xa4 reject, 0x85 to 0xa7 cancel, 0xa8 to 0xaa initiate, 0x8b to 0xad conclude
package mms

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindService     ot.Kind = iota // number of a confirmed service
	kindPDU                        // number of an MMS PDU that is neither confirmed request nor response
	kindUnconfirmed                // number of an unconfirmed service
)

const (
	cotpData    = 0xf0
	endOfUnit   = 0x80
	maxPDU      = 8192 + 16
	maxFragment = 64 << 10 // of one MMS PDU cut over several TPDUs
)

// Protocol is the dissector.
type Protocol struct{}

// Spec names MMS and the port that all ISO transport shares.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "mms", Kinds: []string{"service", "pdu", "unconfirmed"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{102},
		MaxPDU:    maxPDU,
		MaxState:  2*maxFragment + 2048,
	}
}

// Probe walks over connection set-up to the first data. A session that
// connects must name the syntax of MMS; one that runs must carry an MMS PDU.
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
			if v, onward := probeData(b[7:min(n, len(b))], n-7, li); !onward {
				return v
			}
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

// probeData judges the user data of one TPDU, whole bytes long; onward says that it tells nothing yet.
func probeData(b []byte, whole, li int) (v dissect.Verdict, onward bool) {
	if li != 2 {
		return dissect.No, false
	}
	if whole == 0 {
		return dissect.No, true
	}
	if len(b) < min(whole, 2) {
		return dissect.More, false
	}
	switch {
	case b[0] == 0x0d && whole > 30: // a session that connects
		if bytes.Contains(b, []byte(syntax)) {
			return dissect.Yes, false
		}
		if len(b) < whole {
			return dissect.More, false
		}
		return dissect.No, false
	case b[0] == 0x0e && whole > 20:
		return dissect.No, true
	case b[0] == 1 && b[1] == 0:
		if len(b) < min(whole, 12) {
			return dissect.More, false
		}
		if whole < 12 || b[2] != 1 || b[3] != 0 || b[4] != 0x61 {
			return dissect.No, false
		}
		if pdv, _, ok := presentation(b[4:]); ok {
			if isPDU(pdv, false) {
				return dissect.Yes, false
			}
			return dissect.No, false
		}
		if len(b) < whole {
			return dissect.More, false
		}
		return dissect.No, true // a part of a longer one
	}
	if whole >= 4 && isPDU(b, len(b) < whole) {
		return dissect.Yes, false
	}
	return dissect.No, false
}

// syntax is MMS' abstract syntax 1.0.9506.2.
const syntax = "\x28\xca\x22\x02"

// isPDU says whether b begins with an MMS PDU that fills it; cut says that b's end is missing.
func isPDU(b []byte, cut bool) bool {
	if len(b) < 4 {
		return false
	}
	size := 2
	n := int(b[1])
	switch {
	case n == 0x81:
		n, size = int(b[2]), 3
	case n == 0x82:
		n, size = int(b[2])<<8|int(b[3]), 4
	case n >= 0x80:
		return false
	}
	if size+n != len(b) && (!cut || size+n < len(b)) || len(b) <= size {
		return false
	}
	switch b[0] {
	case 0xa0, 0xa1:
		return b[size] == 0x02
	case 0xa2:
		return b[size] == 0x80
	case 0xa3:
		return b[size]&0xe0 == 0xa0
	case 0xa8, 0xa9:
		return b[size] == 0x80 || b[size] == 0x81
	}
	return false
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	part        [3][]byte
	lost        [3]bool
	asked       [16]question
	next        uint8
	client      bool
	application bool // it was told what speaks over MMS
	name        [280]byte
	text        [ot.MaxFact]byte
}

// question is a confirmed request until its answer comes.
type question struct {
	id      uint32
	dir     ot.Dir // of the answer
	service uint8  // 0xff: none
	detail  uint8  // what the answer tells
}

func (f *flow) Reset() {
	for i := range f.part {
		f.part[i], f.lost[i] = f.part[i][:0], false
	}
	f.asked, f.next, f.client, f.application = [16]question{}, 0, false, false
}

// Frame cuts at TPKT's length; out of step it looks for a TPKT that carries COTP data with MMS in it.
func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	if !synced {
		f.part[dir%3], f.lost[dir%3] = f.part[dir%3][:0], false
	}
	if len(b) < 4 {
		return 0, 0
	}
	if synced && b[0] == 3 && b[1] == 0 {
		if n := int(binary.BigEndian.Uint16(b[2:])); n >= 5 {
			return 0, n
		}
	}
	for ; len(b)-skip >= 12; skip++ {
		h := b[skip:]
		if h[0] != 3 || h[1] != 0 {
			continue
		}
		n := int(binary.BigEndian.Uint16(h[2:]))
		if h[4] == 2 && h[5] == cotpData && n > 11 && n <= maxPDU && (h[7] == 1 && h[8] == 0 && h[9] == 1 && h[10] == 0 && h[11] == 0x61 || h[7] >= 0xa0 && h[7] <= 0xa3) {
			return skip, n
		}
		if (h[5] == 0xe0 || h[5] == 0xd0) && n == int(h[4])+5 && n < 128 {
			return skip, n
		}
	}
	return skip, 0
}

// Decode reports the MMS PDU that a TPKT completes, if it does.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 7 {
		return dissect.Short
	}
	n, li := int(binary.BigEndian.Uint16(b[2:])), int(b[4])
	if b[0] != 3 || b[1] != 0 {
		return dissect.Alien
	}
	if n > len(b) {
		return dissect.Short
	}
	if li < 2 || li > n-5 {
		return dissect.BadValue
	}
	b = b[:n]
	if b[5] != cotpData {
		return dissect.OK // connect, confirm, disconnect, error
	}
	payload, last := b[5+li:], b[6]&endOfUnit != 0
	part, lost := &f.part[dir%3], &f.lost[dir%3]
	if last && len(*part) == 0 && !*lost {
		return f.session(dir, payload, out)
	}
	if len(*part)+len(payload) > maxFragment {
		*lost = true
	}
	if *lost {
		*part, *lost = (*part)[:0], !last
		if last {
			return dissect.BadValue
		}
		return dissect.OK
	}
	*part = append(*part, payload...)
	if !last {
		return dissect.OK
	}
	fault := f.session(dir, *part, out)
	*part = (*part)[:0]
	return fault
}
