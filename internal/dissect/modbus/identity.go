package modbus

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// facts reads what a device says of itself: device identification (6.21) and
// the text that many put into their server id (6.13).
func (f *flow) facts(fc byte, d, adu []byte, out *dissect.Sink) {
	if fc != reportServerID && fc != encapsulated && fc != umas {
		return
	}
	about, unit := out.Src, adu[6]
	// 0 and 255 mean the server itself, and 1 is what a device without a
	// serial side usually listens to. Any other is a device behind a gateway.
	if unit > 1 && unit != 255 {
		about.Module = f.unit(unit)
	}
	switch fc {
	case reportServerID:
		// byte count, server id, run indicator, then text as the maker likes
		if len(d) > 6 && int(d[0]) == len(d)-1 && readable(d[3:]) {
			out.FactOf(about, "modbus.server_id", d[3:])
		}
	case umas:
		f.umasFacts(binary.BigEndian.Uint16(adu), d, about, out)
	case encapsulated:
		// MEI 14, read code, conformity, more follows, next object, number, then id, length, text …
		if len(d) < 6 || d[0] != mei14 {
			return
		}
		objects := d[6:]
		for range d[5] {
			if len(objects) < 2 || len(objects) < 2+int(objects[1]) {
				return
			}
			value := objects[2 : 2+int(objects[1])]
			if attr := object(objects[0]); attr != "" {
				out.FactOf(about, attr, value)
			}
			objects = objects[2+len(value):]
		}
	}
}

// object names the basic and regular objects of table "Device Identification Objects"; the
// extended ones (128 and up) are the maker's own.
func object(id byte) ot.Attr {
	switch id {
	case 0:
		return "modbus.vendor_name"
	case 1:
		return "modbus.product_code"
	case 2:
		return "modbus.revision"
	case 3:
		return "modbus.vendor_url"
	case 4:
		return "modbus.product_name"
	case 5:
		return "modbus.model_name"
	case 6:
		return "modbus.user_application_name"
	}
	return ""
}

func readable(b []byte) bool {
	for _, c := range b {
		if (c < 0x20 || c > 0x7e) && c != 0 {
			return false
		}
	}
	return b[0] != 0
}

func (f *flow) unit(n byte) string {
	if f.units == nil {
		f.units = new([256]string)
	}
	if f.units[n] == "" {
		f.units[n] = "unit " + strconv.Itoa(int(n))
	}
	return f.units[n]
}
