package s7comm

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Function groups of user data.
const (
	groupPG       = 1
	groupCPU      = 4
	groupSecurity = 5

	subForce    = 9 // of groupPG
	subReadSZL  = 1
	subPassword = 1
)

// userdata reports a user data PDU. Parameters:
//
//	0  3  00 01 12
//	3  1  length of what follows
//	4  1  method: 0x11 request, 0x12 response or a later part
//	5  1  type (high half: 0 push, 4 request, 8 response) and function group
//	6  1  sub-function
//	7  1  sequence number
//	8  1  data unit reference   from here on only where the length is 8
//	9  1  1: more data units follow
//	10 2  error
//
// Data: return code, type, length (2), content.
func (f *flow) userdata(p, d []byte, out *dissect.Sink) dissect.Fault {
	if len(p) < 8 {
		return dissect.Short
	}
	group, sub := p[5]&15, p[6]
	m := out.Begin()
	m.Kind, m.Code = kindUserdata, uint32(group)<<8|uint32(sub)
	switch p[5] >> 4 {
	case 4:
		m.Dir = ot.Request
	case 8:
		m.Dir = ot.Response
	}
	var content []byte
	if len(d) >= 4 && d[0] == succeeded {
		content = d[4:]
		content = content[:min(len(content), int(binary.BigEndian.Uint16(d[2:])))]
	}
	ref, more := byte(0), false
	if len(p) >= 12 {
		ref, more = p[8], p[9] != 0
		if m.Status = uint32(binary.BigEndian.Uint16(p[10:])); m.Status != 0 {
			m.Flags |= ot.Refused
		}
	}
	switch {
	case group == groupSecurity && sub == subPassword && m.Dir == ot.Request:
		m.Flags |= ot.ClearText // the eight characters are only XORed with a constant
	case group == groupPG && sub == subForce && m.Dir == ot.Request:
		m.Flags |= ot.Forced
	}
	if group != groupCPU || sub != subReadSZL || content == nil {
		out.End()
		return dissect.OK
	}
	if m.Dir != ot.Response {
		if len(content) >= 4 {
			szl(m, content, out)
		}
		out.End()
		return dissect.OK
	}
	head, records, done := f.list.add(ref, more, content)
	if done && len(head) >= 4 {
		szl(m, head, out)
	}
	out.End()
	if done {
		f.facts(head, records, out)
	}
	return dissect.OK
}

// szl turns the message into one about the list, the function beside it.
func szl(m *ot.Message, head []byte, out *dissect.Sink) {
	out.Also(kindUserdata, m.Code, nil)
	m.Kind, m.Code, m.N = kindSZL, uint32(binary.BigEndian.Uint16(head)), 1
	m.First = uint32(binary.BigEndian.Uint16(head[2:]))
}

// list is a status list that comes in several data units. Only identity lists
// are kept; of the others the id is remembered.
type list struct {
	ref  byte
	head [8]byte // id, index, length of a record, number of records
	got  int     // bytes of head
	buf  []byte
}

func (l *list) reset() { l.ref, l.got, l.buf = 0, 0, l.buf[:0] }

// add takes one data unit and returns the list's head and records once it is whole.
func (l *list) add(ref byte, more bool, content []byte) (head, records []byte, done bool) {
	if ref == 0 || l.ref != ref {
		l.reset()
		if !more { // in one piece
			n := min(len(content), len(l.head))
			return content[:n], content[n:], true
		}
		l.ref = ref
		l.got = copy(l.head[:], content)
		content = content[l.got:]
	}
	if l.identity() && len(l.buf)+len(content) <= maxList {
		l.buf = append(l.buf, content...)
	}
	if more {
		return nil, nil, false
	}
	l.ref = 0
	return l.head[:l.got], l.buf, true
}

func (l *list) identity() bool { return l.got == len(l.head) && identity(l.head[:]) }

// identity says whether a list with this head names the module (0x11) or the components (0x1C).
func identity(head []byte) bool { return head[1] == 0x11 || head[1] == 0x1c }

// facts reads the records of an identity list.
func (f *flow) facts(head, records []byte, out *dissect.Sink) {
	if len(head) < 8 || !identity(head) {
		return
	}
	size := int(binary.BigEndian.Uint16(head[4:]))
	if size < 4 {
		return
	}
	for n := binary.BigEndian.Uint16(head[6:]); n > 0 && len(records) >= size; n-- {
		if head[1] == 0x11 && size >= 28 {
			f.module(records[:28], out)
		} else if head[1] == 0x1c {
			component(records[:size], out)
		}
		records = records[size:]
	}
}

// module reads a record of list 0x11: index, order code (20), type (2), release (2), release (2).
func (f *flow) module(r []byte, out *dissect.Sink) {
	order := text(r[2:22])
	switch binary.BigEndian.Uint16(r) {
	case 1:
		out.Fact("s7comm.order_code", order)
	case 6:
		out.Fact("s7comm.hardware_order_code", order)
	case 7:
		if r[24] == 'V' {
			out.Fact("s7comm.firmware", version(f.scratch[:0], r[24:28]))
		}
	case 0x81:
		if len(order) > 0 {
			b := append(append(f.scratch[:0], order...), ' ')
			out.Fact("s7comm.boot_loader", version(b, r[24:28]))
		}
	}
}

// version writes 'V' 3 2 6 as V3.2.6.
func version(to, r []byte) []byte {
	if r[0] > ' ' && r[0] < 0x7f {
		to = append(to, r[0])
	}
	part := 0
	for _, n := range r[1:4] {
		if n == ' ' { // padding where a release has two parts
			continue
		}
		if part++; part > 1 {
			to = append(to, '.')
		}
		if n >= 100 {
			to = append(to, '0'+n/100)
		}
		if n >= 10 {
			to = append(to, '0'+n/10%10)
		}
		to = append(to, '0'+n%10)
	}
	return to
}

// component reads a record of list 0x1C: index, then text of 24 to 32 characters.
func component(r []byte, out *dissect.Sink) {
	var attr ot.Attr
	switch binary.BigEndian.Uint16(r) {
	case 1:
		attr = "s7comm.plc_name"
	case 2:
		attr = "s7comm.module_name"
	case 3:
		attr = "s7comm.plant_name"
	case 4:
		attr = "s7comm.copyright"
	case 5:
		attr = "s7comm.serial"
	case 7:
		attr = "s7comm.cpu_type"
	case 8:
		attr = "s7comm.mmc_serial"
	case 11:
		attr = "s7comm.location"
	default:
		return
	}
	out.Fact(attr, text(r[2:]))
}

// text cuts padding: everything behind the first zero, and spaces.
func text(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
