package mms

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

// Session SPDUs (X.225 clause 8.3).
const (
	sessionConnect    = 0x0d
	sessionAccept     = 0x0e
	sessionFinish     = 0x09
	sessionDisconnect = 0x0a
	sessionRefuse     = 0x0c
	sessionAbort      = 0x19
	userData          = 0xc1
	extendedUserData  = 0xc2
)

// session finds the presentation's bytes in a session SPDU, or MMS without one.
func (f *flow) session(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) == 0 {
		return dissect.OK
	}
	if len(b) >= 4 && b[0] == 1 && b[1] == 0 && b[2] == 1 && b[3] == 0 {
		pdv, context, ok := presentation(b[4:])
		if !ok {
			return dissect.BadValue
		}
		if context == acse && len(pdv) > 0 && (pdv[0] == 0x62 || pdv[0] == 0x63) {
			return dissect.OK // release
		}
		return f.pdu(dir, pdv, out)
	}
	switch b[0] {
	case sessionConnect, sessionAccept:
		user := parameters(b)
		if user == nil {
			return dissect.Short
		}
		return f.connect(dir, user, out)
	case sessionFinish, sessionDisconnect, sessionRefuse, sessionAbort:
		return dissect.OK
	}
	if b[0] >= 0x80 && b[0] <= 0xad {
		return f.pdu(dir, b, out)
	}
	return dissect.Alien
}

// parameters returns the user data of a connect or accept SPDU: type 1 | length 1 or 0xff and 2 | …
func parameters(b []byte) []byte {
	item := func(b []byte) (value, rest []byte, ok bool) {
		if len(b) < 2 {
			return nil, nil, false
		}
		n, at := int(b[1]), 2
		if n == 0xff {
			if len(b) < 4 {
				return nil, nil, false
			}
			n, at = int(b[2])<<8|int(b[3]), 4
		}
		if n > len(b)-at {
			return nil, nil, false
		}
		return b[at : at+n], b[at+n:], true
	}
	b, _, ok := item(b)
	for ok && len(b) > 0 {
		var value []byte
		kind := b[0]
		if value, b, ok = item(b); ok && (kind == userData || kind == extendedUserData) {
			return value
		}
	}
	return nil
}

// acse is the presentation context that ACSE has by custom; MMS has 3.
const acse = 1

// presentation takes the first value out of user data that is fully encoded:
// 0x61 { 0x30 { [syntax], 0x02 context, 0xa0 { value } } }
func presentation(b []byte) (pdv []byte, context uint32, ok bool) {
	list, _, ok := ber.Want(b, 0x61)
	if !ok {
		return nil, 0, false
	}
	one, _, ok := ber.Want(list, 0x30)
	if !ok {
		return nil, 0, false
	}
	tag, value, rest, ok := ber.Next(one)
	if ok && tag == 0x06 { // a transfer syntax
		tag, value, rest, ok = ber.Next(rest)
	}
	if !ok || tag != 0x02 {
		return nil, 0, false
	}
	pdv, _, ok = ber.Want(rest, 0xa0)
	return pdv, ber.Uint(value), ok
}

// connect reads the presentation's connect PDU, the association in it and the MMS PDU in that:
// 0x31 { 0xa0 mode, 0xa2 { …, 0x61 { 0x30 { 0x02, 0xa0 { ACSE } } } } }
func (f *flow) connect(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	cp, _, ok := ber.Want(b, 0x31)
	if !ok {
		return dissect.BadValue
	}
	normal, ok := ber.Find(cp, 0xa2)
	if !ok {
		return dissect.BadValue
	}
	data := normal
	for len(data) > 0 && data[0] != 0x61 {
		if _, _, data, ok = ber.Next(data); !ok {
			return dissect.Short
		}
	}
	association, _, ok := presentation(data)
	if !ok {
		return dissect.BadValue
	}
	return f.associate(dir, association, out)
}

// associate reads who calls whom: AARQ 0x60, AARE 0x61 (X.227 clause 9.1).
func (f *flow) associate(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	tag, body, _, ok := ber.Next(b)
	if !ok || tag != 0x60 && tag != 0x61 {
		return dissect.BadValue
	}
	title, qualifier, secret := uint32(0xa6), uint32(0xa7), uint32(0xac) // of the caller
	if tag == 0x61 {
		title, qualifier, secret = 0xa4, 0xa5, 0xaa // of the one that answers
	}
	var user, name, number []byte
	clear := false
	for len(body) > 0 {
		tag, value, rest, ok := ber.Next(body)
		if !ok {
			return dissect.Short
		}
		body = rest
		switch tag {
		case title:
			name, _, _ = ber.Want(value, 0x06)
		case qualifier:
			number, _, _ = ber.Want(value, 0x02)
		case secret:
			password, _, ok := ber.Want(value, 0x80)
			clear = ok && len(password) > 0
		case 0xbe:
			external, _, _ := ber.Want(value, 0x28)
			user, _ = ber.Find(external, 0xa0)
		}
	}
	if len(name) > 0 {
		t := ber.OID(f.text[:0:len(f.text)-32], name)
		if len(number) > 0 {
			t = strconv.AppendUint(append(t, " qualifier "...), uint64(ber.Uint(number)), 10)
		}
		out.Fact("mms.ap_title", t)
	}
	if clear {
		out.Secret()
		who := out.Dst
		if tag == 0x61 {
			who = out.Src
		}
		out.FactOf(who, "credential.cleartext", append(f.text[:0], "mms password"...))
	}
	if len(user) == 0 { // refused, before MMS had a say
		return dissect.OK
	}
	return f.pdu(dir, user, out)
}
