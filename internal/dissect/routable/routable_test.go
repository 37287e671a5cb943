package routable_test

import (
	"bytes"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/routable"
)

// datagram is a session of GOOSE with an empty header and the payloads given.
func datagram(payloads ...[]byte) []byte {
	body := bytes.Join(payloads, nil)
	return append([]byte{1, 0x40, 0xa1, 2, 0x80, 0, 0, 0, 0, byte(len(body))}, body...)
}

// The header's length counts from its fourth byte: 0x80 and one byte of it stand before the length of what follows.
func TestPDUs(t *testing.T) {
	one, two := []byte{0x81, 0, 0x10, 1, 0, 2, 0xaa, 0xbb}, []byte{0x82, 1, 0x40, 2, 0, 0}
	for _, c := range []struct {
		name  string
		in    []byte
		pdus  int
		fault dissect.Fault
	}{
		{"two", datagram(one, two), 2, dissect.OK},
		{"none", datagram(), 0, dissect.OK},
		{"the second is cut", datagram(one, []byte{0x82, 1, 0x40, 2, 0, 9}), 1, dissect.Short},
		{"another header", []byte{1, 0x40, 0xa1, 2, 0x81, 0, 0, 0, 0, 0}, 0, dissect.Alien},
		{"the header is longer than the datagram", []byte{1, 0x40, 0xa1, 200, 0x80, 0, 0, 0, 0, 0}, 0, dissect.Short},
		{"more is promised than there is", []byte{1, 0x40, 0xa1, 2, 0x80, 0, 0xff, 0xff, 0xff, 0xff}, 0, dissect.Short},
		{"more than the bound", datagram(bytes.Repeat(two, 33)), 32, dissect.TooDeep},
	} {
		if !routable.Is(c.in, 0xa1) || routable.Is(c.in, 0xa2) {
			t.Errorf("%s: the session is not told", c.name)
		}
		n, fault := 0, dissect.OK
		for p, f := range routable.PDUs(c.in) {
			if fault = f; f != dissect.OK {
				break
			}
			if n++; n == 1 && c.name == "two" && (p.Type != 0x81 || p.Simulated || p.AppID != 0x1001 || string(p.Body) != "\xaa\xbb") {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
		if n != c.pdus || fault != c.fault {
			t.Errorf("%s: %d PDUs and %v, want %d and %v", c.name, n, fault, c.pdus, c.fault)
		}
	}
}

func FuzzPDUs(f *testing.F) {
	f.Add(datagram([]byte{0x81, 0, 0x10, 1, 0, 2, 0xaa, 0xbb}))
	f.Add([]byte{1, 0x40, 0xa2, 200, 0x80, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if !routable.Is(b, 0xa1) && !routable.Is(b, 0xa2) {
			return
		}
		size := 0
		for p, f := range routable.PDUs(b) {
			if f == dissect.OK {
				size += 6 + len(p.Body)
			}
		}
		if size > len(b) {
			t.Errorf("%d bytes of PDUs from %d", size, len(b))
		}
	})
}
