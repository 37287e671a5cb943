package flows

import (
	"encoding/binary"
	"fmt"
)

// Bounds of what an exporter can make us remember.
const (
	maxFields    = 512 // of one template; the widest that were seen have about 80
	maxTemplates = 1024
	maxDomains   = 64
	maxSamplers  = 256
)

// field is one element of a template.
type field struct {
	id         uint16
	enterprise uint32
	length     uint16 // 65535: stands before each value
}

// template says how records are laid out.
type template struct {
	fields []field
	least  int  // bytes that a record has at least
	option bool // its records are about the exporter
	scopes int
}

// domain is what one observation domain of an exporter told.
type domain struct {
	templates map[uint16]*template
	samplers  map[uint64]uint32 // rate by id
	rate      uint32            // of the whole domain, as options say; 0: not said
	began     int64             // ns: when its uptime was 0, as options say

	next    uint32 // the sequence that comes next
	started bool
	pending uint32 // missing since the last summary: may still come late
}

func newDomain() *domain {
	return &domain{templates: map[uint16]*template{}, samplers: map[uint64]uint32{}}
}

// learn reads a set of templates. A damaged one ends the set: where the next begins
// cannot be told.
func (d *domain) learn(b []byte, ipfix, option bool) error {
	for len(b) >= 4 {
		r := be{b: b}
		id, count := r.u16(), r.u16()
		if id == 0 && count == 0 { // padding
			return nil
		}
		if ipfix && count == 0 { // withdrawal: RFC 7011, 8.1
			switch {
			case id == setTemplate || id == setOptions:
				for k, t := range d.templates {
					if t.option == (id == setOptions) {
						delete(d.templates, k)
					}
				}
			default:
				delete(d.templates, id)
			}
			b = r.b
			continue
		}
		t := &template{option: option}
		n := int(count)
		switch {
		case option && ipfix:
			t.scopes = int(r.u16())
		case option: // v9 states both lengths in bytes, four a field
			scope, rest := count, r.u16()
			if scope%4 != 0 || rest%4 != 0 {
				return fmt.Errorf("options template %d: %w", id, errLength)
			}
			t.scopes, n = int(scope/4), int(scope/4)+int(rest/4)
		}
		switch {
		case id < 256:
			return fmt.Errorf("template %d has a number that is not a template's: %w", id, errLength)
		case n == 0 || n > maxFields:
			return fmt.Errorf("template %d has %d fields, at most %d are read: %w", id, n, maxFields, errLength)
		case len(r.b) < 4*n:
			return errShort
		}
		for range n {
			f := field{id: r.u16(), length: r.u16()}
			if ipfix && f.id&0x8000 != 0 {
				f.id, f.enterprise = f.id&0x7fff, r.u32()
			}
			if f.length == variable && ipfix {
				t.least++
			} else {
				t.least += int(f.length)
			}
			t.fields = append(t.fields, f)
		}
		switch {
		case r.fail:
			return errShort
		case t.least == 0 || t.least > 65535:
			return fmt.Errorf("template %d describes records of %d bytes: %w", id, t.least, errLength)
		}
		b = r.b
		if _, have := d.templates[id]; !have && len(d.templates) >= maxTemplates {
			continue // no more are remembered; its records count as untold
		}
		d.templates[id] = t
	}
	return nil
}

const variable = 65535

// The sets of IPFIX below the data sets; v9 numbers them 0 and 1.
const (
	setTemplate  = 2
	setOptions   = 3
	setTemplate9 = 0
	setOptions9  = 1
)

// values walks the fields of one record and returns what stands behind it.
func (t *template) values(b []byte, take func(f field, v []byte)) (rest []byte, ok bool) {
	for _, f := range t.fields {
		n := int(f.length)
		if f.length == variable {
			if len(b) < 1 {
				return nil, false
			}
			n, b = int(b[0]), b[1:]
			if n == 255 {
				if len(b) < 2 {
					return nil, false
				}
				n, b = int(binary.BigEndian.Uint16(b)), b[2:]
			}
		}
		if n > len(b) {
			return nil, false
		}
		take(f, b[:n])
		b = b[n:]
	}
	return b, true
}

// templated reads the sets of v9 and IPFIX. untold counts those without a template.
func (d *domain) templated(b []byte, ipfix bool, h *header, out func(*record)) (untold uint64, err error) {
	for len(b) >= 4 {
		id, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			return untold, errLength
		}
		body := b[4:n]
		b = b[n:]
		var e error
		switch {
		case ipfix && id == setTemplate || !ipfix && id == setTemplate9:
			e = d.learn(body, ipfix, false)
		case ipfix && id == setOptions || !ipfix && id == setOptions9:
			e = d.learn(body, ipfix, true)
		case id < 256: // reserved
		default:
			t := d.templates[id]
			if t == nil {
				untold++
				continue
			}
			e = d.data(t, body, ipfix, h, out)
		}
		if e != nil && err == nil {
			err = e
		}
	}
	if len(b) > 0 && err == nil && ipfix {
		err = errShort
	}
	return untold, err
}

// data reads the records of a set. Fewer bytes than a record needs are padding.
func (d *domain) data(t *template, b []byte, ipfix bool, h *header, out func(*record)) error {
	for len(b) >= t.least {
		x := reading{h: h}
		rest, ok := t.values(b, x.take)
		if !ok {
			return errShort
		}
		if ipfix {
			h.units++
		}
		b = rest
		if t.option {
			d.options(&x)
			continue
		}
		x.finish(d)
		out(&x.record)
	}
	return nil
}
