package bacnet

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The bits of the NPDU's control octet, clause 6.2.2.
const (
	npduNetwork     = 0x80
	npduDestination = 0x20
	npduSource      = 0x08
	npduReserved    = 0x50
)

func (c *context) npdu(b []byte) dissect.Fault {
	if len(b) < 2 {
		return dissect.Short
	}
	if b[0] != 1 {
		return dissect.BadValue
	}
	control := b[1]
	b = b[2:]
	if control&npduDestination != 0 {
		net, _, rest, ok := netAddress(b)
		if !ok {
			return dissect.Short
		}
		c.net, b = net, rest
	}
	if control&npduSource != 0 {
		net, addr, rest, ok := netAddress(b)
		if !ok {
			return dissect.Short
		}
		b = rest
		c.net, c.remote = net, true
		c.about.Module = c.flow.names.of(net, addr)
	}
	if control&npduDestination != 0 {
		if len(b) < 1 {
			return dissect.Short
		}
		b = b[1:] // hop count
	}
	if len(b) < 1 {
		return dissect.Short
	}
	if control&npduNetwork == 0 {
		return c.apdu(b)
	}
	return c.network(b)
}

// netAddress reads a network number and an address on it.
func netAddress(b []byte) (net uint16, addr, rest []byte, ok bool) {
	if len(b) < 3 || len(b) < 3+int(b[2]) {
		return 0, nil, nil, false
	}
	end := 3 + int(b[2])
	return binary.BigEndian.Uint16(b), b[3:end], b[end:], true
}

// Network layer messages, clause 6.4.
const (
	whoIsRouter     = 0x00
	iAmRouter       = 0x01
	rejectMessage   = 0x03
	networkNumberIs = 0x13
)

// network reports a network layer message. A router tells which networks it reaches.
func (c *context) network(b []byte) dissect.Fault {
	m := c.out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kindNetwork, uint32(b[0]), ot.Request, uint32(c.net)
	switch b[0] {
	case iAmRouter, networkNumberIs, 0x07:
		m.Dir = ot.Response
	case rejectMessage:
		m.Dir = ot.Response
		m.Flags |= ot.Refused
		if len(b) > 1 {
			m.Status = uint32(b[1])
		}
	}
	c.out.End()
	if b[0] != iAmRouter || c.forwarded {
		return dissect.OK
	}
	for rest := b[1:]; len(rest) >= 2; rest = rest[2:] {
		text := strconv.AppendUint(append(c.flow.text[:0], "net "...), uint64(binary.BigEndian.Uint16(rest)), 10)
		c.out.FactOf(c.about, "bacnet.routes", text)
	}
	return dissect.OK
}

// modules names devices behind a router: "net 5 addr 0a". The last few are
// kept, so that their traffic makes no garbage.
type modules struct {
	keys  [8]moduleKey
	names [8]string
	next  int
}

type moduleKey struct {
	net  uint16
	size uint8
	addr [7]byte
}

func (c *modules) of(net uint16, addr []byte) string {
	key := moduleKey{net: net, size: uint8(min(len(addr), 255))}
	copy(key.addr[:], addr)
	for i := range c.keys {
		if c.keys[i] == key && c.names[i] != "" {
			return c.names[i]
		}
	}
	const digits = "0123456789abcdef"
	text := strconv.AppendUint(append(make([]byte, 0, 32), "net "...), uint64(net), 10)
	if len(addr) > 0 {
		text = append(text, " addr "...)
		for _, x := range addr[:min(len(addr), len(key.addr))] {
			text = append(text, digits[x>>4], digits[x&0x0f])
		}
	}
	c.keys[c.next], c.names[c.next] = key, string(text)
	c.next = (c.next + 1) % len(c.keys)
	return string(text)
}
