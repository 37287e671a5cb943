// Package snmp dissects SNMP versions 1, 2c and 3 over UDP: the message, its
// PDU and, in what agents answer, the objects that identify a device. It never
// keeps a community string or a user name; encrypted PDUs are counted as such.
//
// Message (RFC 3416, RFC 3412), all in BER:
//
//	SEQUENCE { version, community, PDU }                                          1 and 2c
//	SEQUENCE { version, SEQUENCE { id, size, flags, model }, security, scoped PDU } 3
//
// PDU: [tag] { request id, error status, error index, SEQUENCE { SEQUENCE { name, value } … } }
package snmp

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindPDU ot.Kind = iota // number of the PDU's context tag, RFC 3416 section 3
	kindEncrypted
	kindSecurity // level of a version 3 message: bit 0 authenticated, bit 1 encrypted
)

// PDU tags without the context bits.
const (
	pduGet      = 0
	pduGetNext  = 1
	pduResponse = 2
	pduSet      = 3
	pduTrap     = 4
	pduBulk     = 5
	pduInform   = 6
	pduTrap2    = 7
	pduReport   = 8
)

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "snmp", Kinds: []string{"pdu", "encrypted", "security"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{161, 162},
		MaxPDU:    65507,
		MaxState:  1024,
	}
}

// Probe wants the outer sequence to fill the datagram, a known version, and
// behind it what that version carries.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	tag, body, rest, ok := ber.Next(b)
	if !ok || tag != tagSequence || len(rest) != 0 {
		return dissect.No
	}
	version, body, ok := integer(body)
	if !ok {
		return dissect.No
	}
	switch version {
	case 0, 1:
		tag, _, body, ok = ber.Next(body)
		if !ok || tag != tagOctets || len(body) == 0 || body[0]&0xf0 != 0xa0 || body[0]&0x0f > pduReport {
			return dissect.No
		}
		return dissect.Yes
	case 3:
		tag, _, body, ok = ber.Next(body)
		if !ok || tag != tagSequence || len(body) == 0 || body[0] != tagOctets {
			return dissect.No
		}
		return dissect.Yes
	}
	return dissect.No
}

func (Protocol) Open() dissect.Flow { return &flow{} }

// flow remembers the last write, so that its response is one, and holds space
// to render object identifiers.
type flow struct {
	set      int64 // request id of the last write
	setSeen  bool
	told     [3]uint8 // by ot.Dir: what was said of credentials
	levels   uint8    // bits of the security levels that were told
	pending  uint32   // level of the message in hand, if hasLevel
	hasLevel bool
	text     [ot.MaxFact]byte
	name     [128]byte
	module   string // last module name made, for physical entity
	entity   uint32
}

func (f *flow) Reset() { f.set, f.setSeen, f.told, f.levels = 0, false, [3]uint8{}, 0 }

// Frame is not called: datagrams only.
func (f *flow) Frame(ot.Dir, []byte, bool) (skip, n int) { return 0, 0 }

func (f *flow) Decode(_ ot.Dir, pdu []byte, out *dissect.Sink) dissect.Fault {
	tag, body, _, ok := ber.Next(pdu)
	switch {
	case len(pdu) > 0 && pdu[0] != tagSequence:
		return dissect.Alien
	case !ok || tag != tagSequence:
		return dissect.Short
	}
	version, body, ok := integer(body)
	if !ok {
		return dissect.BadValue
	}
	switch version {
	case 0, 1:
		tag, community, rest, ok := ber.Next(body)
		if !ok {
			return dissect.Short
		}
		if tag != tagOctets {
			return dissect.BadValue
		}
		return f.pdu(rest, community, true, ot.Class(0), out)
	case 3:
		return f.version3(body, out)
	}
	return dissect.Alien
}

// version3 steps over header and security parameters to the scoped PDU.
func (f *flow) version3(b []byte, out *dissect.Sink) dissect.Fault {
	tag, global, b, ok := ber.Next(b)
	if !ok || tag != tagSequence {
		return dissect.BadValue
	}
	level, hasLevel := securityLevel(global)
	tag, security, b, ok := ber.Next(b)
	if !ok || tag != tagOctets {
		return dissect.BadValue
	}
	tag, scoped, _, ok := ber.Next(b)
	if !ok {
		return dissect.Short
	}
	out.Secret() // a user's name, and a digest from which the password can be tried
	engine := engineID(security)
	if tag == tagOctets {
		f.level(level, out)
		m := out.Begin()
		m.Kind = kindEncrypted
		out.Also(kindSecurity, uint32(level), nil)
		out.End()
		return dissect.OK
	}
	if tag != tagSequence {
		return dissect.BadValue
	}
	tag, context, scoped, ok := ber.Next(scoped)
	if !ok || tag != tagOctets {
		return dissect.BadValue
	}
	tag, _, scoped, ok = ber.Next(scoped) // context name
	if !ok || tag != tagOctets || len(scoped) == 0 {
		return dissect.BadValue
	}
	var class ot.Class
	if len(engine) == 0 && len(context) == 0 && scoped[0] == 0xa0 {
		class = ot.Discover // RFC 3414 section 4: asks for the engine id
	}
	if hasLevel && len(engine) > 0 && scoped[0]&0x1f != pduReport { // questions for the engine id, and reports, cannot be protected
		f.level(level, out)
	}
	f.pending, f.hasLevel = uint32(level), hasLevel
	fault := f.pdu(scoped, nil, false, class, out)
	f.hasLevel = false
	if t := scoped[0] & 0x1f; (t == pduResponse || t == pduReport) && len(engine) > 0 && len(engine) <= 32 {
		f.engine(engine, out)
	}
	return fault
}

func engineID(security []byte) []byte {
	tag, body, _, ok := ber.Next(security)
	if !ok || tag != tagSequence {
		return nil
	}
	tag, engine, _, ok := ber.Next(body)
	if !ok || tag != tagOctets {
		return nil
	}
	return engine
}

// pdu reports one PDU and reads the objects in what agents say.
func (f *flow) pdu(b, community []byte, clear bool, class ot.Class, out *dissect.Sink) dissect.Fault {
	tag, body, _, ok := ber.Next(b)
	if len(b) == 0 {
		return dissect.Short
	}
	kind := b[0] & 0x1f
	if b[0]&0xe0 != 0xa0 || kind > pduReport {
		return dissect.BadValue
	}
	m := out.Begin()
	m.Kind, m.Code, m.Class = kindPDU, uint32(kind), class
	m.Dir = ot.Request
	if kind == pduResponse || kind == pduReport {
		m.Dir = ot.Response
	}
	if clear {
		m.Flags |= ot.ClearText
	}
	if !ok || tag != uint32(b[0]) {
		out.End()
		return dissect.Short
	}
	bindings, fault := f.header(m, kind, body)
	if fault == dissect.OK {
		f.named(m, kind, bindings)
	}
	if f.hasLevel {
		out.Also(kindSecurity, f.pending, nil)
	}
	if clear {
		f.credential(m.Dir, community, out)
	}
	if fault == dissect.OK && m.Flags&ot.Refused == 0 { // a refusal echoes what was asked
		switch kind {
		case pduResponse, pduTrap, pduTrap2, pduInform:
			fault = f.bindings(bindings, out)
		}
	}
	out.End()
	return fault
}

// credential says, once a side and conversation, that a community string was
// readable, and whether it is a default, but never which.
func (f *flow) credential(dir ot.Dir, community []byte, out *dissect.Sink) {
	const seen, standard = 1, 2
	told := &f.told[dir]
	value := append(f.text[:0], "snmp community"...)
	if *told&seen == 0 {
		*told |= seen
		out.Fact("credential.cleartext", value)
	}
	if *told&standard == 0 && (string(community) == "public" || string(community) == "private") {
		*told |= standard
		out.Fact("credential.default", value)
	}
}

// header reads what stands before the variable bindings and returns those.
func (f *flow) header(m *ot.Message, kind byte, b []byte) ([]byte, dissect.Fault) {
	if kind == pduTrap {
		var ok bool
		if b, ok = f.trap(m, b); !ok {
			return nil, dissect.Short
		}
	} else {
		id, rest, ok := integer(b)
		if !ok {
			return nil, dissect.Short
		}
		status, rest, ok := integer(rest)
		if !ok {
			return nil, dissect.Short
		}
		if _, b, ok = integer(rest); !ok {
			return nil, dissect.Short
		}
		switch kind {
		case pduSet:
			f.set, f.setSeen = id, true
		case pduResponse:
			if f.setSeen && f.set == id {
				m.Class, f.setSeen = ot.Write, false
			}
			if status != 0 {
				m.Flags |= ot.Refused
				m.Status = uint32(status)
			}
		}
	}
	tag, list, _, ok := ber.Next(b)
	if !ok {
		return nil, dissect.Short
	}
	if tag != tagSequence {
		return nil, dissect.BadValue
	}
	return list, dissect.OK
}
