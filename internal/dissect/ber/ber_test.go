package ber_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/ber"
)

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, in    string
		tag, number uint32
		value, rest string
		ok          bool
	}{
		{"sequence", "\x30\x02ab!", 0x30, 16, "ab", "!", true},
		{"context 72", "\xbf\x48\x01x", 0xbf48, 72, "x", "", true},
		{"context 200", "\x9f\x81\x48\x00", 0x9f8148, 200, "", "", true},
		{"long length", "\x04\x81\x03abc", 4, 4, "abc", "", true},
		{"four octets of length", "\x04\x84\x00\x00\x00\x01a", 4, 4, "a", "", true},
		{"longer than there is", "\x04\x05abc", 4, 0, "", "", false},
		{"length of nothing", "\x04\x82\x01", 4, 0, "", "", false},
		{"indefinite", "\x30\x80\x00\x00", 0x30, 0, "", "", false},
		{"tag without end", "\x1f\xff\xff\xff\xff\x01\x00", 0, 0, "", "", false},
		{"tag cut off", "\xbf\x48", 0, 0, "", "", false},
		{"one octet", "\x30", 0, 0, "", "", false},
		{"nothing", "", 0, 0, "", "", false},
	} {
		tag, value, rest, ok := ber.Next([]byte(c.in))
		if ok != c.ok || ok && (tag != c.tag || ber.Number(tag) != c.number || string(value) != c.value || string(rest) != c.rest) {
			t.Errorf("%s: %#x (%d) %q %q %v", c.name, tag, ber.Number(tag), value, rest, ok)
		}
	}
}

func TestFindAndWant(t *testing.T) {
	b := []byte("\x80\x01a\x81\x02bc\x82\x00")
	if v, ok := ber.Find(b, 0x81); !ok || string(v) != "bc" {
		t.Errorf("found %q, %v", v, ok)
	}
	if _, ok := ber.Find(b, 0x83); ok {
		t.Error("found what is not there")
	}
	if _, ok := ber.Find([]byte("\x80\x09a"), 0x81); ok {
		t.Error("found something behind a broken element")
	}
	if v, rest, ok := ber.Want(b, 0x80); !ok || string(v) != "a" || len(rest) != 6 {
		t.Errorf("%q %q %v", v, rest, ok)
	}
	if _, _, ok := ber.Want(b, 0x81); ok {
		t.Error("another element was taken for the wanted one")
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]int64{"\x00": 0, "\x7f": 127, "\xff": -1, "\x01\x00": 256, "\x80\x00\x00\x00\x00\x00\x00\x00": -1 << 63} {
		if v, ok := ber.Int([]byte(in)); !ok || v != want {
			t.Errorf("%x is %d", in, v)
		}
	}
	if _, ok := ber.Int(make([]byte, 9)); ok {
		t.Error("nine octets are an integer")
	}
	for in, want := range map[string]uint32{"": 0, "\x00\xff\xff\xff\xff": 1<<32 - 1, "\x01\x00\x00\x00\x00": 1<<32 - 1, "\x01\x02": 258} {
		if v := ber.Uint([]byte(in)); v != want {
			t.Errorf("%x is %d", in, v)
		}
	}
}

func TestOID(t *testing.T) {
	for in, want := range map[string]string{"\x28\xca\x22\x02\x01": "1.0.9506.2.1", "\x52\x03\x01": "2.2.3.1", "\x2b": "1.3", "": "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01": ""} {
		if got := string(ber.OID(make([]byte, 0, 64), []byte(in))); got != want {
			t.Errorf("%x is %s", in, got)
		}
	}
	if got := ber.OID(make([]byte, 0, 8), []byte("\x2b\x06")); len(got) > 8 {
		t.Errorf("%s does not fit", got)
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x30\x06\xbf\x48\x01x\x80\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; ; {
			tag, value, next, ok := ber.Next(rest)
			if !ok {
				break
			}
			if len(value)+len(next) >= len(rest) {
				t.Fatalf("%d octets became %d and %d", len(rest), len(value), len(next))
			}
			if ber.Number(tag) >= 1<<28 {
				t.Fatalf("tag %#x has number %d", tag, ber.Number(tag))
			}
			rest = next
		}
		ber.Find(b, 0x30)
	})
}
