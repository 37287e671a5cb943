// Package bacnet dissects BACnet (ANSI/ASHRAE 135-2020) over UDP (annex J, and
// annex U for IPv6), over IEEE 802.2 (clause 7) and the MS/TP frames that a
// gateway copies to Ethernet: link layer, network layer with routing,
// application layer with its services, and the properties that identify a device.
//
// BVLC (annex J.2):  81 | function | length 2 | [original address 6] | NPDU
// NPDU (clause 6.2): 01 | control | [DNET 2, DLEN, DADR] | [SNET 2, SLEN, SADR] | [hop count] | message type or APDU
// APDU (clause 20.1): type and flags | … | invoke id | [sequence, window] | service | parameters
package bacnet

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/vendorid"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindConfirmed ot.Kind = iota
	kindUnconfirmed
	kindBVLC    // link functions that carry no NPDU
	kindNetwork // network layer message types
	kindPDU     // APDU types without a service: segment ack, reject, abort
	kindError   // error code of an error PDU
	kindMSTP    // MS/TP frame type
)

const (
	llcSAP    = 0x82
	cimetrics = 0x001090<<16 | 0x0001 // SNAP: MS/TP frames as Cimetrics' adapters put them on Ethernet
	maxWhole  = 32 << 10              // bytes of a segmented answer
)

var vendors = vendorid.New("bacnet")

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "bacnet", Kinds: []string{
			"confirmed-service", "unconfirmed-service", "bvlc", "network", "pdu", "error", "mstp",
		}}},
		Transport: dissect.UDP | dissect.Ether,
		UDP:       []uint16{47808},
		LLC:       []uint8{llcSAP},
		SNAP:      []uint64{cimetrics},
		MaxPDU:    2048,
		MaxState:  maxWhole + 4096,
	}
}

// The BVLC types, annex J.2 and U.2.
const (
	bvlcIP4 = 0x81
	bvlcIP6 = 0x82

	annexU = 0x100 // added to the functions of annex U, whose numbers mean other things
)

// Probe accepts a BVLC header whose length is the datagram's. What could be an
// NPDU in a frame of its own is left to the DSAP: its first octets are too weak.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= 2 && b[0] == 1 && b[1]&npduReserved == 0 || isMSTP(b) {
		return dissect.More
	}
	if len(b) < 4 || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
		return dissect.No
	}
	var header int
	switch {
	case b[0] == bvlcIP4 && b[1] <= 0x0c:
		header = ip4Header(b[1])
	case b[0] == bvlcIP6 && b[1] <= 0x0c:
		header = ip6Header(b[1])
	default:
		return dissect.No
	}
	if header > 0 && (len(b) < header+2 || b[header] != 1) { // NPDU version
		return dissect.No
	}
	return dissect.Yes
}

func (Protocol) Open() dissect.Flow { return &flow{} }

// flow is what one pair of addresses is in the middle of.
type flow struct {
	whole  assembly
	told   bool // Client was called
	points int  // object names reported
	names  modules
	text   [ot.MaxFact]byte
	name   [maxName]byte // what a request does
}

func (f *flow) Reset() {
	f.whole.open = false
	f.told, f.points = false, 0
	f.names = modules{}
}

// Frame is not called: datagrams and frames only.
func (f *flow) Frame(ot.Dir, []byte, bool) (skip, n int) { return 0, 0 }

func (f *flow) Decode(dir ot.Dir, pdu []byte, out *dissect.Sink) dissect.Fault {
	c := context{flow: f, out: out, dir: dir, about: out.Src}
	if !out.Src.IP.IsValid() || out.SrcPort == 0 && out.DstPort == 0 { // a frame of its own
		return c.ether(pdu)
	}
	if len(pdu) < 4 {
		return dissect.Short
	}
	n := int(binary.BigEndian.Uint16(pdu[2:]))
	header := 0
	switch {
	case pdu[0] == bvlcIP4 && pdu[1] <= 0x0c:
		header = ip4Header(pdu[1])
	case pdu[0] == bvlcIP6 && pdu[1] <= 0x0c:
		header = ip6Header(pdu[1])
	default:
		return dissect.Alien
	}
	if n < 4 {
		return dissect.BadValue
	}
	if n > len(pdu) {
		return dissect.Short
	}
	pdu = pdu[:n]
	if header == 0 {
		return c.bvlc(pdu)
	}
	if len(pdu) < header {
		return dissect.Short
	}
	switch { // forwarded: a broadcast device speaks for another
	case pdu[0] == bvlcIP4 && pdu[1] == 0x04:
		c.forwarded = true
		c.about = ot.Host{Realm: out.Src.Realm, IP: netip.AddrFrom4([4]byte(pdu[4:8]))}
	case pdu[0] == bvlcIP6 && pdu[1] == 0x08:
		c.forwarded = true
		c.about = ot.Host{Realm: out.Src.Realm, IP: netip.AddrFrom16([16]byte(pdu[7:23]))}
	}
	return c.npdu(pdu[header:])
}

// ip4Header is the length before the NPDU, 0 for functions without one.
func ip4Header(function byte) int {
	switch function {
	case 0x04: // Forwarded-NPDU
		return 10
	case 0x09, 0x0a, 0x0b: // Distribute-Broadcast-To-Network, Original-Unicast, Original-Broadcast
		return 4
	}
	return 0
}

func ip6Header(function byte) int {
	switch function {
	case 0x01: // Original-Unicast: source and destination virtual address
		return 10
	case 0x02, 0x0c: // Original-Broadcast, Distribute-Broadcast-To-Network
		return 7
	case 0x08: // Forwarded: virtual address and IPv6 address with port of the origin
		return 4 + 3 + 18
	}
	return 0
}

// bvlc reports a link function without an NPDU; BVLC-Result tells whether one was refused.
func (c *context) bvlc(pdu []byte) dissect.Fault {
	m := c.out.Begin()
	m.Kind, m.Code, m.Dir = kindBVLC, uint32(pdu[1]), ot.Request
	if pdu[0] == bvlcIP6 {
		m.Code |= annexU
	}
	switch m.Code {
	case 0x00, annexU:
		m.Dir = ot.Response
		if len(pdu) >= 6 {
			if m.Status = uint32(binary.BigEndian.Uint16(pdu[len(pdu)-2:])); m.Status != 0 {
				m.Flags |= ot.Refused
			}
		}
	case 0x03, 0x07, annexU | 0x05, annexU | 0x07:
		m.Dir = ot.Response
	}
	c.out.End()
	return dissect.OK
}

// context is one PDU on its way through the layers.
type context struct {
	flow      *flow
	out       *dissect.Sink
	dir       ot.Dir
	about     ot.Host // who speaks: the sender, the origin that it forwards for, or a device behind it
	forwarded bool
	remote    bool   // about is behind a router
	net       uint16 // source or destination network, if routed
}
