package tls

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Extensions that are read.
const (
	serverName        = 0
	supportedVersions = 43
)

// client: version 2 | random 32 | session id: length 1 | suites: length 2 | compression: length 1 | extensions
func (f *flow) client(m *ot.Message, b []byte, out *dissect.Sink) {
	var name []byte
	if b, ok := extensions(b, true); ok {
		eachExtension(b, func(kind uint16, v []byte) {
			// list length 2 | type 1 (0: a host's name) | length 2 | name
			if kind == serverName && len(v) > 5 && v[2] == 0 {
				if n := int(binary.BigEndian.Uint16(v[3:])); n <= len(v)-5 {
					name = v[5 : 5+n]
				}
			}
		})
	}
	m.Name = name
	out.End()
	if len(name) == 0 {
		return
	}
	if out.Dst.IP.IsPrivate() { // names of the internet's hosts are no identity of the plant's
		out.FactOf(out.Dst, "tls.server_name", name)
	}
	switch {
	case domain(name, "anydesk.com"):
		f.anydesk(out)
	case domain(name, "teamviewer.com"):
		out.Fact("remote.tool", append(f.text[:0], "TeamViewer"...))
	}
}

// anydesk reports the tool, once a flow, about the host in the plant: both
// sides of a session run it, and the relay is on the internet.
func (f *flow) anydesk(out *dissect.Sink) {
	if f.tool {
		return
	}
	f.tool = true
	m := out.BeginAs(1)
	m.Code, m.Class = 1, ot.Login
	out.End()
	out.Fact("remote.tool", append(f.text[:0], "AnyDesk"...))
}

func domain(name []byte, parent string) bool {
	rest, ok := bytes.CutSuffix(name, []byte(parent))
	return ok && (len(rest) == 0 || rest[len(rest)-1] == '.')
}

// server: version 2 | random 32 | session id: length 1 | suite 2 | compression 1 | extensions
func (f *flow) server(b []byte, out *dissect.Sink) {
	if len(b) < 2 {
		return
	}
	version := binary.BigEndian.Uint16(b)
	if b, ok := extensions(b, false); ok {
		eachExtension(b, func(kind uint16, v []byte) {
			if kind == supportedVersions && len(v) == 2 {
				version = binary.BigEndian.Uint16(v)
			}
		})
	}
	if name := versionName(version); name != "" {
		out.Fact("tls.version", append(f.text[:0], name...))
	}
}

func versionName(v uint16) string {
	switch v {
	case 0x0300:
		return "SSL 3.0"
	case 0x0301:
		return "1.0"
	case 0x0302:
		return "1.1"
	case 0x0303:
		return "1.2"
	case 0x0304:
		return "1.3"
	}
	return ""
}

// extensions returns a hello's list of extensions.
func extensions(b []byte, client bool) ([]byte, bool) {
	if len(b) < 35 || len(b) < 35+int(b[34]) {
		return nil, false
	}
	b = b[35+int(b[34]):]
	if client {
		if len(b) < 2 || len(b) < 3+int(binary.BigEndian.Uint16(b)) {
			return nil, false
		}
		b = b[2+int(binary.BigEndian.Uint16(b)):]
		if len(b) < 1+int(b[0]) {
			return nil, false
		}
		b = b[1+int(b[0]):]
	} else {
		if len(b) < 3 {
			return nil, false
		}
		b = b[3:]
	}
	if len(b) < 2 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	return b[2:min(len(b), 2+n)], true
}

func eachExtension(b []byte, use func(kind uint16, value []byte)) {
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if 4+n > len(b) {
			return
		}
		use(binary.BigEndian.Uint16(b), b[4:4+n])
		b = b[4+n:]
	}
}
