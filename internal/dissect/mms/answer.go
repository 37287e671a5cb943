package mms

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

const maxNames = 64 // logical devices that one answer may name

// response: 0x02 invoke id | [service]
func (f *flow) response(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	id, rest, ok := ber.Want(b, 0x02)
	if !ok {
		return dissect.BadValue
	}
	tag, body, _, ok := ber.Next(rest)
	if !ok {
		return dissect.Short
	}
	service := ber.Number(tag)
	if service > maxService {
		return dissect.BadValue
	}
	f.tell(dir.Reverse(), out)
	detail := nothing
	if q := f.answered(dir, ber.Uint(id)); q != nil {
		if uint32(q.service) == service {
			detail = q.detail
		}
		q.service = 0xff
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindService, service, ot.Response
	switch service {
	case identify:
		vendor, _ := ber.Find(body, 0x80)
		model, _ := ber.Find(body, 0x81)
		revision, _ := ber.Find(body, 0x82)
		out.Fact("mms.vendor", vendor)
		out.Fact("mms.model", model)
		out.Fact("mms.revision", revision)
	case getNameList:
		list, _ := ber.Find(body, 0xa0)
		for ; len(list) > 0; m.N++ {
			name, rest, ok := ber.Want(list, 0x1a)
			if !ok {
				break
			}
			if list = rest; detail == logicalDevices && m.N < maxNames {
				out.Fact("mms.domain", name)
			}
		}
	case readVariable:
		f.readAnswer(m, body, detail, out)
	case writeVariable:
		for rest := body; len(rest) > 0; m.N++ {
			tag, code, next, ok := ber.Next(rest)
			if !ok {
				break
			}
			if rest = next; tag == 0x80 && m.Flags&ot.Refused == 0 {
				m.Status = ber.Uint(code)
				m.Flags |= ot.Refused
			}
		}
	case fileOpen: // 0x80 handle | 0xa1 { 0x80 size, 0x81 modified }
		if attributes, ok := ber.Find(body, 0xa1); ok {
			size, _ := ber.Find(attributes, 0x80)
			m.N = ber.Uint(size)
		}
	case fileRead, uploadSegment:
		if data, ok := ber.Find(body, 0x80); ok {
			m.N = uint32(len(data))
		}
		out.Secret() // a file's content
	case downloadSegment:
		out.Secret()
	}
	out.End()
	return dissect.OK
}

// readAnswer: 0xa1 [ 0x80 error | data ]; the first error speaks for all.
func (f *flow) readAnswer(m *ot.Message, b []byte, detail uint8, out *dissect.Sink) {
	list, ok := ber.Find(b, 0xa1)
	if !ok {
		return
	}
	for rest := list; len(rest) > 0; m.N++ {
		tag, value, next, ok := ber.Next(rest)
		if !ok {
			return
		}
		if rest = next; tag == 0x80 && m.Flags&ot.Refused == 0 {
			m.Status = ber.Uint(value)
			m.Flags |= ot.Refused
		}
		if tag != 0x8a && tag != 0x90 || m.N > 0 {
			continue
		}
		switch detail {
		case vendorName:
			out.Fact("mms.vendor", value)
		case modelName:
			out.Fact("mms.model", value)
		case serialNumber:
			out.Fact("mms.serial", value)
		case softwareRevision:
			out.Fact("mms.revision", value)
		case hardwareRevision:
			out.Fact("mms.hardware_revision", value)
		case configRevision:
			out.Fact("mms.config_revision", value)
		}
	}
}

// unasked: 0xa0 report { variables, 0xa0 values } | 0xa1 status | 0xa2 event
func (f *flow) unasked(b []byte, out *dissect.Sink) dissect.Fault {
	tag, body, _, ok := ber.Next(b)
	if !ok {
		return dissect.Short
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindUnconfirmed, ber.Number(tag), ot.Response
	if m.Code == 0 {
		f.variables(m, body, 0, out)
	}
	out.End()
	return dissect.OK
}
