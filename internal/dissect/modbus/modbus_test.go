package modbus

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }

func TestProbeRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"protocol id":       {0, 1, 0, 5, 0, 6, 1, 3, 0, 0, 0, 1},
		"length 0":          {0, 1, 0, 0, 0, 0, 1, 3, 0, 0, 0, 1},
		"length too long":   {0, 1, 0, 0, 1, 4, 1, 3, 0, 0, 0, 1},
		"function 0":        {0, 1, 0, 0, 0, 6, 1, 0, 0, 0, 0, 1},
		"write of 7 bytes":  {0, 1, 0, 0, 0, 7, 1, 6, 0, 0, 0, 1, 0},
		"second no header":  {0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9},
		"hart-ip":           {1, 0, 0, 0, 0, 2, 0, 13, 1, 0, 0, 0x75, 0x30},
		"text":              []byte("GET / HTTP/1.1\r\n"),
		"long but not umas": {0, 1, 0, 0, 2, 0, 1, 16, 0, 0, 0, 1},
	} {
		if v := (Protocol{}).Probe(ot.Request, b); v != dissect.No {
			t.Errorf("%s: Probe = %d, want No", name, v)
		}
	}
}

// A server that says 5 and sends 8 bytes more leaves three: nothing behind them
// is told as a message until a segment begins with a header.
func TestOutOfStep(t *testing.T) {
	adu := []byte{0, 1, 0, 0, 0, 5, 10, 42, 14, 4, 1}
	f := Protocol{}.Open()
	if skip, n := f.Frame(ot.Response, adu, true); skip != 0 || n != len(adu) {
		t.Errorf("in step: skip %d, n %d, want 0 and %d", skip, n, len(adu))
	}
	left := append([]byte{1, 1, 0x23}, adu...)
	if skip, n := f.Frame(ot.Response, left, true); skip != len(left) || n != 0 {
		t.Errorf("out of step: skip %d, n %d, want all %d dropped", skip, n, len(left))
	}
	if skip, n := f.Frame(ot.Response, left, false); skip != 3 || n != len(adu) {
		t.Errorf("mid-stream: skip %d, n %d, want 3 and %d", skip, n, len(adu))
	}
}
