// Package certificate reads from an X.509 certificate (RFC 5280) what people
// ask of a device that shows it: who it says it is, who vouches for it and
// until when. It verifies nothing and allocates nothing, so that dissectors
// can call it for every certificate on the wire; crypto/x509 is for whoever
// has to trust one.
//
//	Certificate  SEQUENCE { tbs SEQUENCE, algorithm, signature }
//	tbs          [0] version, serial, algorithm, issuer, validity, subject, key, [1], [2], [3] extensions
//	Name         SEQUENCE OF SET OF SEQUENCE { OID, string }
//	validity     SEQUENCE { notBefore, notAfter }, UTCTime or GeneralizedTime
package certificate

import "github.com/skanse/skanse/internal/dissect/ber"

// Info is what a certificate says. The slices point into it.
type Info struct {
	Subject    []byte // common name, or the organisation where there is none
	Issuer     []byte
	DNS, URI   []byte // the first of each among the alternative names
	SelfSigned bool   // issuer and subject are the same name
	notAfter   []byte
}

const (
	commonName     = "\x55\x04\x03" // 2.5.4.3
	organisation   = "\x55\x04\x0a" // 2.5.4.10
	subjectAltName = "\x55\x1d\x11" // 2.5.29.17

	sequence        = 0x30
	setOf           = 0x31
	objectID        = 0x06
	octets          = 0x04
	utcTime         = 0x17
	generalizedTime = 0x18
	altDNS          = 0x82
	altURI          = 0x86
)

// Read takes a certificate apart. ok is false where b is none.
func Read(b []byte) (c Info, ok bool) {
	b, _, ok = ber.Want(b, sequence)
	if !ok {
		return c, false
	}
	tbs, _, ok := ber.Want(b, sequence)
	if !ok {
		return c, false
	}
	tag, _, rest, ok := ber.Next(tbs)
	if !ok {
		return c, false
	}
	if tag == 0xa0 { // version; what follows is the serial number
		if _, _, rest, ok = ber.Next(rest); !ok {
			return c, false
		}
	}
	if _, rest, ok = ber.Want(rest, sequence); !ok { // algorithm
		return c, false
	}
	issuer, rest, ok := ber.Want(rest, sequence)
	if !ok {
		return c, false
	}
	validity, rest, ok := ber.Want(rest, sequence)
	if !ok {
		return c, false
	}
	subject, rest, ok := ber.Want(rest, sequence)
	if !ok {
		return c, false
	}
	if c.notAfter, ok = last(validity); !ok {
		return c, false
	}
	c.Issuer, c.Subject = name(issuer), name(subject)
	c.SelfSigned = string(issuer) == string(subject)
	if extensions, ok := ber.Find(rest, 0xa3); ok {
		c.alternatives(extensions)
	}
	return c, true
}

// last returns the second of the two times, with century.
func last(validity []byte) ([]byte, bool) {
	_, _, rest, ok := ber.Next(validity)
	if !ok {
		return nil, false
	}
	tag, t, _, ok := ber.Next(rest)
	if !ok {
		return nil, false
	}
	want := 12 // YYMMDDhhmmss
	switch tag {
	case generalizedTime:
		want = 14
	case utcTime:
	default:
		return nil, false
	}
	if len(t) < want {
		return nil, false
	}
	for _, x := range t[:want] {
		if x < '0' || x > '9' {
			return nil, false
		}
	}
	return t[:want], true
}

// Expires appends the last day on which the certificate is valid, as
// 2031-05-01, in UTC. Two digits of a year mean 1950 to 2049 (RFC 5280 4.1.2.5.1).
func (c *Info) Expires(dst []byte) []byte {
	t := c.notAfter
	switch len(t) {
	case 12:
		century := "20"
		if t[0] >= '5' {
			century = "19"
		}
		dst = append(dst, century...)
	case 14:
		dst, t = append(dst, t[:2]...), t[2:]
	default:
		return dst
	}
	dst = append(append(dst, t[:2]...), '-')
	dst = append(append(dst, t[2:4]...), '-')
	return append(dst, t[4:6]...)
}

func name(b []byte) (found []byte) {
	for len(b) > 0 {
		set, rest, ok := ber.Want(b, setOf)
		if !ok {
			return found
		}
		b = rest
		pair, _, ok := ber.Want(set, sequence)
		if !ok {
			continue
		}
		oid, value, ok := ber.Want(pair, objectID)
		if !ok {
			continue
		}
		_, text, _, ok := ber.Next(value)
		if !ok {
			continue
		}
		switch string(oid) {
		case commonName:
			return text
		case organisation:
			found = text
		}
	}
	return found
}

func (c *Info) alternatives(b []byte) {
	list, _, ok := ber.Want(b, sequence)
	for ok && len(list) > 0 {
		var ext []byte
		if ext, list, ok = ber.Want(list, sequence); !ok {
			return
		}
		oid, rest, isID := ber.Want(ext, objectID)
		if !isID || string(oid) != subjectAltName {
			continue
		}
		value, _ := ber.Find(rest, octets) // a boolean "critical" may stand before it
		names, _, _ := ber.Want(value, sequence)
		for len(names) > 0 {
			tag, text, more, good := ber.Next(names)
			if !good {
				return
			}
			switch {
			case tag == altDNS && c.DNS == nil:
				c.DNS = text
			case tag == altURI && c.URI == nil:
				c.URI = text
			}
			names = more
		}
	}
}
