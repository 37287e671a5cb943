package sensor

import (
	"cmp"
	"slices"

	"github.com/skanse/skanse/internal/ot"
)

// values are the newest values of a lane's interval: chains in one slice, without
// pointers, each begun by a tuple. What is polled together is many elements under one
// tuple, so a value is kept by its element.
type values struct {
	recs []value
}

type value struct {
	item, text, next uint32 // next: position in recs + 1; 0: the last
	value            float64
	at               int64
}

// Bounds of what is kept: beyond them the oldest value of the tuple makes room.
const (
	valuesOfTuple = 32
	valuesOfLane  = 16384
	textsOfValues = maxTexts / 2 // names of tags must not crowd out codes that are names
)

// reset is for the next interval.
func (v *values) reset() { v.recs = v.recs[:0] }

// put keeps a value in the chain that begins at head; false: there was no room.
func (v *values) put(head *uint32, item, text uint32, x float64, at int64) bool {
	n, oldest := 0, uint32(0)
	for i := *head; i != 0; i = v.recs[i-1].next {
		r := &v.recs[i-1]
		if r.item == item && r.text == text {
			if at >= r.at {
				r.value, r.at = x, at
			}
			return true
		}
		if oldest == 0 || r.at < v.recs[oldest-1].at {
			oldest = i
		}
		n++
	}
	full := len(v.recs) >= valuesOfLane
	switch {
	case n >= valuesOfTuple || full && n > 0:
		if r := &v.recs[oldest-1]; at >= r.at {
			r.item, r.text, r.value, r.at = item, text, x, at
		}
		return true
	case full:
		return false
	}
	v.recs = append(v.recs, value{item, text, *head, x, at})
	*head = uint32(len(v.recs))
	return true
}

// move puts the values of one chain into another.
func (v *values) move(to *uint32, from uint32) {
	if *to == 0 {
		*to = from
		return
	}
	for i := from; i != 0; {
		r := v.recs[i-1]
		v.put(to, r.item, r.text, r.value, r.at)
		i = r.next
	}
}

// told lists a chain, by element.
func (v *values) told(head uint32, x *texts) []Value {
	if head == 0 {
		return nil
	}
	var out []Value
	for i := head; i != 0; i = v.recs[i-1].next {
		r := &v.recs[i-1]
		out = append(out, Value{Item: r.item, Name: ot.Printable(x.all[r.text]), Value: r.value, Seen: r.at})
	}
	slices.SortFunc(out, func(a, b Value) int { return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Name, b.Name)) })
	return out
}

// value keeps what a message says that an element holds.
func (l *lane) value(t *tuple, m *ot.Message) {
	if t.key.other || m.Value-m.Value != 0 { // of nobody knows what, or not finite
		return
	}
	text := uint32(0)
	if m.Space == 0 && len(m.Name) > 0 { // a protocol of names; elsewhere the name only says it in words
		if len(l.texts.all) >= textsOfValues {
			return
		}
		text = l.texts.number(m.Name)
	}
	if !l.values.put(&t.values, m.First, text, m.Value, m.At) {
		l.hit("values")
	}
}

// newest takes the values of a later interval: the newest of each element stays.
func newest(have, more []Value) []Value {
	for _, v := range more {
		i := slices.IndexFunc(have, func(x Value) bool { return x.Item == v.Item && x.Name == v.Name })
		switch {
		case i < 0:
			have = append(slices.Clip(have), v)
		case v.Seen >= have[i].Seen:
			have[i] = v
		}
	}
	return have
}
