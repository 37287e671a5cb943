package bacnet

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Confirmed services that carry something worth keeping (BACnetConfirmedServiceChoice, clause 21).
const (
	acknowledgeAlarm     = 0
	confirmedCOV         = 1
	confirmedEvent       = 2
	subscribeCOV         = 5
	atomicReadFile       = 6
	atomicWriteFile      = 7
	addListElement       = 8
	removeElement        = 9
	createObject         = 10
	deleteObject         = 11
	readProperty         = 12
	readMultiple         = 14
	writeProperty        = 15
	writeMultiple        = 16
	communication        = 17
	confirmedPrivate     = 18
	reinitialize         = 20
	readRange            = 26
	lifeSafety           = 27
	subscribeCOVProperty = 28
)

// Unconfirmed services (BACnetUnconfirmedServiceChoice, clause 21).
const (
	iAm                = 0
	iHave              = 1
	unconfirmedCOV     = 2
	unconfirmedEvent   = 3
	unconfirmedPrivate = 4
	whoAmI             = 13
)

// touch says which object a message is about: its type and instance.
func touch(m *ot.Message, id []byte) bool {
	kind, instance, ok := object(id)
	if ok {
		m.Area, m.First, m.N = kind, instance, 1
	}
	return ok
}

// parameters takes what a request touches: object, property, value, file, or
// the state that a device shall go to. A parameter that does not fit ends it.
func (c *context) parameters(m *ot.Message, service byte, b []byte) {
	switch service {
	case readProperty, writeProperty, readRange, addListElement, removeElement:
		c.property(m, service, b)
	case readMultiple, writeMultiple:
		c.multiple(m, b)
	case atomicReadFile, atomicWriteFile, deleteObject:
		if t, _, ok := next(b); ok && !t.context && t.number == appObjectID {
			touch(m, t.value)
		}
	case communication, reinitialize:
		c.device(m, service, b)
	case confirmedPrivate:
		c.private(m, b)
	case confirmedCOV, confirmedEvent:
		touchContext(m, b, 2)
	case acknowledgeAlarm, subscribeCOV, subscribeCOVProperty:
		touchContext(m, b, 1)
	case createObject:
		if t, b, ok := next(b); ok && t.opening && t.number == 0 {
			touchContext(m, b, 1)
		}
	case lifeSafety:
		c.lifeSafety(m, b)
	}
	c.named(m, service)
}

// touchContext finds the object identifier with the given context tag among
// the first few parameters.
func touchContext(m *ot.Message, b []byte, number byte) {
	for range 3 {
		t, rest, ok := next(b)
		if !ok || !t.context || t.opening || t.closing {
			return
		}
		if t.number == number {
			touch(m, t.value)
			return
		}
		b = rest
	}
}

// lifeSafety reads [0] process, [1] source, [2] operation, [3] object.
func (c *context) lifeSafety(m *ot.Message, b []byte) {
	for range 4 {
		t, rest, ok := next(b)
		if !ok || !t.context || t.opening || t.closing {
			return
		}
		switch t.number {
		case 2:
			m.Value = float64(unsigned(t.value))
			m.Flags |= ot.HasValue
		case 3:
			touch(m, t.value)
		}
		b = rest
	}
}

// private reads [0] vendor, [1] service of a private transfer. Who sends one
// speaks that vendor's dialect.
func (c *context) private(m *ot.Message, b []byte) {
	v, b, ok := next(b)
	if !ok || !v.context || v.number != 0 || v.opening {
		return
	}
	if s, _, ok := next(b); ok && s.context && s.number == 1 && !s.opening {
		m.Space = uint16(unsigned(s.value))
	}
	m.Area = unsigned(v.value)
}

// property reads [0] object, [1] property, [2] index and, in a write, [3] value.
func (c *context) property(m *ot.Message, service byte, b []byte) {
	t, b, ok := next(b)
	if !ok || !t.context || t.number != 0 || !touch(m, t.value) {
		return
	}
	t, b, ok = next(b)
	if !ok || !t.context || t.number != 1 {
		return
	}
	m.Space = uint16(unsigned(t.value))
	if service != writeProperty {
		return
	}
	t, b, ok = next(b)
	if ok && t.context && t.number == 2 && !t.opening {
		t, b, ok = next(b)
	}
	if ok && t.opening && t.number == 3 {
		c.value(m, b)
	}
}

func (c *context) value(m *ot.Message, b []byte) {
	if t, _, ok := next(b); ok {
		if v, ok := t.float(); ok {
			m.Value = v
			m.Flags |= ot.HasValue
		}
	}
}

// multiple reads the first of several accesses:
// [0] object, [1] { [0] property, [1] index, [2] { value } … }
func (c *context) multiple(m *ot.Message, b []byte) {
	t, b, ok := next(b)
	if !ok || !t.context || t.number != 0 || !touch(m, t.value) {
		return
	}
	if t, b, ok = next(b); !ok || !t.opening {
		return
	}
	if t, b, ok = next(b); !ok || !t.context || t.number != 0 {
		return
	}
	m.Space = uint16(unsigned(t.value))
	t, b, ok = next(b)
	if ok && t.context && t.number == 1 && !t.opening {
		t, b, ok = next(b)
	}
	if ok && t.opening && t.number == 2 {
		c.value(m, b)
	}
}

// device reads what DeviceCommunicationControl and ReinitializeDevice want,
// and whether a password stands readable beside it.
func (c *context) device(m *ot.Message, service byte, b []byte) {
	state, password := byte(0), byte(1)
	if service == communication {
		state, password = 1, 2
	}
	for range 3 {
		t, rest, ok := next(b)
		if !ok {
			return
		}
		b = rest
		switch {
		case t.context && t.number == state && len(t.value) > 0:
			m.Value = float64(unsigned(t.value))
			m.Flags |= ot.HasValue
		case t.context && t.number == password && len(t.value) > 1:
			m.Flags |= ot.ClearText
		}
	}
}

// unconfirmed reports an unconfirmed request and what devices say in it.
func (c *context) unconfirmed(service byte, b []byte) dissect.Fault {
	dir := ot.Request
	if service == iAm || service == iHave {
		dir = ot.Response
	}
	m := c.begin(kindUnconfirmed, service, dir)
	switch service {
	case iAm, iHave:
		if t, _, ok := next(b); ok && !t.context && t.number == appObjectID {
			touch(m, t.value)
		}
	case unconfirmedCOV, unconfirmedEvent:
		touchContext(m, b, 2)
	case unconfirmedPrivate:
		c.private(m, b)
	}
	dialect := m.Area
	c.out.End()
	switch service {
	case unconfirmedPrivate:
		c.dialect(dialect)
	case iAm:
		return c.iAm(b)
	case iHave:
		return c.iHave(b)
	case whoAmI:
		return c.whoAmI(b)
	}
	return dissect.OK
}
