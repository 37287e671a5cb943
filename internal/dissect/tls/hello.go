package tls

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/ot"
)

// Extensions that are read.
const (
	serverName        = 0
	supportedVersions = 43
)

// client reads a hello: the name asked for, whose that is, and who asks.
func (f *flow) client(m *ot.Message, b []byte, complete bool, out *dissect.Sink) {
	h, whole := ReadHello(b)
	m.Name = h.Name
	out.End()
	if len(h.Name) > 0 && out.Dst.IP.IsPrivate() { // names of the internet's hosts are no identity of the plant's
		out.FactOf(out.Dst, "tls.server_name", h.Name)
	}
	if whole && complete {
		if !h.Shuffled() {
			out.Fact("tls.ja3", h.JA3(f.text[:0]))
		}
		out.Fact("tls.ja4", h.JA4(f.text[:0], 't'))
	}
	if e := f.names.Domain(h.Name); e != nil {
		f.service(e, out)
	} else if e := f.names.ALPN(h.ALPN); e != nil {
		f.service(e, out)
	}
}

// service reports whose service is spoken with, once a flow.
func (f *flow) service(e *recognised.Entry, out *dissect.Sink) {
	if f.tool {
		return
	}
	f.tool = true
	e.Tell(1, f.text[:0], out)
}

// server: version 2 | random 32 | session id: length 1 | suite 2 | compression 1 | extensions
func (f *flow) server(b []byte, out *dissect.Sink) {
	if len(b) < 2 {
		return
	}
	version := binary.BigEndian.Uint16(b)
	if b, ok := extensions(b); ok {
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

// extensions returns the list of extensions of a server's hello.
func extensions(b []byte) ([]byte, bool) {
	if len(b) < 35 || len(b) < 40+int(b[34]) {
		return nil, false
	}
	b = b[38+int(b[34]):]
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
