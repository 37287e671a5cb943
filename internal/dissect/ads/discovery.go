package ads

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

const (
	magic           = "\x03\x66\x14\x71"
	discoveryPort   = 48899
	discoveryHeader = 24
	answerBit       = 0x80000000
)

// Tags of the discovery.
const (
	tagStatus      = 1
	tagPassword    = 2
	tagVersion     = 3
	tagSystem      = 4
	tagHost        = 5
	tagRoute       = 12
	tagFingerprint = 18
)

func isDiscovery(b []byte) bool { return len(b) >= discoveryHeader-4 && string(b[:4]) == magic }

// discovery reports who is asked for and what controllers answer. Who adds a
// route sends name and password of the controller's system as they are.
func (f *flow) discovery(b []byte, out *dissect.Sink) dissect.Fault {
	service := binary.LittleEndian.Uint32(b[8:])
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindDiscovery, service&^answerBit, ot.Request
	if service&answerBit != 0 {
		m.Dir = ot.Response
	}
	var tags []byte
	if len(b) >= discoveryHeader {
		tags = b[discoveryHeader:]
	}
	for rest := tags; len(rest) >= 4; {
		tag, v, next := next(rest)
		rest = next
		switch tag {
		case tagRoute:
			m.Name = text(v)
		case tagPassword:
			if len(text(v)) > 0 {
				m.Flags |= ot.ClearText
			}
		case tagStatus:
			if len(v) >= 4 && binary.LittleEndian.Uint32(v) != 0 {
				m.Status, m.Flags = binary.LittleEndian.Uint32(v), m.Flags|ot.Refused
			}
		}
	}
	dir, clear := m.Dir, m.Flags&ot.ClearText != 0
	out.End()
	if clear {
		out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "ads route"...))
	}
	out.Fact("ads.net_id", netID(f.text[:0], b[12:18]))
	for rest := tags; len(rest) >= 4; {
		tag, v, next := next(rest)
		rest = next
		switch {
		case dir != ot.Response:
		case tag == tagHost:
			out.Fact("ads.host_name", text(v))
		case tag == tagVersion && len(v) >= 4:
			out.Fact("ads.twincat_version", version(f.text[:0], v))
		case tag == tagSystem && len(v) >= 20:
			out.Fact("ads.os", system(f.text[:0], v))
		case tag == tagFingerprint:
			out.Fact("ads.fingerprint", text(v))
		}
	}
	return dissect.OK
}

// next takes a tag: id, length, value.
func next(b []byte) (tag uint16, value, rest []byte) {
	n := min(int(binary.LittleEndian.Uint16(b[2:])), len(b)-4)
	return binary.LittleEndian.Uint16(b), b[4 : 4+n], b[4+n:]
}

// system reads Windows' OSVERSIONINFO: size, major, minor, build, platform (2 NT, 3 CE).
// TwinCAT/BSD fills the same fields.
func system(to, v []byte) []byte {
	switch binary.LittleEndian.Uint32(v[16:]) {
	case 2:
		to = append(to, "Windows NT "...)
	case 3:
		to = append(to, "Windows CE "...)
	default:
		to = append(to, "system "...)
	}
	for i := 4; i < 16; i += 4 {
		if i > 4 {
			to = append(to, '.')
		}
		to = strconv.AppendUint(to, uint64(binary.LittleEndian.Uint32(v[i:])), 10)
		if len(to) > 24 {
			break
		}
	}
	return to
}

// version writes major, minor and build as 3.1.4024.
func version(to, v []byte) []byte {
	to = strconv.AppendUint(to, uint64(v[0]), 10)
	to = strconv.AppendUint(append(to, '.'), uint64(v[1]), 10)
	return strconv.AppendUint(append(to, '.'), uint64(binary.LittleEndian.Uint16(v[2:])), 10)
}

// netID writes an AMSNetId as people do: 5.13.117.96.1.1.
func netID(to, v []byte) []byte {
	for i, c := range v[:6] {
		if i > 0 {
			to = append(to, '.')
		}
		to = strconv.AppendUint(to, uint64(c), 10)
	}
	return to
}

// text cuts everything behind the first zero.
func text(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
