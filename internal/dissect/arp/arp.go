// Package arp reads ARP (RFC 826), which tells which hardware address really
// has which IPv4 address on this wire: a frame's own source address may be a
// router's.
//
//	0  hardware type 2 | 2 protocol type 2 | 4 hlen 1 | 5 plen 1 | 6 operation 2
//	8  sender MAC 6    | 14 sender IP 4    | 18 target MAC 6 | 24 target IP 4
package arp

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	operation ot.Kind = iota
	purpose           // what a request is for, where its addresses tell
)

// The purposes.
const (
	gratuitous = 1 // a host announces its own address
	probe      = 2 // a host asks whether the address that it wants is free (RFC 5227)
)

const size = 28

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "arp", Kinds: []string{"operation", "purpose"}}},
		Transport: dissect.Ether,
		Ether:     []uint16{0x0806},
		MaxPDU:    1500,
		MaxState:  16,
	}
}

func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= size && ethernetIPv4(b) && b[6] == 0 && b[7] >= 1 && b[7] <= 10 {
		return dissect.Yes
	}
	return dissect.No
}

func ethernetIPv4(b []byte) bool {
	return b[0] == 0 && (b[1] == 1 || b[1] == 6) && b[2] == 8 && b[3] == 0 && b[4] == 6 && b[5] == 4
}

func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [16]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < size {
		return dissect.Short
	}
	if !ethernetIPv4(b) {
		return dissect.Alien
	}
	op := binary.BigEndian.Uint16(b[6:])
	if op < 1 || op > 10 {
		return dissect.BadValue
	}
	mac := ot.MAC(b[8:14])
	sender, target := netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))

	m := out.Begin()
	m.Kind, m.Code = operation, uint32(op)
	switch op {
	case 1, 3, 5, 8: // ARP, RARP, DRARP, InARP
		m.Dir = ot.Request
	case 2, 4, 6, 9:
		m.Dir = ot.Response
	}
	switch {
	case sender.IsUnspecified():
		out.Also(purpose, probe, nil)
	case sender == target:
		out.Also(purpose, gratuitous, nil)
	}
	out.End()

	// Only the sender's pair is a statement; the target's MAC is what somebody else remembers.
	if mac == (ot.MAC{}) || mac.Group() || sender.IsUnspecified() || sender.IsMulticast() || sender.As4() == [4]byte{255, 255, 255, 255} {
		return dissect.OK
	}
	out.FactOf(ot.Host{MAC: mac, IP: sender}, "arp.ip", sender.AppendTo(f.text[:0]))
	return dissect.OK
}

func (f *flow) Reset() { *f = flow{} }
