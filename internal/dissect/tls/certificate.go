package tls

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/certificate"
)

// certificate reads the server's own certificate, the first of the list
// (RFC 5246 clause 7.4.2). From TLS 1.3 on it is encrypted.
//
//	list length 3 | certificate: length 3, DER
func (f *flow) certificate(b []byte, out *dissect.Sink) {
	if len(b) < 6 {
		return
	}
	n := int(b[3])<<16 | int(binary.BigEndian.Uint16(b[4:]))
	b = b[6:]
	b = b[:min(len(b), n)]
	if e := f.names.Issuer(b); e != nil { // its name stands in clear, also in one that is cut off
		f.service(e, out)
	}
	c, ok := certificate.Read(b)
	if !ok || !out.Src.IP.IsPrivate() {
		return // certificates of the internet's hosts are no identity of the plant's
	}
	out.Fact("tls.certificate_subject", c.Subject)
	if c.SelfSigned {
		out.Fact("tls.certificate_issuer", append(f.text[:0], "itself"...))
	} else {
		out.Fact("tls.certificate_issuer", c.Issuer)
	}
	out.Fact("tls.certificate_until", c.Expires(f.text[:0]))
}
