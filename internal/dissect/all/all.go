// Package all lists the dissectors that ship. Adding a protocol is one folder
// beside this one and one line here; docs/adding-a-protocol.md walks through it.
package all

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/bacnet"
	"github.com/skanse/skanse/internal/dissect/dnp3"
	"github.com/skanse/skanse/internal/dissect/iec104"
	"github.com/skanse/skanse/internal/dissect/modbus"
	"github.com/skanse/skanse/internal/dissect/s7comm"
	"github.com/skanse/skanse/internal/dissect/snmp"
)

// Protocols returns every dissector, in the order in which those without a
// port hint are asked: strong signatures first.
func Protocols() []dissect.Protocol {
	return []dissect.Protocol{
		modbus.Protocol{},
		s7comm.Protocol{},
		dnp3.New(),
		iec104.Protocol{},
		bacnet.Protocol{},
		snmp.Protocol{},
	}
}
