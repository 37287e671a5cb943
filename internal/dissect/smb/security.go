package smb

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/smb/ntlmssp"
	"github.com/skanse/skanse/internal/ot"
)

// negotiated2: size 2 | security mode 2 | dialect 2 | contexts 2 | … 24 capabilities 4 | … 60 offset of contexts 4
func (f *flow) negotiated2(h, body []byte, out *dissect.Sink) {
	if len(body) < 6 {
		return
	}
	d := binary.LittleEndian.Uint16(body[4:])
	switch d {
	case 0x0202, 0x0210, 0x0300, 0x0302, 0x0311:
		t := append(f.text[:0], '0'+byte(d>>8), '.', '0'+byte(d>>4&15))
		if d&15 != 0 {
			t = append(t, '.', '0'+byte(d&15))
		}
		out.Fact("smb.dialect", t)
	}
	if body[2]&2 != 0 {
		out.Fact("smb.signing", append(f.text[:0], "required"...))
	} else {
		out.Fact("smb.signing", append(f.text[:0], "optional"...))
	}
	switch {
	case d == 0x0311 && len(body) >= 64:
		f.contexts(h, int(binary.LittleEndian.Uint16(body[6:])), binary.LittleEndian.Uint32(body[60:]), out)
	case d == 0x0300 || d == 0x0302:
		if len(body) >= 28 && body[24]&0x40 != 0 {
			f.encryption("AES-128-CCM", out)
		} else {
			f.encryption("none", out)
		}
	case d == 0x0202 || d == 0x0210: // these have none
		f.encryption("none", out)
	}
}

func (f *flow) encryption(how string, out *dissect.Sink) {
	out.Fact("smb.encryption", append(f.text[:0], how...))
}

var ciphers = [...]string{1: "AES-128-CCM", 2: "AES-128-GCM", 3: "AES-256-CCM", 4: "AES-256-GCM"}

// contexts: [ type 2, length 2, reserved 4, data ] on multiples of 8; type 2 is the cipher that the server chose.
func (f *flow) contexts(h []byte, n int, at uint32, out *dissect.Sink) {
	chosen := "none"
	for range min(n, 16) {
		if at < 64 || uint64(at)+8 > uint64(len(h)) {
			break
		}
		kind, size := binary.LittleEndian.Uint16(h[at:]), uint32(binary.LittleEndian.Uint16(h[at+2:]))
		data := h[at+8:]
		if kind == 2 && size >= 4 && len(data) >= 4 {
			if c := int(binary.LittleEndian.Uint16(data[2:])); c < len(ciphers) && c > 0 {
				chosen = ciphers[c]
			}
		}
		at += 8 + (size+7)&^7
	}
	f.encryption(chosen, out)
}

// admitted reads what a server says of a session that it opens: flags at 2, 1
// guest, 2 nobody, 4 everything is encrypted.
func (f *flow) admitted(m *ot.Message, body []byte, out *dissect.Sink) {
	if len(body) < 4 || m.Status != 0 {
		return
	}
	if body[2]&1 != 0 {
		out.Fact("smb.sign_in", append(f.text[:0], "guest accepted"...))
	}
	if body[2]&2 != 0 {
		out.Fact("smb.sign_in", append(f.text[:0], "anonymous accepted"...))
	}
	if body[2]&4 != 0 {
		out.Fact("smb.encryption_required", append(f.text[:0], "for sessions"...))
	}
}

// shared reads what a server says of a share: type at 2, flags at 4 of which 0x8000 wants encryption.
func (f *flow) shared(m *ot.Message, body []byte, out *dissect.Sink) {
	if len(body) >= 8 && m.Status == 0 && body[5]&0x80 != 0 {
		out.Fact("smb.encryption_required", append(f.text[:0], "for a share"...))
	}
}

// treePath: size 2 | flags 2 | offset 2 | length 2, from the header
func (f *flow) treePath(h, body []byte) []byte {
	if len(body) < 8 {
		return nil
	}
	at, n := int(binary.LittleEndian.Uint16(body[4:])), int(binary.LittleEndian.Uint16(body[6:]))
	if at < 64 || at+n > len(h) {
		return nil
	}
	return ntlmssp.UTF16(h[at:at+n], f.text[:0])
}

// access marks the use of a share that only administrators have.
func (f *flow) access(m *ot.Message, out *dissect.Sink) {
	s := share(m.Name)
	if !administrative(s) {
		return
	}
	m.Class = ot.Login
	out.FactOf(out.Dst, "smb.admin_share", s)
}

// Information classes of a set information request that move files (MS-FSCC 2.4).
const (
	renameFile = 10
	deleteFile = 13
)

// setInfo: size 2 | kind 1 | class 1 | length 4 | offset 2 | … 16 file id 16
func (f *flow) setInfo(m *ot.Message, h, body []byte) {
	if len(body) < 32 || body[2] != 1 {
		return
	}
	switch body[3] {
	case renameFile: // replace 8 | root 8 | length 4 | name
		at := int(binary.LittleEndian.Uint16(body[8:]))
		if at < 64 || at+20 > len(h) {
			return
		}
		n := int(binary.LittleEndian.Uint32(h[at+16:]))
		if n < 0 || at+20+n > len(h) {
			return
		}
		m.Class, m.Name = ot.File, ntlmssp.UTF16(h[at+20:at+20+n], f.text[:0])
	case deleteFile:
		m.Class = ot.File
		if f.files != nil {
			if i, ok := f.files.find(body[16:32]); ok {
				m.Name = f.files.open[i].name[:f.files.open[i].n]
			}
		}
	}
}
