package snmp

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/dissect/vendorid"
	"github.com/skanse/skanse/internal/ot"
)

var vendors = vendorid.New("snmp")

const (
	maxBindings = 512

	// The object identifiers in BER, without the last arcs.
	system   = "\x2b\x06\x01\x02\x01\x01"                 // 1.3.6.1.2.1.1 (RFC 3418)
	private  = "\x2b\x06\x01\x04\x01"                     // 1.3.6.1.4.1, the enterprises
	physical = "\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01" // entPhysicalEntry 1.3.6.1.2.1.47.1.1.1.1 (RFC 6933)
)

// bindings reports the objects that identify the sender.
func (f *flow) bindings(b []byte, out *dissect.Sink) dissect.Fault {
	for range maxBindings {
		if len(b) == 0 {
			return dissect.OK
		}
		tag, binding, rest, ok := ber.Next(b)
		if !ok {
			return dissect.Short
		}
		b = rest
		if tag != tagSequence {
			return dissect.BadValue
		}
		tag, name, binding, ok := ber.Next(binding)
		if !ok || tag != tagOID {
			return dissect.BadValue
		}
		tag, value, _, ok := ber.Next(binding)
		if !ok {
			return dissect.Short
		}
		switch {
		case len(name) == len(system)+2 && string(name[:len(system)]) == system && name[len(name)-1] == 0:
			f.system(name[len(system)], tag, value, out)
		case len(name) > len(physical)+1 && string(name[:len(physical)]) == physical:
			f.physical(name[len(physical)], name[len(physical)+1:], tag, value, out)
		}
	}
	return dissect.TooDeep
}

func (f *flow) system(object byte, tag uint32, value []byte, out *dissect.Sink) {
	if object == 2 && tag == tagOID {
		out.Fact("snmp.sysobjectid", ber.OID(f.text[:0], value))
		if id, ok := enterprise(value); ok {
			out.Fact("snmp.vendor", vendors.Name(id))
		}
		return
	}
	if v, fits := ber.Int(value); object == 7 && tag == tagInteger && fits {
		out.Fact("snmp.sysservices", strconv.AppendInt(f.text[:0], v, 10))
		return
	}
	if tag != tagOctets {
		return
	}
	switch object {
	case 1:
		out.Fact("snmp.sysdescr", value)
	case 4:
		out.Fact("snmp.syscontact", value)
	case 5:
		out.Fact("snmp.sysname", value)
	case 6:
		out.Fact("snmp.syslocation", value)
	}
}

// physical reports an entity of the ENTITY-MIB. Entity 1 is the chassis in
// practice; every other one is a module of the host.
func (f *flow) physical(column byte, index []byte, tag uint32, value []byte, out *dissect.Sink) {
	var attr ot.Attr
	switch column {
	case 2:
		attr = "snmp.entphysicaldescr"
	case 7:
		attr = "snmp.entphysicalname"
	case 8:
		attr = "snmp.entphysicalhardwarerev"
	case 9:
		attr = "snmp.entphysicalfirmwarerev"
	case 10:
		attr = "snmp.entphysicalsoftwarerev"
	case 11:
		attr = "snmp.entphysicalserialnum"
	case 12:
		attr = "snmp.entphysicalmfgname"
	case 13:
		attr = "snmp.entphysicalmodelname"
	}
	if attr == "" || tag != tagOctets || len(value) == 0 || len(index) > 5 {
		return
	}
	var entity uint32
	for _, x := range index {
		entity = entity<<7 | uint32(x&0x7f)
	}
	about := out.Src
	if entity != 1 {
		if f.module == "" || f.entity != entity {
			f.entity, f.module = entity, "physical "+strconv.FormatUint(uint64(entity), 10)
		}
		about.Module = f.module
	}
	out.FactOf(about, attr, value)
}

// enterprise is the private enterprise number in an object identifier.
func enterprise(oid []byte) (uint32, bool) {
	if len(oid) <= len(private) || string(oid[:len(private)]) != private {
		return 0, false
	}
	var id uint32
	for _, x := range oid[len(private):] {
		if id > 1<<24 {
			return 0, false
		}
		if id = id<<7 | uint32(x&0x7f); x&0x80 == 0 {
			return id, true
		}
	}
	return 0, false
}
