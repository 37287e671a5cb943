package ssh

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }

// The exchange of keys is known again without the banner; what comes behind it is nobody's to know.
func TestProbeExchange(t *testing.T) {
	packet := func(number, padding byte, size int) []byte {
		b := make([]byte, size)
		b[2], b[3], b[4], b[5] = byte((size-4)>>8), byte(size-4), padding, number
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"new keys":            {packet(newKeys, 10, 16), true},
		"new keys, too long":  {packet(newKeys, 10, 24), false},
		"an answer":           {packet(31, 8, 152), true},
		"a group":             {packet(33, 6, 144), true},
		"what each can do":    {packet(20, 11, 640), true},
		"no message of these": {packet(40, 8, 152), false},
		"no padding":          {packet(31, 3, 152), false},
		"not to eight bytes":  {packet(31, 8, 150), false},
		"cut":                 {packet(31, 8, 152)[:144], false},
		"encrypted":           {[]byte("\x8f\x3c\xf1\x82\x0f\xd8\xc2\x5f\x8d\x31\xfd\x49\x62\xf7\x65\xa7"), false},
	} {
		if got := (Protocol{}).Probe(ot.Request, c.b) == dissect.Yes; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
