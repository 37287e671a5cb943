package bacnet

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Object types and properties that identify a device, clauses 12.11 and 21.
const (
	typeDevice = 8

	propAppSoftware  = 12
	propDescription  = 28
	propFirmware     = 44
	propLocation     = 58
	propModelName    = 70
	propObjectName   = 77
	propVendorID     = 120
	propVendorName   = 121
	propProfileName  = 168
	propSerialNumber = 372

	maxPoints = 256 // object names of one conversation; a controller has thousands
)

// iAm reports a device's instance and vendor:
// device object, greatest APDU, segmentation, vendor.
func (c *context) iAm(b []byte) dissect.Fault {
	var v [4]tag
	for i := range v {
		var ok bool
		if v[i], b, ok = next(b); !ok {
			return dissect.Short
		}
	}
	kind, instance, ok := object(v[0].value)
	if !ok || kind != typeDevice || v[3].context || v[3].number != appUnsigned {
		return dissect.BadValue
	}
	f := c.flow
	maker := unsigned(v[3].value)
	c.out.FactOf(c.about, "bacnet.device_id", strconv.AppendUint(f.text[:0], uint64(instance), 10))
	c.out.FactOf(c.about, "bacnet.vendor_id", strconv.AppendUint(f.text[:0], uint64(maker), 10))
	c.out.FactOf(c.about, "bacnet.vendor", vendors.Name(maker))
	text := strconv.AppendUint(append(f.text[:0], "device,"...), uint64(instance), 10)
	text = strconv.AppendUint(append(text, " vendor "...), uint64(maker), 10)
	c.out.FactOf(c.about, "bacnet.i_am", text)
	if c.forwarded {
		c.out.Fact("bacnet.forwards", text)
	}
	return dissect.OK
}

// iHave reports the name of an object: device object, object, name.
func (c *context) iHave(b []byte) dissect.Fault {
	var v [3]tag
	for i := range v {
		var ok bool
		if v[i], b, ok = next(b); !ok {
			return dissect.Short
		}
	}
	kind, _, ok := object(v[1].value)
	if !ok || v[2].context || v[2].number != appString {
		return dissect.BadValue
	}
	c.pointNamed(kind, characters(c.flow.text[:0], v[2].value))
	return dissect.OK
}

// dialect reports whose private services a device uses.
func (c *context) dialect(maker uint32) {
	if maker != 0 {
		c.out.FactOf(c.about, "bacnet.private_vendor", strconv.AppendUint(c.flow.text[:0], uint64(maker), 10))
	}
}

// whoAmI reports what a device without an address says: vendor, model, serial number.
func (c *context) whoAmI(b []byte) dissect.Fault {
	attrs := [3]ot.Attr{"bacnet.vendor_id", "bacnet.model-name", "bacnet.serial-number"}
	for i := range attrs {
		t, rest, ok := next(b)
		if !ok {
			return dissect.Short
		}
		b = rest
		c.fact(attrs[i], t)
	}
	return dissect.OK
}

// complexAck reports an answer with data and reads it, when whole, for properties.
//
//	type and flags | invoke id | [sequence, window] | service | data
func (c *context) complexAck(flags byte, b []byte) dissect.Fault {
	at := 2
	if flags&segmented != 0 {
		at = 4
	}
	if len(b) < at+1 {
		return dissect.Short
	}
	invoke, service, data := b[1], b[at], b[at+1:]
	m := c.begin(kindConfirmed, service, ot.Response)
	if flags&segmented != 0 {
		c.out.End()
		data = c.flow.whole.add(segment{
			from: c.about, invoke: invoke, service: service, seq: b[2], more: flags&moreFollows != 0,
		}, data)
		if data == nil {
			return dissect.OK
		}
		return c.answer(service, data)
	}
	if service == readProperty {
		c.property(m, service, data)
	}
	c.out.End()
	return c.answer(service, data)
}

func (c *context) answer(service byte, b []byte) dissect.Fault {
	switch service {
	case readProperty:
		return c.readAnswer(b)
	case readMultiple:
		return c.multipleAnswer(b)
	}
	return dissect.OK
}

// readAnswer reads [0] object, [1] property, [2] index, [3] { value }.
func (c *context) readAnswer(b []byte) dissect.Fault {
	id, b, ok := next(b)
	if !ok {
		return dissect.Short
	}
	property, b, ok := next(b)
	if !ok {
		return dissect.Short
	}
	kind, _, ok := object(id.value)
	if !ok || !property.context || property.number != 1 {
		return dissect.BadValue
	}
	t, b, ok := next(b)
	if ok && t.context && t.number == 2 && !t.opening {
		t, b, ok = next(b)
	}
	if !ok {
		return dissect.Short
	}
	if !t.opening || t.number != 3 {
		return dissect.BadValue
	}
	if t, _, ok = next(b); ok {
		c.identify(kind, unsigned(property.value), t)
	}
	return dissect.OK
}

// multipleAnswer reads, for each object,
// [0] object, [1] { [2] property, [3] index, [4] { value } or [5] { error } … }.
func (c *context) multipleAnswer(b []byte) dissect.Fault {
	for len(b) > 0 {
		id, rest, ok := next(b)
		if !ok {
			return dissect.Short
		}
		kind, _, ok := object(id.value)
		if !ok || !id.context || id.number != 0 {
			return dissect.BadValue
		}
		t, rest, ok := next(rest)
		if !ok {
			return dissect.Short
		}
		if !t.opening || t.number != 1 {
			return dissect.BadValue
		}
		var fault dissect.Fault
		if b, fault = c.results(kind, rest); fault != dissect.OK {
			return fault
		}
	}
	return dissect.OK
}

// results reads one object's properties up to the closing tag.
func (c *context) results(kind uint32, b []byte) ([]byte, dissect.Fault) {
	property := uint32(0)
	for {
		t, rest, ok := next(b)
		switch {
		case !ok:
			return nil, dissect.Short
		case t.closing:
			return rest, dissect.OK
		case t.opening:
			inside, after, ok := enclosed(rest)
			if !ok {
				return nil, dissect.Short
			}
			if t.number == 4 {
				if value, _, ok := next(inside); ok {
					c.identify(kind, property, value)
				}
			}
			b = after
			continue
		case t.context && t.number == 2:
			property = unsigned(t.value)
		}
		b = rest
	}
}

// identify reports a property that says what a device is.
func (c *context) identify(kind, property uint32, value tag) {
	if property == propObjectName {
		if !value.context && value.number == appString {
			c.pointNamed(kind, characters(c.flow.text[:0], value.value))
		}
		return
	}
	if kind != typeDevice {
		return
	}
	switch property {
	case propAppSoftware:
		c.fact("bacnet.application-software-version", value)
	case propDescription:
		c.fact("bacnet.description", value)
	case propFirmware:
		c.fact("bacnet.firmware-revision", value)
	case propLocation:
		c.fact("bacnet.location", value)
	case propModelName:
		c.fact("bacnet.model-name", value)
	case propVendorID:
		c.fact("bacnet.vendor-identifier", value)
	case propVendorName:
		c.fact("bacnet.vendor-name", value)
	case propProfileName:
		c.fact("bacnet.profile-name", value)
	case propSerialNumber:
		c.fact("bacnet.serial-number", value)
	}
}

// pointNamed reports an object's name: the device's own, or one of its first points.
func (c *context) pointNamed(kind uint32, name []byte) {
	if kind == typeDevice {
		c.out.FactOf(c.about, "bacnet.object_name", name)
		return
	}
	if c.flow.points < maxPoints {
		c.flow.points++
		c.out.FactOf(c.about, "bacnet.point_name", name)
	}
}

// fact reports a string or a number.
func (c *context) fact(attr ot.Attr, t tag) {
	switch {
	case t.context || t.opening || t.closing:
	case t.number == appString:
		c.out.FactOf(c.about, attr, characters(c.flow.text[:0], t.value))
	case t.number == appUnsigned:
		c.out.FactOf(c.about, attr, strconv.AppendUint(c.flow.text[:0], uint64(unsigned(t.value)), 10))
	}
}
