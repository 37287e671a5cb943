package plus

import "testing"

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  uint64
	}{
		{"\x00", 0},
		{"\x7f", 127},
		{"\x81\x69", 233},
		{"\x90\x77", 2167},
		{"\x87\x80\x80\x9c\x4d", 0x70000e4d},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1<<64 - 1},
	} {
		long := cursor{b: []byte(c.bytes)}
		if got := long.vlq64(); got != c.want || long.bad || len(long.b) != 0 {
			t.Errorf("% x: %d, bad %v, %d bytes left; want %d", c.bytes, got, long.bad, len(long.b), c.want)
		}
		if c.want < 1<<32 {
			short := cursor{b: []byte(c.bytes)}
			if got := short.vlq(); uint64(got) != c.want || short.bad {
				t.Errorf("% x in 32 bits: %d, bad %v; want %d", c.bytes, got, short.bad, c.want)
			}
		}
	}
}

// A value is skipped whole, whatever it is: what stands behind it is read next.
func TestValues(t *testing.T) {
	for name, b := range map[string]string{
		"null": "\x00\x00", "word": "\x00\x0b\x12\x34", "time": "\x00\x10\x01\x02\x03\x04\x05\x06\x07\x08",
		"text": "\x00\x15\x03abc", "blob": "\x00\x14\x00\x02hi", "typed blob": "\x00\x14\x01123456789\x02hi",
		"array": "\x10\x04\x02\x05\x81\x00", "sparse": "\x40\x02\x01\x09\x02\x08\x00",
		"structure": "\x00\x17\x00\x00\x01\x3a\x82\x3b\x00\x04\x07\x82\x3f\x00\x15\x01x\x00",
		"packed":    "\x00\x17\x92\x00\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x03abc",
	} {
		c := cursor{b: []byte(b + "\xa2")}
		c.value(0)
		if c.bad || len(c.b) != 1 || c.b[0] != endObject {
			t.Errorf("%s: bad %v, left % x", name, c.bad, c.b)
		}
		for n := range len(b) {
			short := cursor{b: []byte(b[:n])}
			if short.value(0); !short.bad {
				t.Errorf("%s cut at %d is taken for whole", name, n)
			}
		}
	}
	deep := cursor{}
	for range maxDepth + 2 {
		deep.b = append(deep.b, "\x00\x17\x00\x00\x01\x3a\x01"...)
	}
	if deep.value(0); !deep.bad {
		t.Error("structures in structures have no end")
	}
}

func TestBlockNames(t *testing.T) {
	s := &State{}
	for want, rid := range map[string]uint32{"DB 7 x": 0x8a0e0007, "FB 3 x": 0x8a120003, "FC 4 x": 0x8a130004, "OB 1 x": 0x8a320001, "object 8a11 65535 x": 0x8a11ffff} {
		if got := string(s.block(rid, []byte("x"))); got != want {
			t.Errorf("%08x: %q, want %q", rid, got, want)
		}
	}
}
