package sensor

import (
	"math"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

// A chain keeps the newest value of each element, and of many elements the newest ones.
func TestValues(t *testing.T) {
	var v values
	x := newTexts()
	var head, other uint32
	for _, c := range []struct {
		item  uint32
		value float64
		at    int64
	}{{40, 1, 10}, {50, 7, 11}, {40, 2, 12}, {40, 9, 5}} {
		if !v.put(&head, c.item, 0, c.value, c.at) {
			t.Fatal("no room")
		}
	}
	v.put(&other, 40, 0, 100, 20)
	got := v.told(head, &x)
	if len(got) != 2 || got[0] != (Value{Item: 40, Value: 2, Seen: 12}) || got[1] != (Value{Item: 50, Value: 7, Seen: 11}) {
		t.Errorf("%+v", got)
	}
	for i := range uint32(100) {
		v.put(&head, 1000+i, 0, float64(i), int64(100+i))
	}
	if got = v.told(head, &x); len(got) != valuesOfTuple || got[0].Item != 1100-valuesOfTuple {
		t.Errorf("%d values, the first of %d", len(got), got[0].Item)
	}
	v.move(&other, head)
	if got = v.told(other, &x); len(got) != valuesOfTuple || got[len(got)-1].Item != 1099 {
		t.Errorf("moved: %d values, %+v", len(got), got[len(got)-1])
	}
	for len(v.recs) < valuesOfLane {
		var one uint32
		v.put(&one, 1, 0, 1, 1)
	}
	if one := uint32(0); v.put(&one, 1, 0, 1, 1) {
		t.Error("a value beyond the budget was kept")
	}
	if allocs := testing.AllocsPerRun(100, func() { v.put(&head, 1099, 0, 5, 1000) }); allocs != 0 {
		t.Errorf("%v allocations a value", allocs)
	}
}

func TestValueOfMessage(t *testing.T) {
	l := &lane{texts: newTexts(), health: Health{BudgetHit: map[string]uint64{}}}
	tp := &tuple{}
	for _, m := range []ot.Message{
		{First: 7, Value: 3, At: 1},
		{First: 8, Value: math.NaN(), At: 2},
		{First: 9, Value: math.Inf(1), At: 2},
		{Name: []byte("Line1.State"), Value: 4, At: 3},
		{Space: 2, First: 11, Name: []byte("object 11: 1"), Value: 1, At: 4},
	} {
		l.value(tp, &m)
	}
	got := l.values.told(tp.values, &l.texts)
	want := []Value{{Item: 0, Name: "Line1.State", Value: 4, Seen: 3}, {Item: 7, Value: 3, Seen: 1}, {Item: 11, Value: 1, Seen: 4}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Of summaries that are put together the newest value of an element stays.
func TestGatherValues(t *testing.T) {
	sum := func(seq uint64, values ...Value) *Summary {
		return &Summary{Sensor: "s", Epoch: "e", Seq: seq, From: int64(seq), To: int64(seq) + 1, Tuples: []TupleDelta{{Protocol: "modbus", Code: 3, Count: 1, Values: values}}}
	}
	first := sum(1, Value{Item: 1, Value: 10, Seen: 1}, Value{Item: 2, Value: 20, Seen: 1})
	var g Gathering
	if !g.Add(first) || !g.Add(sum(2, Value{Item: 2, Value: 21, Seen: 2}, Value{Item: 1, Value: 9, Seen: 0}, Value{Item: 3, Value: 30, Seen: 2})) {
		t.Fatal("they do not fit")
	}
	got := g.Sum().Tuples[0].Values
	if len(got) != 3 || got[0].Value != 10 || got[1].Value != 21 || got[2].Value != 30 {
		t.Errorf("%+v", got)
	}
	if first.Tuples[0].Values[1].Value != 20 {
		t.Error("the summary itself was changed")
	}
}
