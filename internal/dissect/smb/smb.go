// Package smb reads SMB 1 (MS-CIFS) and SMB 2 and 3 (MS-SMB2) over TCP, and
// the SMB 1 mailslots of NetBIOS datagrams by which Windows hosts announce
// themselves (MS-BRWS). It counts commands and reads names; file contents are
// stepped over.
//
//	session: type 1 (0 message, 0x81 request) | length 3
//	SMB 1: ff "SMB" | command 1 | status 4 | flags 1 | flags2 2 | … 32 | words 1, …, bytes 2, …
//	SMB 2: fe "SMB" | 64 2 | charge 2 | status 4 | command 2 | credits 2 | flags 4 | next 4 | … 64
package smb

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/smb/ntlmssp"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec; the browser's protocol has the first only.
const (
	command   ot.Kind = iota
	transfer          // a file that was closed: 1 written, 2 fetched
	protected         // 1 encrypted, 2 compressed: nobody sees which command
)

// Indexes into Spec.Protocols.
const (
	smb1 = iota
	smb2
	browser
)

const (
	maxFirst = 16 << 10 // of a longer message, so much is looked at; what follows is file data
	maxSize  = 9 << 20
)

// Session service packet types, RFC 1002 4.3.1.
const (
	sessionMessage   = 0x00
	sessionRequest   = 0x81
	sessionAccepted  = 0x82
	sessionKeepAlive = 0x85
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	kinds := []string{"command", "transfer", "protected"}
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "smb", Kinds: kinds}, {Name: "smb2", Kinds: kinds}, {Name: "browser", Kinds: kinds[:1]}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{445, 139},
		UDP:       []uint16{138},
		MaxPDU:    maxFirst,
		MaxState:  maxFiles*256 + maxTrees*128 + maxReads*24 + 512,
	}
}

// Probe wants a session packet with an SMB mark in it, a session request, or a datagram.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) == 0 {
		return dissect.More
	}
	switch b[0] {
	case sessionMessage:
		if len(b) > 1 && b[1] > 0x8f || len(b) > 4 && b[4] < 0xfc {
			return dissect.No
		}
		if len(b) < 8 {
			return dissect.More
		}
		if marked(b[4:]) {
			return dissect.Yes
		}
	case sessionRequest:
		if len(b) > 1 && b[1] != 0 || len(b) > 2 && b[2] != 0 {
			return dissect.No
		}
		if len(b) < 6 {
			return dissect.More
		}
		if b[3] >= 68 && b[4] == 32 && b[5] >= 'A' && b[5] <= 'P' {
			return dissect.Yes
		}
	case sessionAccepted: // four bytes alone; the first message follows
		if len(b) < 12 {
			for _, c := range b[1:min(len(b), 5)] {
				if c != 0 {
					return dissect.No
				}
			}
			return dissect.More
		}
		if b[1]|b[2]|b[3]|b[4] == 0 && marked(b[8:]) {
			return dissect.Yes
		}
	case directUnique, directGroup, broadcast:
		if len(b) > datagramHeader && b[datagramHeader] == 32 && binary.BigEndian.Uint16(b[8:]) == 138 {
			return dissect.Yes
		}
	}
	return dissect.No
}

// marked says whether b begins with the mark of SMB 1, SMB 2, an encrypted or a compressed message.
func marked(b []byte) bool {
	return b[0] >= 0xfc && b[1] == 'S' && b[2] == 'M' && b[3] == 'B'
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	left      [3]int // bytes of a long message still to come, by direction
	plainPass bool   // the server asked for passwords in clear
	told      bool   // who is the client
	stream    bool
	ntlm      ntlmssp.Reader
	files     *files // made with the first share or file
	name      [48]byte
	text      [256]byte
}

func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	f.stream = true
	if !synced {
		f.left[dir] = 0
	}
	if f.left[dir] > 0 {
		return 0, min(f.left[dir], len(b), maxFirst)
	}
	if len(b) < 8 {
		if len(b) >= 4 && b[0] != sessionMessage && b[1]|b[2] == 0 && len(b) >= 4+int(b[3]) {
			return 0, 4 + int(b[3])
		}
		return 0, 0
	}
	if size := packetSize(b); size > 0 {
		return 0, min(size, maxFirst)
	}
	for at := 1; at+8 <= len(b); at++ {
		if b[at] == sessionMessage && marked(b[at+4:]) && packetSize(b[at:]) > 0 {
			return at, 0
		}
	}
	return len(b) - 7, 0
}

// packetSize returns the size of the session packet at b, 0 if there is none.
func packetSize(b []byte) int {
	size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	switch {
	case b[0] == sessionMessage && marked(b[4:]) && size >= 32 && size <= maxSize:
	case b[0] >= sessionRequest && b[0] <= sessionKeepAlive && size <= 200:
	default:
		return 0
	}
	return 4 + size
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if !f.stream {
		return f.datagram(b, out)
	}
	if f.left[dir] > 0 {
		f.left[dir] = max(0, f.left[dir]-len(b))
		return dissect.OK
	}
	if len(b) < 4 {
		return dissect.Short
	}
	if b[0] != sessionMessage {
		return dissect.OK
	}
	if size := 4 + int(b[1])<<16 + int(b[2])<<8 + int(b[3]); size > len(b) && len(b) == maxFirst {
		f.left[dir] = size - len(b)
	}
	return f.message(dir, b[4:], out)
}

func (f *flow) message(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 32 {
		return dissect.Short
	}
	if !marked(b) {
		return dissect.Alien
	}
	switch b[0] {
	case 0xff:
		return f.smb1(dir, b, out)
	case 0xfe:
		return f.smb2(dir, b, out)
	}
	m := out.BeginAs(smb2)
	m.Kind, m.Code, m.Dir = protected, 1, dir
	if b[0] == 0xfc { // what is packed can be unpacked: a file's content
		m.Code = 2
		out.Secret()
	}
	out.End()
	return dissect.OK
}

// smb2 reads the messages that stand one behind the other in b.
func (f *flow) smb2(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	for range 64 { // more in one packet is an attack
		if len(b) < 64 {
			return dissect.Short
		}
		if b[0] != 0xfe || binary.LittleEndian.Uint16(b[4:]) != 64 {
			return dissect.BadValue
		}
		code, flags, next := binary.LittleEndian.Uint16(b[12:]), binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:])
		body := b[64:]
		if next >= 64 && uint64(next) <= uint64(len(b)) {
			body = b[64:next]
		}
		m := out.BeginAs(smb2)
		m.Kind, m.Code, m.Dir = command, uint32(code), ot.Request
		if flags&1 != 0 {
			m.Dir, m.Status = ot.Response, binary.LittleEndian.Uint32(b[8:])
			if m.Status>>30 == 3 && m.Status != moreProcessing {
				m.Flags |= ot.Refused
			}
		} else {
			f.client(dir, out)
		}
		response := m.Dir == ot.Response
		switch {
		case code == treeConnect2 && !response:
			m.Name = f.treePath(b, body)
			f.access(m, out)
		case code == setInfo2 && !response:
			f.setInfo(m, b, body)
		default:
			m.Name = f.path(code, m.Dir, b, body)
		}
		f.follow2(m, b, body, m.Name, out)
		if private2(code, response) {
			out.Secret()
		}
		out.End()
		switch {
		case code == sessionSetup2:
			f.ntlm.Facts(body, out)
		case code == negotiate2 && response:
			f.negotiated2(b, body, out)
		case code == treeConnect2 && response:
			f.shared(m, body, out)
		case code == close2 && !response:
			f.closed2(body, out)
		}
		if code == sessionSetup2 && response {
			f.admitted(m, body, out)
		}
		if next == 0 || uint64(next) >= uint64(len(b)) {
			return dissect.OK
		}
		b = b[next:]
	}
	return dissect.TooDeep
}

// private2 says whether a command carries an answer from which a password can
// be computed, or contents of files and calls, among which such answers are.
func private2(code uint16, response bool) bool {
	switch code {
	case sessionSetup2:
		return !response
	case read2, write2, control2:
		return true
	}
	return false
}

// Commands and states of SMB 2 that are looked into.
const (
	negotiate2     = 0
	sessionSetup2  = 1
	treeConnect2   = 3
	create2        = 5
	close2         = 6
	read2          = 8
	write2         = 9
	control2       = 11
	setInfo2       = 17
	moreProcessing = 0xc0000016
)

// path returns the name of the file that a create request asks for.
// Its body: … 44 name offset 2 (from the header) | 46 name length 2
func (f *flow) path(code uint16, dir ot.Dir, b, body []byte) []byte {
	if code != create2 || dir != ot.Request || len(body) < 48 {
		return nil
	}
	at, n := int(binary.LittleEndian.Uint16(body[44:])), int(binary.LittleEndian.Uint16(body[46:]))
	if at < 64 || at+n > len(b) {
		return nil
	}
	return ntlmssp.UTF16(b[at:at+n], f.text[:0])
}

func (f *flow) client(dir ot.Dir, out *dissect.Sink) {
	if !f.told && f.stream {
		out.Client(dir)
		f.told = true
	}
}

func (f *flow) Reset() {
	f.left = [3]int{}
	f.plainPass, f.told, f.stream = false, false, false
	if f.files != nil {
		*f.files = files{}
	}
}

func cutNUL(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}
