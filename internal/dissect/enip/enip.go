// Package enip dissects EtherNet/IP and the Common Industrial Protocol inside
// it: encapsulation commands, CIP services connected and unconnected, through
// routes and in multiple service packets, and what devices and the modules
// behind them say of their identity. It is not for CIP Safety's and Motion's
// own contents, nor for DeviceNet and ControlNet.
//
// Encapsulation header, CIP Volume 2, 2-3.1; everything is little endian:
//
//	0   2  command
//	2   2  length of what follows the header
//	4   4  session handle
//	8   4  status
//	12  8  sender context        the answer returns it
//	20  4  options               0
//
// SendRRData and SendUnitData go on with interface handle (4), timeout (2) and
// the common packet format, 2-6.1: number of items (2), then type (2), length
// (2) and data of each. Implicit I/O on UDP 2222 is the common packet format alone.
package enip

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The protocols of Spec and their kinds, in order.
const (
	protoENIP = 0
	protoCIP  = 1

	kindCommand ot.Kind = 0 // of enip
	kindIO      ot.Kind = 1

	kindService       ot.Kind = 0 // of cip: service codes without the response bit
	kindStatus        ot.Kind = 1 // general status, where it is not success
	kindObjectService ot.Kind = 2 // class × 256 + service, where the class gives the service its meaning
	kindSafety        ot.Kind = 4 // see safety.go
	kindPCCC          ot.Kind = 3 // command × 256 + function of PLC-5 and SLC commands in CIP
)

// Commands, table 2-3.2.
const (
	cmdNOP          = 0x00
	cmdListTargets  = 0x01 // reserved for legacy use, still asked by RSLinx
	cmdListServices = 0x04
	cmdListIdentity = 0x63
	cmdListIfaces   = 0x64
	cmdRegister     = 0x65
	cmdUnregister   = 0x66
	cmdSendRRData   = 0x6f
	cmdSendUnitData = 0x70
	cmdIndicate     = 0x72
	cmdCancel       = 0x73
)

// Items of the common packet format, table 2-6.3.
const (
	itemIdentity      = 0x000c
	itemConnected     = 0x00a1 // address: connection id
	itemConnectedData = 0x00b1
	itemData          = 0x00b2
	itemSequenced     = 0x8002 // address: connection id, sequence number
)

const (
	header   = 24
	maxPDU   = 16 << 10
	maxItems = 8 // of a packet; more are not looked at
	ioPort   = 2222
	tcpPort  = 44818
)

// Protocol is the EtherNet/IP dissector.
type Protocol struct{}

// Spec names EtherNet/IP and CIP.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{
			{Name: "enip", Kinds: []string{"command", "io"}},
			{Name: "cip", Kinds: []string{"service", "status", "object-service", "pccc", "safety"}},
		},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{tcpPort},
		UDP:       []uint16{tcpPort, ioPort},
		MaxPDU:    maxPDU,
		MaxState:  2048,
	}
}

// Probe wants a header with a known command, or the items of implicit I/O.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if isIO(b) {
		return dissect.Yes
	}
	if len(b) > 0 && !known(uint16(b[0])) || len(b) > 1 && b[1] != 0 || len(b) > 0 && b[0] == cmdNOP {
		return dissect.No
	}
	if len(b) < header {
		return dissect.More
	}
	if !plausible(b) {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

func known(cmd uint16) bool {
	switch cmd {
	case cmdNOP, cmdListTargets, cmdListServices, cmdListIdentity, cmdListIfaces, cmdRegister, cmdUnregister,
		cmdSendRRData, cmdSendUnitData, cmdIndicate, cmdCancel:
		return true
	}
	return false
}

// plausible checks what a header must hold. b holds at least header bytes.
func plausible(b []byte) bool {
	cmd, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
	if !known(cmd) || n > maxPDU-header || binary.LittleEndian.Uint32(b[20:]) != 0 {
		return false
	}
	switch status := binary.LittleEndian.Uint32(b[8:]); {
	case status > 0xffff: // the specified ones end at 0x69
		return false
	case status != 0:
		return true
	}
	switch cmd {
	case cmdRegister:
		return n == 4
	case cmdUnregister:
		return n == 0
	case cmdSendRRData, cmdSendUnitData:
		return n >= 16 && (len(b) < header+4 || binary.LittleEndian.Uint32(b[header:]) == 0)
	}
	return true
}

// isIO says whether a datagram is implicit I/O: a sequenced address, then connected data.
func isIO(b []byte) bool {
	return len(b) >= 18 && b[1] == 0 && b[0] >= 2 && b[0] <= 4 &&
		binary.LittleEndian.Uint16(b[2:]) == itemSequenced && binary.LittleEndian.Uint16(b[4:]) == 8 &&
		binary.LittleEndian.Uint16(b[14:]) == itemConnectedData
}

// Frame cuts at the header's length; out of step it looks for the next plausible header.
func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if len(b) < 4 {
		return 0, 0
	}
	if synced && b[1] == 0 && known(uint16(b[0])) {
		return 0, header + int(binary.LittleEndian.Uint16(b[2:]))
	}
	for ; len(b)-skip >= header; skip++ {
		if h := b[skip:]; h[0] != cmdNOP && plausible(h) {
			return skip, header + int(binary.LittleEndian.Uint16(h[2:]))
		}
	}
	return skip, 0
}

// Decode reports one encapsulated command with the CIP message in it, or one I/O datagram.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if isIO(b) {
		return implicit(b, out)
	}
	if len(b) < header {
		return dissect.Short
	}
	cmd := binary.LittleEndian.Uint16(b)
	if !known(cmd) {
		return dissect.Alien
	}
	status, context := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint64(b[12:])
	body := b[header:]
	fault := dissect.OK
	if n := int(binary.LittleEndian.Uint16(b[2:])); n <= len(body) {
		body = body[:n]
	} else {
		fault = dissect.Short
	}
	p, found := packet{}, false
	if (cmd == cmdSendRRData || cmd == cmdSendUnitData) && len(body) >= 8 {
		p, found = items(body[6:])
	}
	if found && len(p.message) > 0 { // CIP says who asks, whatever the ports suggest
		side := ot.Request
		if p.message[0]&responseBit != 0 {
			side = ot.Response
		}
		if side != dir && dir != ot.DirNone && out.SrcPort != tcpPort && out.DstPort != tcpPort {
			out.Client(sender(side, dir))
		}
		dir = side
	}
	m := out.BeginAs(protoENIP)
	m.Kind, m.Code, m.Dir, m.Status = kindCommand, uint32(cmd), dir, status
	if status != 0 {
		m.Flags |= ot.Refused
	}
	if found {
		m.Flags |= ot.Inner
	}
	out.End()
	switch {
	case found:
		if !p.connected {
			p.key = context
		}
		fault = max(fault, f.message(dir, p, out))
	case cmd == cmdListIdentity && len(body) > 2:
		f.listed(body, out)
	}
	return fault
}

// sender returns which side's PDUs come from the client, when a PDU of side came as dir.
func sender(side, dir ot.Dir) ot.Dir {
	if side == ot.Request {
		return dir
	}
	return dir.Reverse()
}

// packet is the CIP message of a common packet.
type packet struct {
	message   []byte
	key       uint64 // pairs a response with its request
	conn      uint32 // connection id
	connected bool
}

// items looks for a CIP message among the items.
func items(b []byte) (p packet, found bool) {
	n := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	for i := 0; i < n && i < maxItems && len(b) >= 4; i++ {
		kind, size := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		data := b[:min(size, len(b))]
		b = b[len(data):]
		switch {
		case kind == itemConnected && len(data) >= 4:
			p.conn, p.connected = binary.LittleEndian.Uint32(data), true
		case kind == itemConnectedData && len(data) > 2:
			p.key, p.message, found = uint64(binary.LittleEndian.Uint16(data))|1<<32, data[2:], true
			p.connected = true
		case kind == itemData && len(data) > 0:
			p.message, found = data, true
		}
	}
	return p, found
}

// implicit reports one I/O datagram. Its content has no form of its own: the
// assemblies of the two sides say what it means.
func implicit(b []byte, out *dissect.Sink) dissect.Fault {
	m := out.BeginAs(protoENIP)
	m.Kind, m.Code = kindIO, 0
	m.N = uint32(binary.LittleEndian.Uint16(b[16:]))
	fault := dissect.OK
	if int(m.N) > len(b)-18 {
		fault = dissect.Short
	}
	out.End()
	return fault
}
