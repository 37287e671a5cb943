package snmp

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

// The object identifiers, in BER, by which messages are named.
const (
	usmStats    = "\x2b\x06\x01\x06\x03\x0f\x01\x01"         // 1.3.6.1.6.3.15.1.1 (RFC 3414)
	trapOID     = "\x2b\x06\x01\x06\x03\x01\x01\x04\x01\x00" // snmpTrapOID.0 (RFC 3418)
	genericTrap = "1.3.6.1.6.3.1.1.5."
)

// Counters of the user-based security model that tell why a message was refused.
const (
	unsupportedLevel = 1
	unknownUser      = 3
	wrongDigest      = 5
	decryptionError  = 6
)

// named takes the first object of a request, with its value if it writes a
// number; what a notification is about; and why a report refuses a message.
func (f *flow) named(m *ot.Message, kind byte, list []byte) {
	switch kind {
	case pduGet, pduGetNext, pduBulk, pduSet:
		f.first(m, kind == pduSet, list)
	case pduTrap2, pduInform:
		for range 3 { // the time and the name come first
			_, binding, rest, ok := ber.Next(list)
			if !ok {
				return
			}
			list = rest
			_, name, value, ok := ber.Next(binding)
			if !ok || string(name) != trapOID {
				continue
			}
			if tag, oid, _, ok := ber.Next(value); ok && tag == tagOID {
				m.Name = ber.OID(f.name[:0], oid)
			}
			return
		}
	case pduReport:
		_, binding, _, ok := ber.Next(list)
		if !ok {
			return
		}
		_, name, _, ok := ber.Next(binding)
		if !ok || len(name) != len(usmStats)+2 || string(name[:len(usmStats)]) != usmStats {
			return
		}
		switch m.Status = uint32(name[len(usmStats)]); m.Status {
		case unsupportedLevel, unknownUser, wrongDigest, decryptionError:
			m.Class = ot.Login
			m.Flags |= ot.Refused
		}
	}
}

// first names the first object of a list.
func (f *flow) first(m *ot.Message, write bool, list []byte) {
	_, binding, _, ok := ber.Next(list)
	if !ok {
		return
	}
	tag, name, rest, ok := ber.Next(binding)
	if !ok || tag != tagOID {
		return
	}
	m.Name = ber.OID(f.name[:0], name)
	tag, value, _, ok := ber.Next(rest)
	if v, fits := ber.Int(value); write && ok && fits && (tag == tagInteger || tag >= 0x41 && tag <= 0x43) {
		m.Value = float64(v)
		m.Flags |= ot.HasValue
	}
}

// trap reads the head of a version 1 trap (RFC 1157 section 4.1.6): enterprise,
// agent address, generic, specific, time. It is named as version 2 does (RFC 3584 section 3.1).
func (f *flow) trap(m *ot.Message, b []byte) (rest []byte, ok bool) {
	_, enterprise, b, ok := ber.Next(b)
	if !ok {
		return nil, false
	}
	if _, _, b, ok = ber.Next(b); !ok {
		return nil, false
	}
	generic, b, ok := integer(b)
	if !ok {
		return nil, false
	}
	specific, b, ok := integer(b)
	if !ok {
		return nil, false
	}
	if generic >= 0 && generic < 6 {
		m.Name = strconv.AppendInt(append(f.name[:0], genericTrap...), generic+1, 10)
	} else {
		n := ber.OID(f.name[:0:len(f.name)-32], enterprise)
		m.Name = strconv.AppendInt(append(n, ".0."...), specific, 10)
	}
	_, _, rest, ok = ber.Next(b)
	return rest, ok
}
