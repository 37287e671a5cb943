// Package ads dissects Beckhoff's ADS on AMS, by which TwinCAT controllers are
// read, written, programmed and found: commands, index groups and symbols,
// device information, files of the system service, and the discovery that also
// adds routes. It is not for Secure ADS, which is TLS, nor for ADS in EtherCAT mailboxes.
//
// Beckhoff Information System, "TwinCAT ADS/AMS Specification"; everything is little endian:
//
//	AMS/TCP   0   2  reserved, 0
//	          2   4  length of what follows
//	AMS       0   6  target AMSNetId       6   2  target port
//	          8   6  source AMSNetId       14  2  source port
//	          16  2  command
//	          18  2  state flags           0x0001 response, 0x0004 ADS command
//	          20  4  length of the data
//	          24  4  error
//	          28  4  invoke id             the answer returns it
//	discovery (UDP 48899):
//	          0   4  0x71146603            4   4  number
//	          8   4  service               0x80000000 added: an answer
//	          12  6  AMSNetId              18  2  port
//	          20  4  number of tags, then tag (2), length (2), value
package ads

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindCommand   ot.Kind = iota
	kindGroup             // index group
	kindState             // state that a controller is asked to take
	kindDiscovery         // service of the discovery
)

// Commands.
const (
	cmdReadDeviceInfo = 1
	cmdRead           = 2
	cmdWrite          = 3
	cmdReadState      = 4
	cmdWriteControl   = 5
	cmdAddNotify      = 6
	cmdDeleteNotify   = 7
	cmdNotify         = 8
	cmdReadWrite      = 9
)

const (
	tcpHeader = 6
	amsHeader = 32
	maxPDU    = 64 << 10
	maxLength = 16 << 20 // of a symbol table
	flagReply = 0x0001
	flagADS   = 0x0004
	flagUDP   = 0x0040
)

// Protocol is the ADS dissector.
type Protocol struct{}

// Spec names ADS and its usual ports.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ads", Kinds: []string{"command", "group", "state", "discovery"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{48898},
		UDP:       []uint16{48898, discoveryPort},
		MaxPDU:    maxPDU,
		MaxState:  2048,
	}
}

// Probe wants a whole AMS header whose two lengths agree, or the discovery's magic.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if isDiscovery(b) {
		return dissect.Yes
	}
	if len(b) < 4 && string(b) == magic[:len(b)] {
		return dissect.More
	}
	if len(b) >= amsHeader && sound(b) && int(binary.LittleEndian.Uint32(b[20:])) == len(b)-amsHeader {
		return dissect.Yes // a datagram without the header of TCP
	}
	if len(b) > 0 && b[0] != 0 || len(b) > 1 && b[1] != 0 || len(b) > 5 && b[5] != 0 {
		return dissect.No
	}
	if len(b) < tcpHeader+amsHeader {
		return dissect.More
	}
	if !plausible(b) {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

// plausible says whether an AMS/TCP header can start here. b holds at least both headers.
func plausible(b []byte) bool {
	if b[0] != 0 || b[1] != 0 {
		return false
	}
	n := binary.LittleEndian.Uint32(b[2:])
	ams := b[tcpHeader:]
	return n >= amsHeader && n <= maxLength && sound(ams) && binary.LittleEndian.Uint32(ams[20:]) == n-amsHeader
}

// sound says whether an AMS header's command and flags are those of ADS.
func sound(ams []byte) bool {
	cmd, flags := binary.LittleEndian.Uint16(ams[16:]), binary.LittleEndian.Uint16(ams[18:])
	return cmd >= cmdReadDeviceInfo && cmd <= cmdReadWrite && flags&flagADS != 0 && flags&^(flagReply|flagADS|flagUDP) == 0
}

// flow holds the requests that wait for their answers and the addresses last told.
type flow struct {
	asked [16]asking
	next  uint8
	path  [260]byte // of the file that is being opened
	told  [2][6]byte
	text  [32]byte // scratch
}

// asking is a request; command is 0 where there is none.
type asking struct {
	invoke, group, offset uint32
	port                  uint16 // of the client
	path                  uint16 // length of flow.path
	command               uint8
}

// Reset empties the state.
func (f *flow) Reset() { *f = flow{} }

// Frame cuts at the header's length; out of step it looks for the next plausible header.
func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if len(b) < tcpHeader {
		return 0, 0
	}
	if n := binary.LittleEndian.Uint32(b[2:]); synced && b[0] == 0 && n <= maxLength {
		return 0, tcpHeader + int(n)
	}
	for ; len(b)-skip >= tcpHeader+amsHeader; skip++ {
		if h := b[skip:]; plausible(h) {
			return skip, tcpHeader + int(binary.LittleEndian.Uint32(h[2:]))
		}
	}
	return skip, 0
}

// Decode reports one AMS packet, or one of the discovery.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if isDiscovery(b) {
		return f.discovery(b, out)
	}
	if len(b) < tcpHeader {
		return dissect.Short
	}
	switch {
	case len(b) >= amsHeader && sound(b) && int(binary.LittleEndian.Uint32(b[20:])) == len(b)-amsHeader:
	case b[0] != 0:
		return dissect.Alien
	default:
		b = b[tcpHeader:]
	}
	if len(b) < amsHeader {
		return dissect.Short // or what a client asks of its own router
	}
	if !sound(b) {
		return dissect.Alien
	}
	return f.ams(dir, b, out)
}

// ams reports one command or its answer.
func (f *flow) ams(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	cmd, invoke := uint8(b[16]), binary.LittleEndian.Uint32(b[28:])
	side, device, client := ot.Request, b[6:], b[14:]
	if binary.LittleEndian.Uint16(b[18:])&flagReply != 0 {
		side, device, client = ot.Response, b[14:], b[6:]
	}
	if cmd == cmdNotify { // comes from the server without being asked
		side, device, client = ot.Response, b[14:], b[6:]
	}
	// Both sides may ask; who did first counts where no port tells.
	if dir != side && dir != ot.DirNone && out.SrcPort != 48898 && out.DstPort != 48898 {
		if side == ot.Request {
			out.Client(dir)
		} else {
			out.Client(dir.Reverse())
		}
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kindCommand, uint32(cmd), side, uint32(binary.LittleEndian.Uint16(device))
	m.Status = binary.LittleEndian.Uint32(b[24:])
	data, fault := b[amsHeader:], dissect.OK
	if n := binary.LittleEndian.Uint32(b[20:]); uint64(n) <= uint64(len(data)) {
		data = data[:n]
	} else {
		fault = dissect.Short
	}
	port := binary.LittleEndian.Uint16(client)
	if side == ot.Request {
		fault = max(fault, f.request(m, cmd, asking{invoke: invoke, port: port, command: cmd}, data, out))
	} else {
		fault = max(fault, f.response(m, cmd, invoke, port, data, out))
	}
	f.address(b[8:14], side, out)
	return fault
}

// address reports the sender's AMSNetId, which is its name for every route, once.
func (f *flow) address(id []byte, side ot.Dir, out *dissect.Sink) {
	known := &f.told[side&1]
	if string(known[:]) == string(id) {
		return
	}
	copy(known[:], id)
	out.Fact("ads.net_id", netID(f.text[:0], id))
}
