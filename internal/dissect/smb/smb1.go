package smb

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/smb/ntlmssp"
	"github.com/skanse/skanse/internal/ot"
)

// Commands of SMB 1 that are looked into.
const (
	transaction   = 0x25
	read1         = 0x2e
	write1        = 0x2f
	negotiate1    = 0x72
	sessionSetup1 = 0x73
	treeConnect1  = 0x75 // with a password of its own
	treeConnect0  = 0x70
	open1         = 0x02
	close1        = 0x04
	delete1       = 0x06
	rename1       = 0x07
	openAndX1     = 0x2d
	ntCreate1     = 0xa2
	endOfChain    = 0xff
	headerSize    = 32
	maxChain      = 32
)

// chained says whether a command may carry another one behind it (AndX).
func chained(code byte) bool {
	switch code {
	case 0x24, 0x2d, 0x2e, 0x2f, sessionSetup1, 0x74, 0x75, 0xa2:
		return true
	}
	return false
}

func (f *flow) smb1(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	code, response := b[4], b[9]&0x80 != 0
	m := out.BeginAs(smb1)
	m.Kind, m.Code, m.Dir = command, uint32(code), ot.Request
	if response {
		m.Dir, m.Status = ot.Response, binary.LittleEndian.Uint32(b[5:])
		if m.Status>>30 == 3 && m.Status != moreProcessing {
			m.Flags |= ot.Refused
		}
	} else {
		f.client(dir, out)
	}
	slot := mailslot(code, response, b)
	if len(slot) > 0 {
		m.Flags |= ot.Inner
	}
	if private1(code, response) && len(slot) == 0 {
		out.Secret()
	}
	if !response {
		m.Name = f.named1(code, b)
		if code == treeConnect1 {
			f.access(m, out)
		}
	}
	f.follow1(code, response, m.Flags&ot.Refused != 0, b, m.Name)
	clear := code == sessionSetup1 && !response && f.plainPass
	if clear {
		m.Flags |= ot.ClearText
	}
	fault := chain(code, response, b, out)
	switch {
	case clear:
		out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "smb password"...))
		f.setup(b, response, out)
	case code == sessionSetup1:
		f.setup(b, response, out)
		f.ntlm.Facts(b, out)
	case code == negotiate1 && response:
		f.negotiated1(b, out)
	}
	out.End()
	if len(slot) > 0 {
		f.announcement(slot, out)
	}
	if code == close1 && !response {
		f.closed1(b, out)
	}
	return fault
}

// private1 says whether a command carries a password, an answer from which one
// can be computed, or contents of files and calls, among which such answers are.
func private1(code byte, response bool) bool {
	switch code {
	case sessionSetup1, treeConnect1, treeConnect0:
		return !response
	case 0x0a, 0x0b, 0x13, 0x14, 0x1a, 0x1d, 0x2c, read1, write1, transaction, 0x26: // older reads and writes; the rest of a transaction
		return true
	}
	return false
}

// chain counts the commands that stand behind the first one, as the wire names
// them: the end of a chain is a code of its own.
func chain(code byte, response bool, b []byte, out *dissect.Sink) dissect.Fault {
	at := headerSize
	for range maxChain {
		if !chained(code) {
			return dissect.OK
		}
		if at+5 > len(b) || int(b[at])*2+at+1 > len(b) {
			return dissect.Short
		}
		if b[at] < 2 { // an error has no parameters
			return dissect.OK
		}
		code = b[at+1]
		if private1(code, response) {
			out.Secret()
		}
		out.Also(command, uint32(code), nil)
		next := int(binary.LittleEndian.Uint16(b[at+3:]))
		if code == endOfChain || next == 0 {
			return dissect.OK
		}
		if next <= at {
			return dissect.BadValue
		}
		at = next
	}
	return dissect.TooDeep
}

// words returns the parameters and the data of the first command, and where the data stands.
func words(b []byte) (params, data []byte, at int) {
	if len(b) < headerSize+3 {
		return nil, nil, 0
	}
	n := int(b[headerSize]) * 2
	at = headerSize + 1 + n
	if at+2 > len(b) {
		return nil, nil, 0
	}
	size := int(binary.LittleEndian.Uint16(b[at:]))
	data = b[at+2:]
	return b[headerSize+1 : at], data[:min(size, len(data))], at + 2
}

// negotiated1: dialect 2 | security mode 1 (bit 1: passwords are not sent in clear)
func (f *flow) negotiated1(b []byte, out *dissect.Sink) {
	params, _, _ := words(b)
	if len(params) < 2 || binary.LittleEndian.Uint16(params) == 0xffff {
		return
	}
	out.Fact("smb.dialect", append(f.text[:0], "1"...))
	if len(params) >= 26 {
		f.plainPass = params[2]&2 == 0
		if params[2]&8 != 0 {
			out.Fact("smb.signing", append(f.text[:0], "required"...))
		} else {
			out.Fact("smb.signing", append(f.text[:0], "optional"...))
		}
		f.encryption("none", out)
	}
}

// named1 returns the share or file that a request of SMB 1 names. The texts
// stand in the data: behind a password, or behind a mark of their format.
func (f *flow) named1(code byte, b []byte) []byte {
	params, data, at := words(b)
	skip := 0
	switch code {
	case treeConnect1:
		if len(params) < 8 {
			return nil
		}
		skip = int(binary.LittleEndian.Uint16(params[6:]))
	case ntCreate1, openAndX1:
	case open1, delete1, rename1:
		skip = 1
	default:
		return nil
	}
	if skip > len(data) {
		return nil
	}
	r := texter{b: data[skip:], at: at + skip, wide: b[11]&0x80 != 0}
	return r.next(f.text[:0])
}

// setup reads which system the two sides say they are. The texts stand behind
// the passwords or the security blob, whose sizes the parameters tell.
func (f *flow) setup(b []byte, response bool, out *dissect.Sink) {
	params, data, at := words(b)
	skip, texts := 0, 0
	switch count := len(params) / 2; {
	case !response && count == 13:
		skip, texts = int(binary.LittleEndian.Uint16(params[14:]))+int(binary.LittleEndian.Uint16(params[16:])), 2
	case !response && count == 12:
		skip = int(binary.LittleEndian.Uint16(params[14:]))
	case !response && count == 10:
		skip, texts = int(binary.LittleEndian.Uint16(params[14:])), 2
	case response && count == 4:
		skip = int(binary.LittleEndian.Uint16(params[6:]))
	case response && count == 3:
	default:
		return
	}
	if skip > len(data) {
		return
	}
	r := texter{b: data[skip:], at: at + skip, wide: b[11]&0x80 != 0}
	for range texts { // account and domain are nobody's business here
		r.next(nil)
	}
	out.Fact("smb.native_os", r.next(f.text[:0]))
	out.Fact("smb.native_lanman", r.next(f.text[:0]))
}

// texter reads NUL-ended texts. UTF-16 stands on even offsets of the message.
type texter struct {
	b    []byte
	at   int
	wide bool
}

func (r *texter) next(dst []byte) []byte {
	if !r.wide {
		i := bytes.IndexByte(r.b, 0)
		if i < 0 {
			i = len(r.b)
		}
		text := r.b[:i]
		r.drop(i + 1)
		return text
	}
	if r.at%2 == 1 {
		r.drop(1)
	}
	n := 0
	for n+1 < len(r.b) && r.b[n]|r.b[n+1] != 0 {
		n += 2
	}
	text := r.b[:n]
	r.drop(n + 2)
	return ntlmssp.UTF16(text, dst)
}

func (r *texter) drop(n int) {
	n = min(n, len(r.b))
	r.b, r.at = r.b[n:], r.at+n
}
