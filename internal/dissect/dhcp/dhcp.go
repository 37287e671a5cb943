// Package dhcp reads DHCP and BOOTP for IPv4 (RFC 2131, 2132): which host asks,
// what it calls itself, and which address it was really given.
//
//	0 op 1 | 1 htype 1 | 2 hlen 1 | 3 hops 1 | 4 xid 4 | 8 secs 2 | 10 flags 2
//	12 ciaddr 4 | 16 yiaddr 4 | 20 siaddr 4 | 24 giaddr 4 | 28 chaddr 16
//	44 sname 64 | 108 file 128 | 236 magic 63825363 | 240 options: code 1, length 1, value
package dhcp

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const message ot.Kind = 0 // option 53; 0 is BOOTP, which has none

const (
	header = 236
	magic  = 0x63825363
	ack    = 5
	offer  = 2
)

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "dhcp", Kinds: []string{"message"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{67, 68},
		MaxPDU:    4096,
		MaxState:  16,
	}
}

func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < header+4 || b[0] != 1 && b[0] != 2 || b[2] > 16 || binary.BigEndian.Uint32(b[header:]) != magic {
		return dissect.No
	}
	return dissect.Yes
}

func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [16]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

// options holds what is read of a message's options; the slices alias the PDU.
type options struct {
	kind                   byte
	hostname, vendor, fqdn []byte
	requested, server      []byte
}

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	if b[0] != 1 && b[0] != 2 || b[2] > 16 {
		return dissect.Alien
	}
	var o options
	fault := dissect.OK
	if len(b) >= header+4 && binary.BigEndian.Uint32(b[header:]) == magic {
		o, fault = read(b[header+4:])
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = message, uint32(o.kind), ot.Dir(b[0])
	out.End()

	if b[1] != 1 || b[2] != 6 {
		return fault // not Ethernet: the client has no MAC that we would know it by
	}
	client := ot.Host{MAC: ot.MAC(b[28:34])}
	if client.MAC == (ot.MAC{}) || client.MAC.Group() {
		return fault
	}
	if b[0] == 1 {
		if ip := netip.AddrFrom4([4]byte(b[12:16])); !ip.IsUnspecified() {
			client.IP = ip
		}
		out.FactOf(client, "dhcp.hostname", o.hostname)
		out.FactOf(client, "dhcp.fqdn", o.fqdn)
		out.FactOf(client, "dhcp.vendor_class", o.vendor)
		if len(o.requested) == 4 {
			out.FactOf(client, "dhcp.requested_ip", f.ip(o.requested))
		}
		return fault
	}
	out.FactOf(client, "dhcp.given_name", o.hostname) // some servers name the hosts they serve
	given := netip.AddrFrom4([4]byte(b[16:20]))
	switch {
	case given.IsUnspecified():
	case o.kind == ack:
		out.FactOf(ot.Host{MAC: client.MAC, IP: given}, "dhcp.ip", given.AppendTo(f.text[:0]))
	case o.kind == offer || o.kind == 0:
		out.FactOf(client, "dhcp.offered_ip", given.AppendTo(f.text[:0]))
	}
	if len(o.server) == 4 { // a relay forwards answers: the server is who option 54 names
		server, _ := netip.AddrFromSlice(o.server)
		about := ot.Host{IP: server}
		if out.Src.IP == server {
			about = out.Src
		}
		out.FactOf(about, "dhcp.server", f.ip(o.server))
	}
	return fault
}

func (f *flow) ip(b []byte) []byte { return netip.AddrFrom4([4]byte(b)).AppendTo(f.text[:0]) }

func read(b []byte) (options, dissect.Fault) {
	var o options
	for len(b) > 0 {
		code := b[0]
		if code == 0 { // padding
			b = b[1:]
			continue
		}
		if code == 255 {
			return o, dissect.OK
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return o, dissect.Short
		}
		value := b[2 : 2+int(b[1])]
		b = b[2+int(b[1]):]
		switch code {
		case 12:
			o.hostname = trim(value)
		case 50:
			o.requested = value
		case 53:
			if len(value) == 1 {
				o.kind = value[0]
			}
		case 54:
			o.server = value
		case 60:
			o.vendor = trim(value)
		case 81: // flags 1, two obsolete bytes, name: as text unless flag E says DNS encoding
			if len(value) > 3 && value[0]&4 == 0 {
				o.fqdn = trim(value[3:])
			}
		}
	}
	return o, dissect.OK
}

// trim drops the NUL that some clients send with their text.
func trim(b []byte) []byte { return bytes.TrimRight(b, "\x00") }

func (f *flow) Reset() {}
