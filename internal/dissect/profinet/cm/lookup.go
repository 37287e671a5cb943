package cm

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

const (
	opLookup      = 2
	entryAt       = 20 + 4 + 12 // handle, number of entries, NDR's array
	annotationAt  = entryAt + 28
	annotationLen = 64
)

// lookup reports a question to the endpoint mapper, whose answer describes the
// device, IEC 61158-6-10, 4.10.3.2. Entry: object (16), tower (4), offset and
// length of the annotation (4, 4), annotation:
//
//	0   25 type of device    25 1 space
//	26  20 order code        46 1 space
//	47  5  hardware revision 52 1 space
//	53  1  V, 54 9 firmware: three numbers of three digits
func (f *flow) lookup(b, body []byte, order byteOrder, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindLookup, uint32(order.Uint16(b[68:])), ot.Request
	if b[1] != ptypeRequest {
		m.Dir = ot.Response
	}
	if b[1] == ptypeFault || b[1] == ptypeReject {
		m.Flags |= ot.Refused
	}
	operation, dir := m.Code, m.Dir
	out.End()
	if operation != opLookup || dir != ot.Response || len(body) < annotationAt+annotationLen-1 || order.Uint32(body[20:]) == 0 {
		return dissect.OK
	}
	if object := body[entryAt:]; order.Uint32(object) == 0xdea00000 {
		out.Fact("pn_io.device_id", hex(f.text[:0], object[12:14]))
		out.Fact("pn_io.vendor_id", hex(f.text[:0], object[14:16]))
	}
	a := body[annotationAt : annotationAt+annotationLen-1]
	if !printable(a) {
		return dissect.OK
	}
	out.Fact("pn_io.device_type", trim(a[:25]))
	out.Fact("pn_io.order_code", trim(a[26:46]))
	out.Fact("pn_io.hardware_revision", trim(a[47:52]))
	if a[53] != ' ' {
		out.Fact("pn_io.firmware", annotated(f.text[:0], a[53:63]))
	}
	return dissect.OK
}

// annotated writes "V  2  8  1" as V2.8.1.
func annotated(to, a []byte) []byte {
	to = append(to, a[0])
	for i := 1; i+3 <= len(a); i += 3 {
		if i > 1 {
			to = append(to, '.')
		}
		digits := trim(a[i : i+3])
		for len(digits) > 1 && digits[0] == '0' {
			digits = digits[1:]
		}
		to = append(to, digits...)
	}
	return to
}

func printable(a []byte) bool {
	for _, c := range a {
		if c < ' ' && c != 0 || c > 0x7e {
			return false
		}
	}
	return true
}
