package tls

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
)

// certificate reads the server's own certificate, the first of the list
// (RFC 5246 clause 7.4.2, X.509 in DER). From TLS 1.3 on it is encrypted.
//
//	list length 3 | certificate: length 3, DER
//	SEQUENCE { SEQUENCE { [0] version, serial, algorithm, issuer, validity, subject … } … }
func (f *flow) certificate(b []byte, out *dissect.Sink) {
	if len(b) < 6 {
		return
	}
	n := int(b[3])<<16 | int(binary.BigEndian.Uint16(b[4:]))
	b = b[6:]
	b = b[:min(len(b), n)]
	_, whole, _ := element(b)
	_, tbs, _ := element(whole)
	if tag, _, rest := element(tbs); tag == 0xa0 {
		tbs = rest
	}
	_, _, tbs = element(tbs) // serial
	_, _, tbs = element(tbs) // algorithm
	_, issuer, tbs := element(tbs)
	_, validity, tbs := element(tbs)
	_, subject, _ := element(tbs)
	if len(issuer) == 0 {
		return
	}
	if e := f.names.Issuer(issuer); e != nil {
		f.service(e, out)
	}
	if !out.Src.IP.IsPrivate() {
		return // certificates of the internet's hosts are no identity of the plant's
	}
	out.Fact("tls.certificate_subject", commonName(subject))
	if bytes.Equal(issuer, subject) {
		out.Fact("tls.certificate_issuer", append(f.text[:0], "itself"...))
	} else {
		out.Fact("tls.certificate_issuer", commonName(issuer))
	}
	_, _, until := element(validity)
	tag, when, _ := element(until)
	out.Fact("tls.certificate_until", f.date(tag, when))
}

// element reads one DER element; where there is none, all is empty.
func element(b []byte) (tag byte, body, rest []byte) {
	if len(b) < 2 {
		return 0, nil, nil
	}
	n, at := int(b[1]), 2
	switch {
	case n == 0x81 && len(b) >= 3:
		n, at = int(b[2]), 3
	case n == 0x82 && len(b) >= 4:
		n, at = int(binary.BigEndian.Uint16(b[2:])), 4
	case n >= 0x80:
		return 0, nil, nil
	}
	if n > len(b)-at {
		n = len(b) - at // cut off by the end of a record: what is there counts
	}
	return b[0], b[at : at+n], b[at+n:]
}

// commonName returns a name's CN, or without one its organisation.
func commonName(name []byte) []byte {
	var organisation []byte
	for len(name) > 0 {
		var set []byte
		_, set, name = element(name)
		_, pair, _ := element(set)
		_, id, value := element(pair)
		_, text, _ := element(value)
		switch {
		case bytes.Equal(id, []byte{0x55, 4, 3}):
			return text
		case bytes.Equal(id, []byte{0x55, 4, 10}):
			organisation = text
		}
	}
	return organisation
}

// date writes a UTCTime or GeneralizedTime as 2031-05-28.
func (f *flow) date(tag byte, when []byte) []byte {
	t := f.text[:0]
	switch {
	case tag == 0x17 && len(when) >= 6:
		century := "20"
		if when[0] >= '5' {
			century = "19"
		}
		t = append(append(t, century...), when[:2]...)
		when = when[2:]
	case tag == 0x18 && len(when) >= 8:
		t = append(t, when[:4]...)
		when = when[4:]
	default:
		return nil
	}
	for _, c := range when[:4] {
		if c < '0' || c > '9' {
			return nil
		}
	}
	t = append(append(t, '-'), when[:2]...)
	return append(append(t, '-'), when[2:4]...)
}
