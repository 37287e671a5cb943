// Package wire writes a sensor's summary as bytes and reads it back: what crosses
// the network, a data diode or a stick. It is compact (numbers as varints, every
// text, host and conversation once) and strict: a summary is read whole or refused
// with the reason. It opens no file and no connection.
//
//	"SKS" version                      version: one byte
//	section*                           tag uvarint, length uvarint, payload
//	  1 texts      count, (length, bytes)*
//	  2 hosts      count, record*      realm, MAC, IP, module
//	  3 keys       count, record*      realm, client, server, transport, port, protocol
//	  4 head       record              sensor, epoch, seq, from, to, sent, flags, health
//	  5 … 9        count, record*      hosts, flows, tuples, events, facts
//	  10           empty               records lie in columns
//	  11           count, record*      programs
//	record: length uvarint, fields in a fixed order. Times are ns from the head's "from".
//
// From version 7 on the records of all sections but the head lie in columns:
//
//	count, number of fields, (length, the field of each record)*
//
// Fields are only ever added behind the last. So a record of an older version is
// read with the missing fields empty, and a record of a newer one without the
// fields that nobody here knows. A section of a newer version is skipped if its
// tag is odd and above 9, else the summary is refused: its writer says by the tag
// whether it can be understood without. In a summary of our own version nothing may
// be missing and nothing may be left over.
package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// The versions that are read; the newest is written.
//
//	1  as first written
//	2  Health.Repeated, Event.Repeats
//	3  Health.Mirror, Health.Port, Health.Ring as JSON: few, and not yet at rest
//	4  TupleDelta.Values
//	5  Health.Copies, FlowDelta.Print, programs
//	6  FlowDelta.Again, FlowDelta.Resets, TupleDelta.Pace
//	7  columns; Event.Until, Event.Bytes, Event.Began
const (
	Version = 7
	oldest  = 1
)

const magic = "SKS"

// Bounds of one summary. Split keeps a sensor below them.
const (
	MaxBytes   = 32 << 20
	MaxRecords = 100_000
	maxText    = 64 << 10
	maxBudgets = 1000
)

// The sections.
const (
	secTexts = iota + 1
	secHosts
	secKeys
	secHead
	secSeen // HostDelta
	secFlows
	secTuples
	secEvents
	secFacts
	secColumns  = 10 // even: who does not know columns must not take them for records
	secPrograms = 11
	secLast     = secPrograms
)

// Encode writes a summary in our version.
func Encode(sum *sensor.Summary) []byte { return encode(sum, Version) }

func encode(sum *sensor.Summary, version byte) []byte {
	t := &tables{texts: map[string]uint64{}, hosts: map[ot.Host]uint64{}, keys: map[sensor.FlowKey]uint64{}}
	c := &coder{tables: t, writing: true, version: version, base: sum.From}
	sections := [secLast + 1][]byte{}
	sections[secHead] = c.section(func() { c.record(func() { c.head(sum) }) })
	sections[secSeen] = list(c, &sum.Hosts, (*coder).seen)
	sections[secFlows] = list(c, &sum.Flows, (*coder).flow)
	sections[secTuples] = list(c, &sum.Tuples, (*coder).tuple)
	sections[secEvents] = list(c, &sum.Events, (*coder).event)
	sections[secFacts] = list(c, &sum.Facts, (*coder).fact)
	if version >= 5 {
		sections[secPrograms] = list(c, &sum.Programs, (*coder).program)
	}
	// The tables last, from the back: a key names hosts, a host names texts.
	sections[secKeys] = list(c, &t.keyList, (*coder).keyFields)
	sections[secHosts] = list(c, &t.hostList, (*coder).hostFields)
	sections[secTexts] = c.section(func() {
		c.out = binary.AppendUvarint(c.out, uint64(len(t.textList)))
		for _, s := range t.textList {
			c.out = append(binary.AppendUvarint(c.out, uint64(len(s))), s...)
		}
	})
	out := append([]byte(magic), version)
	for tag := secTexts; tag <= secLast; tag++ {
		if !sectionIn(tag, version) {
			continue
		}
		out = binary.AppendUvarint(out, uint64(tag))
		out = binary.AppendUvarint(out, uint64(len(sections[tag])))
		out = append(out, sections[tag]...)
	}
	return out
}

// Decode reads a summary. Nothing of b is kept.
func Decode(b []byte) (*sensor.Summary, error) {
	sum, err := decode(b)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the summary cannot be read: %w", err)
	}
	return sum, nil
}

func decode(b []byte) (*sensor.Summary, error) {
	switch {
	case len(b) > MaxBytes:
		return nil, fmt.Errorf("it has %d bytes, at most %d are read", len(b), MaxBytes)
	case len(b) < len(magic)+1 || string(b[:len(magic)]) != magic:
		return nil, fmt.Errorf("it does not begin with %s", magic)
	}
	c := &coder{tables: &tables{}, version: b[len(magic)]}
	if c.version < oldest {
		return nil, fmt.Errorf("it is of version %d, the oldest that is read is %d", c.version, oldest)
	}
	var sections [secLast + 1][]byte
	had := [secLast + 1]bool{}
	for rest := b[len(magic)+1:]; len(rest) > 0; {
		tag, n := binary.Uvarint(rest)
		if n <= 0 {
			return nil, fmt.Errorf("a section's tag is cut off")
		}
		rest = rest[n:]
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return nil, fmt.Errorf("section %d is cut off", tag)
		}
		body := rest[n : n+int(size)]
		rest = rest[n+int(size):]
		switch {
		case tag > 0 && tag <= secLast && sectionIn(int(tag), c.version) && had[tag]:
			return nil, fmt.Errorf("section %d stands twice", tag)
		case tag > 0 && tag <= secLast && sectionIn(int(tag), c.version):
			sections[tag], had[tag] = body, true
		case c.version <= Version || tag%2 == 0:
			return nil, fmt.Errorf("section %d of version %d is not known here: this program reads version %d", tag, c.version, Version)
		}
	}
	for tag := secTexts; tag <= secLast; tag++ {
		if !had[tag] && sectionIn(tag, c.version) {
			return nil, fmt.Errorf("section %d is missing", tag)
		}
	}
	sum := &sensor.Summary{}
	c.readTexts(sections[secTexts])
	read(c, secHosts, sections[secHosts], &c.hostList, (*coder).hostFields)
	read(c, secKeys, sections[secKeys], &c.keyList, (*coder).keyFields)
	c.in = sections[secHead]
	c.record(func() { c.head(sum) })
	c.end(secHead)
	c.base = sum.From
	read(c, secSeen, sections[secSeen], &sum.Hosts, (*coder).seen)
	read(c, secFlows, sections[secFlows], &sum.Flows, (*coder).flow)
	read(c, secTuples, sections[secTuples], &sum.Tuples, (*coder).tuple)
	read(c, secEvents, sections[secEvents], &sum.Events, (*coder).event)
	read(c, secFacts, sections[secFacts], &sum.Facts, (*coder).fact)
	if c.version >= 5 {
		read(c, secPrograms, sections[secPrograms], &sum.Programs, (*coder).program)
	}
	return sum, c.err
}

// sectionIn says whether a version has the section; tags from 10 on are odd where an older reader may skip them.
func sectionIn(tag int, version byte) bool {
	return tag <= secFacts || tag == secPrograms && version >= 5 || tag == secColumns && version >= 7
}

// section collects what write appends.
func (c *coder) section(write func()) []byte {
	c.out = nil
	write()
	return c.out
}

// list writes a count and its records.
func list[T any](c *coder, items *[]T, fields func(*coder, *T)) []byte {
	if c.version >= 7 {
		return listed(c, items, fields)
	}
	return c.section(func() {
		c.out = binary.AppendUvarint(c.out, uint64(len(*items)))
		for i := range *items {
			c.record(func() { fields(c, &(*items)[i]) })
		}
	})
}

// read reads a count and its records. Memory follows the bytes that are there,
// never the count that is claimed.
func read[T any](c *coder, tag int, b []byte, items *[]T, fields func(*coder, *T)) {
	if c.err != nil {
		return
	}
	if c.version >= 7 {
		readColumns(c, tag, b, items, fields)
		return
	}
	c.in = b
	var n uint64
	c.raw(&n)
	if c.records += n; n > MaxRecords || c.records > 3*MaxRecords || n > uint64(len(b)) {
		c.fail("section %d claims %d records: at most %d are read", tag, n, MaxRecords)
		return
	}
	if n > 0 {
		*items = make([]T, 0, min(n, uint64(len(b)/minRecord)+1))
	}
	for range n {
		var v T
		c.record(func() { fields(c, &v) })
		if c.err != nil {
			c.err = fmt.Errorf("section %d, record %d: %w", tag, len(*items), c.err)
			return
		}
		*items = append(*items, v)
	}
	c.end(tag)
}

// minRecord is the shortest record of any kind: its length and three fields.
const minRecord = 4

func (c *coder) end(tag int) {
	if c.err == nil && len(c.in) > 0 {
		c.fail("section %d has %d bytes too many", tag, len(c.in))
	}
}

func (c *coder) readTexts(b []byte) {
	c.in = b
	var n uint64
	c.raw(&n)
	if n > uint64(len(b)) {
		c.fail("%d texts are claimed in %d bytes", n, len(b))
		return
	}
	for range n {
		var size uint64
		c.raw(&size)
		if c.err == nil && (size > maxText || size > uint64(len(c.in))) {
			c.fail("a text is cut off or longer than %d bytes", maxText)
		}
		if c.err != nil {
			return
		}
		c.textList = append(c.textList, string(c.in[:size]))
		c.in = c.in[size:]
	}
	c.end(secTexts)
}
