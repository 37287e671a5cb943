package dnp3

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Data types of a device attribute, clause A.1.
const (
	typeString   = 1
	typeUnsigned = 2
	typeSigned   = 3

	maxNumber = 24 // bytes of a rendered number
)

// attributes steps over device attributes (group 0) and reports those that
// identify the outstation:
//
//	data type | length | value
func (o *objects) attributes(variation byte, h header, b []byte) (int, dissect.Fault) {
	n := 0
	for range h.count {
		n += h.prefix
		if len(b)-n < 2 {
			return 0, dissect.Short
		}
		kind, size := b[n], int(b[n+1])
		n += 2
		if size > len(b)-n {
			return 0, dissect.Short
		}
		if o.function >= fnResponse {
			o.attribute(variation, kind, b[n:n+size])
		}
		n += size
	}
	return n, dissect.OK
}

func (o *objects) attribute(variation, kind byte, value []byte) {
	var attr ot.Attr
	switch variation {
	case 242:
		attr = "dnp3.firmware"
	case 243:
		attr = "dnp3.hardware"
	case 245:
		attr = "dnp3.location"
	case 246:
		attr = "dnp3.id"
	case 247:
		attr = "dnp3.name"
	case 248:
		attr = "dnp3.serial"
	case 249:
		attr = "dnp3.conformance"
	case 250:
		attr = "dnp3.product"
	case 252:
		attr = "dnp3.vendor"
	default:
		return
	}
	switch {
	case kind == typeString:
	case kind == typeUnsigned && len(value) <= 4:
		value = strconv.AppendUint(o.flow.number[:0], uint64(little(value)), 10)
	case kind == typeSigned && len(value) == 4:
		value = strconv.AppendInt(o.flow.number[:0], int64(int32(little(value))), 10)
	default:
		return
	}
	o.out.FactOf(o.flow.units.host(o.unit, o.out.Src), attr, value)
}
