package bacnet

import (
	"bytes"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func TestAssemblyIsBounded(t *testing.T) {
	var a assembly
	data := make([]byte, 1400)
	for i := range 100 {
		if a.add(segment{invoke: 1, service: readMultiple, seq: byte(i), more: true}, data) != nil {
			t.Fatal("an answer without an end was given out")
		}
	}
	if a.open || cap(a.buf) != maxWhole {
		t.Errorf("open %v, capacity %d; want closed and %d", a.open, cap(a.buf), maxWhole)
	}
}

func TestAssemblyKeepsAnswersApart(t *testing.T) {
	var a assembly
	first := segment{invoke: 1, service: readMultiple, more: true}
	a.add(first, []byte("ab"))
	for name, s := range map[string]segment{
		"other invoke id": {invoke: 2, service: readMultiple, seq: 1},
		"other service":   {invoke: 1, service: readProperty, seq: 1},
		"other device":    {invoke: 1, service: readMultiple, seq: 1, from: ot.Host{Module: "net 5 addr 0a"}},
	} {
		if a.add(s, []byte("x")) != nil {
			t.Errorf("%s: completed the answer", name)
		}
	}
	if got := a.add(segment{invoke: 1, service: readMultiple, seq: 1}, []byte("cd")); !bytes.Equal(got, []byte("abcd")) {
		t.Errorf("the answer is %q, want abcd", got)
	}
	if a.add(segment{invoke: 1, service: readMultiple, seq: 2}, []byte("e")) != nil {
		t.Error("a segment behind the last one was taken")
	}
}

// The header CRC that annex G.1 of the standard works through: a token from 5 to 16.
func TestHeaderCRC(t *testing.T) {
	if got := crc8([]byte{0x00, 0x10, 0x05, 0x00, 0x00}); got != 0x8c {
		t.Errorf("CRC %#02x, want 0x8c", got)
	}
}

func TestCharacters(t *testing.T) {
	for _, c := range []struct {
		in   []byte
		want string
	}{
		{[]byte("\x00Pumpe ø"), "Pumpe ø"},
		{[]byte{4, 0x00, 'P', 0x00, 0xf8}, "Pø"},
		{[]byte{5, 'P', 0xf8}, "Pø"},
		{[]byte{4, 0x00, 'P', 0x00}, "P"},
		{[]byte{0, 'P', 0xae}, "P®"},
		{[]byte{0}, ""},
		{nil, ""},
	} {
		if got := string(characters(make([]byte, 0, 64), c.in)); got != c.want {
			t.Errorf("% x: %q, want %q", c.in, got, c.want)
		}
	}
	long := append([]byte{5}, bytes.Repeat([]byte{0xf8}, 1000)...)
	if got := characters(make([]byte, 0, 64), long); len(got) > 64 {
		t.Errorf("%d bytes do not fit the space of 64", len(got))
	}
}

func TestEnclosedIsBounded(t *testing.T) {
	if _, _, ok := enclosed(bytes.Repeat([]byte{0x0e}, 100)); ok {
		t.Error("a hundred opening tags were accepted")
	}
	if inside, rest, ok := enclosed([]byte{0x1e, 0x21, 0x05, 0x1f, 0x0f, 0x99}); !ok || len(inside) != 4 || len(rest) != 1 {
		t.Errorf("inside % x, rest % x, %v", inside, rest, ok)
	}
}
