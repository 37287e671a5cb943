package dnp3

import (
	"bytes"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
)

// Two frames that every DNP3 analyser's manual prints: a link reset from 1024 to
// 1, and its acknowledgement.
func TestCRC(t *testing.T) {
	crc := newCRC()
	for _, frame := range [][]byte{
		{0x05, 0x64, 0x05, 0xc0, 0x01, 0x00, 0x00, 0x04, 0xe9, 0x21},
		{0x05, 0x64, 0x05, 0x00, 0x00, 0x04, 0x01, 0x00, 0x19, 0xa6},
	} {
		if !crc.ok(frame) {
			t.Errorf("% x: CRC %04x is refused", frame, crc.sum(frame[:8]))
		}
		for i := range frame {
			bad := bytes.Clone(frame)
			bad[i] ^= 0x10
			if crc.ok(bad) {
				t.Errorf("% x: passes with byte %d changed", bad, i)
			}
		}
	}
	// The eight-byte steps and the single ones give the same.
	data := make([]byte, 64)
	for i := range data {
		data[i] = byte(i*37 + 11)
	}
	for n := range data {
		var c uint16
		for _, x := range data[:n] {
			c = c>>8 ^ crc[0][byte(c)^x]
		}
		if got := crc.sum(data[:n]); got != ^c {
			t.Errorf("%d bytes: %04x, want %04x", n, got, ^c)
		}
	}
}

func TestFragmentIsBounded(t *testing.T) {
	var f fragment
	segment := make([]byte, 250)
	segment[0] = tpFIR
	f.add(segment, 1, 2)
	for i := 1; i < 100; i++ {
		segment[0] = byte(i) & tpSeq
		if f.add(segment, 1, 2) != nil {
			t.Fatal("a fragment without an end was given out")
		}
	}
	if f.open || cap(f.buf) != maxFragment {
		t.Errorf("open %v, capacity %d; want closed and %d", f.open, cap(f.buf), maxFragment)
	}
	segment[0] = tpFIN | 100&tpSeq
	if f.add(segment, 1, 2) != nil {
		t.Error("the end of a fragment that was given up completes it")
	}
}

func TestFragmentOfAnotherPair(t *testing.T) {
	var f fragment
	f.add([]byte{tpFIR | 3, 0xc0, 0x81}, 10, 1)
	if f.add([]byte{tpFIN | 4, 0, 0}, 11, 1) != nil {
		t.Error("a segment of outstation 11 completed the fragment of outstation 10")
	}
	if got := f.add([]byte{tpFIN | 4, 0, 0}, 10, 1); !bytes.Equal(got, []byte{0xc0, 0x81, 0, 0}) {
		t.Errorf("the fragment is % x", got)
	}
}

func TestObjectBits(t *testing.T) {
	for _, c := range []struct {
		group, variation byte
		want             int
	}{
		{1, 1, 1},
		{1, 2, 8},
		{2, 2, 56},
		{2, 3, 24},
		{3, 1, 2},
		{4, 3, 24},
		{10, 2, 8},
		{12, 1, 88},
		{12, 3, 1},
		{20, 1, 40},
		{20, 8, 16},
		{21, 5, 88},
		{21, 12, 16},
		{22, 8, 72},
		{30, 6, 72},
		{31, 3, 88},
		{32, 8, 120},
		{34, 1, 16},
		{41, 4, 72},
		{42, 7, 88},
		{50, 1, 48},
		{50, 2, 80},
		{50, 4, 88},
		{51, 1, 48},
		{52, 2, 16},
		{80, 1, 1},
		{101, 3, 64},
		{110, 7, 56},
		{113, 255, 2040},
		{120, 3, 48},
		{122, 2, 104},
		{0, 252, 0},
		{1, 0, 0},
		{60, 1, 0},
		{32, 9, 0},
		{120, 1, 0},
		{213, 1, 0},
	} {
		if got := objectBits(c.group, c.variation); got != c.want {
			t.Errorf("group %d variation %d: %d bits, want %d", c.group, c.variation, got, c.want)
		}
	}
}

func TestReadRange(t *testing.T) {
	for _, c := range []struct {
		in    []byte
		want  header
		n     int
		fault dissect.Fault
	}{
		{[]byte{0x00, 3, 9}, header{start: 3, count: 7}, 3, dissect.OK},
		{[]byte{0x01, 0, 1, 0xff, 1}, header{start: 256, count: 256}, 5, dissect.OK},
		{[]byte{0x02, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, header{count: 1<<32 - 1}, 9, dissect.OK},
		{[]byte{0x06}, header{all: true}, 1, dissect.OK},
		{[]byte{0x07, 4}, header{count: 4}, 2, dissect.OK},
		{[]byte{0x28, 2, 0}, header{count: 2, prefix: 2}, 3, dissect.OK},
		{[]byte{0x39, 1, 0, 0, 0}, header{count: 1, prefix: 4}, 5, dissect.OK},
		{[]byte{0x5b, 1}, header{count: 1, prefix: 2, sized: true}, 2, dissect.OK},
		{[]byte{0x00, 9, 3}, header{start: 9, count: 9}, 0, dissect.BadValue},
		{[]byte{0x0f}, header{}, 0, dissect.BadValue},
		{[]byte{0x70}, header{}, 0, dissect.BadValue},
		{[]byte{0x08, 1}, header{}, 0, dissect.Short},
	} {
		got, n, fault := readRange(c.in)
		if fault != c.fault || n != c.n || fault == dissect.OK && got != c.want {
			t.Errorf("% x: %+v, %d, fault %d; want %+v, %d, fault %d", c.in, got, n, fault, c.want, c.n, c.fault)
		}
	}
}
