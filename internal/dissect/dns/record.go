package dns

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The record types that are read.
const (
	typeA    = 1
	typePTR  = 12
	typeHINF = 13
	typeTXT  = 16
	typeAAAA = 28
	typeSRV  = 33
)

// maxRecords bounds the work on one message: a forged header may claim 65,535 of each.
const maxRecords = 64

// records reads the answers and, for mDNS, what comes with them unasked.
func (f *flow) records(b []byte, at, answers, additional int, out *dissect.Sink) dissect.Fault {
	count := answers
	if f.as == multicast {
		count += additional
	}
	for range min(count, maxRecords) {
		name, next, ok := readName(b, at, f.name[:0])
		if !ok || next+10 > len(b) {
			return dissect.Short
		}
		kind, size := binary.BigEndian.Uint16(b[next:]), int(binary.BigEndian.Uint16(b[next+8:]))
		start := next + 10
		if at = start + size; at > len(b) {
			return dissect.Short
		}
		f.record(b, name, kind, start, at, out)
	}
	return dissect.OK
}

func (f *flow) record(b, name []byte, kind uint16, start, end int, out *dissect.Sink) {
	data := b[start:end]
	switch kind {
	case typeA, typeAAAA:
		if ip, ok := netip.AddrFromSlice(data); ok {
			f.address(ip.Unmap(), name, out)
		}
	case typePTR:
		if f.as == unicast {
			if ip, ok := reverse(name); ok && local(ip) {
				if target, _, ok := readName(b, start, f.question[:0]); ok {
					out.FactOf(ot.Host{IP: ip}, "dns.name", target)
				}
			}
		}
	case typeSRV: // instance._service._tcp.local offers a service; only its owner answers for it
		if f.as == multicast && out.Src.IP.IsValid() {
			if i := bytes.Index(name, []byte("._")); i > 0 {
				out.Fact("mdns.service", name[i+1:])
			}
		}
	case typeHINF:
		if f.as == multicast {
			if cpu, rest, ok := text(data); ok {
				out.Fact("mdns.cpu", cpu)
				if os, _, ok := text(rest); ok {
					out.Fact("mdns.os", os)
				}
			}
		}
	case typeTXT:
		if f.as == multicast {
			attributes(data, out)
		}
	}
}

// address reports the name of an address: of the host itself where it says so,
// of another only if that is in a private network. Names of hosts on the
// internet are no identity of the plant's, and would fill every budget.
func (f *flow) address(ip netip.Addr, name []byte, out *dissect.Sink) {
	switch f.as {
	case unicast:
		if local(ip) {
			out.FactOf(ot.Host{IP: ip}, "dns.name", name)
		}
	case multicast:
		if ip == out.Src.IP {
			out.Fact("mdns.name", name)
		}
	case linkLocal:
		if ip == out.Src.IP {
			out.Fact("llmnr.name", name)
		}
	}
}

func local(ip netip.Addr) bool { return ip.IsPrivate() || ip.IsLinkLocalUnicast() }

// attributes reads the keys of a TXT record by which devices name their model:
// Apple's _device-info (model), printers (ty, usb_MFG), cameras and media (md, am), HomeKit.
func attributes(b []byte, out *dissect.Sink) {
	for len(b) > 0 {
		entry, rest, ok := text(b)
		if !ok {
			return
		}
		b = rest
		key, value, _ := bytes.Cut(entry, []byte("="))
		switch string(key) { // no allocation: the compiler compares in place
		case "model", "md", "am", "ty", "usb_MDL":
			out.Fact("mdns.model", value)
		case "manufacturer", "usb_MFG", "vendor":
			out.Fact("mdns.vendor", value)
		case "fw", "fwversion", "firmware":
			out.Fact("mdns.firmware", value)
		case "serialNumber", "serial", "sn":
			out.Fact("mdns.serial", value)
		}
	}
}

// text reads one length-prefixed string.
func text(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > len(b)-1 {
		return nil, nil, false
	}
	return b[1 : 1+int(b[0])], b[1+int(b[0]):], true
}

// reverse reads the address of d.c.b.a.in-addr.arpa.
func reverse(name []byte) (netip.Addr, bool) {
	rest, ok := bytes.CutSuffix(name, []byte(".in-addr.arpa"))
	if !ok || len(rest) > 15 {
		return netip.Addr{}, false
	}
	var a [4]byte
	for i := 3; i >= 0; i-- {
		var part []byte
		part, rest, _ = bytes.Cut(rest, []byte("."))
		if len(part) == 0 || len(part) > 3 {
			return netip.Addr{}, false
		}
		v := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				return netip.Addr{}, false
			}
			v = v*10 + int(c-'0')
		}
		if v > 255 {
			return netip.Addr{}, false
		}
		a[i] = byte(v)
	}
	return netip.AddrFrom4(a), len(rest) == 0
}
