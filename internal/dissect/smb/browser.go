package smb

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/smb/netbios"
	"github.com/skanse/skanse/internal/ot"
)

// NetBIOS datagrams, RFC 1002 4.4:
//
//	type 1 | flags 1 | id 2 | source IP 4 | source port 2 | length 2 | offset 2 | names | SMB
const (
	directUnique   = 0x10
	directGroup    = 0x11
	broadcast      = 0x12
	datagramHeader = 14
)

// Browser commands, MS-BRWS 2.2.
const (
	hostAnnouncement   = 1
	requestElection    = 8
	domainAnnouncement = 12
	localMaster        = 15
)

func (f *flow) datagram(b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < datagramHeader {
		return dissect.Short
	}
	if b[0] < directUnique || b[0] > broadcast {
		if b[0] >= 0x13 && b[0] <= 0x16 { // errors and queries of the datagram service
			return dissect.OK
		}
		return dissect.Alien
	}
	source := netip.AddrFrom4([4]byte(b[4:8]))
	b = b[datagramHeader:]
	name, suffix, size, ok := netbios.DecodeName(b, f.name[:0])
	if !ok {
		return dissect.BadValue
	}
	if source == out.Src.IP && len(name) > 0 && (suffix == netbios.Workstation || suffix == netbios.FileServer) && name[0] > ' ' {
		out.Fact("netbios.name", name)
	}
	b = b[size:]
	if _, _, size, ok = netbios.DecodeName(b, f.name[:0]); !ok {
		return dissect.BadValue
	}
	if b = b[size:]; len(b) == 0 || len(b) >= 4 && !marked(b) {
		return dissect.OK // another service's datagram
	}
	return f.message(ot.Request, b, out)
}

// mailslot returns the data of a transaction to the browser's mailslot.
// Parameters: … 24 data offset 2 … ; data: "\MAILSLOT\BROWSE\0" …
func mailslot(code byte, response bool, b []byte) []byte {
	if code != transaction || response {
		return nil
	}
	params, data, _ := words(b)
	if len(params) < 28 || !bytes.HasPrefix(data, []byte(`\MAILSLOT\BROWSE`)) {
		return nil
	}
	n, at := int(binary.LittleEndian.Uint16(params[22:])), int(binary.LittleEndian.Uint16(params[24:]))
	if at < headerSize || at+n > len(b) {
		return nil
	}
	return b[at : at+n]
}

// announcement: command 1 | count 1 | period 4 | name 16 | OS major 1, minor 1 | type 4 | version 2 | mark 2 | comment
func (f *flow) announcement(b []byte, out *dissect.Sink) {
	m := out.BeginAs(browser)
	m.Kind, m.Code = command, uint32(b[0])
	out.End()
	switch b[0] {
	case hostAnnouncement, localMaster, domainAnnouncement:
		if len(b) < 32 {
			return
		}
		name := cutNUL(b[6:22])
		if b[0] == domainAnnouncement {
			out.Fact("browser.workgroup", name)
			out.Fact("browser.server", cutNUL(b[32:])) // here the comment is the master's own name
			return
		}
		out.Fact("browser.server", name)
		out.Fact("browser.comment", cutNUL(b[32:]))
		t := strconv.AppendUint(f.text[:0], uint64(b[22]), 10)
		out.Fact("browser.os_version", strconv.AppendUint(append(t, '.'), uint64(b[23]), 10))
	case requestElection:
		// version 1 | criteria 4 | uptime 4 | unused 4 | name
		if len(b) > 14 {
			out.Fact("browser.server", cutNUL(b[14:]))
		}
	}
}
