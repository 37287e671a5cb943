package s7comm

import (
	"bytes"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }

// Everything else that ISO on TCP carries must be left to others.
func TestProbeRefuses(t *testing.T) {
	connect := []byte{3, 0, 0, 22, 17, 0xe0, 0, 0, 0, 1, 0, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2, 0xc0, 1, 10}
	for name, b := range map[string][]byte{
		"other version":     append(bytes.Clone(connect), 3, 0, 0, 11, 2, 0xf0, 0x80, 0x72, 9, 0, 0),
		"mms session":       append(bytes.Clone(connect), 3, 0, 0, 11, 2, 0xf0, 0x80, 0x0d, 1, 0, 0),
		"tls after connect": append(bytes.Clone(connect), 0x16, 3, 1, 2, 0),
		"rosctr 9":          {3, 0, 0, 17, 2, 0xf0, 0x80, 0x32, 9, 0, 0},
		"length":            {3, 0, 0xff, 0xff, 2, 0xf0, 0x80, 0x32, 1},
	} {
		if v := (Protocol{}).Probe(ot.Request, b); v != dissect.No {
			t.Errorf("%s: Probe = %d, want No", name, v)
		}
	}
	if v := (Protocol{}).Probe(ot.Request, append(bytes.Clone(connect), 3, 0, 0, 11, 2, 0xf0, 0x80, 0x72, 1, 0, 0)); v != dissect.Yes {
		t.Errorf("s7comm-plus: Probe = %d, want Yes", v)
	}
	if v := (Protocol{}).Probe(ot.Request, connect); v != dissect.More {
		t.Errorf("connection request alone: Probe = %d, want More", v)
	}
}

func TestBlockNames(t *testing.T) {
	for file, want := range map[string]string{
		"_0A00001P": "DB 1", "_0800035A": "OB 35", "0B02000P": "SDB 2000", "_0E12345B": "FB 12345",
		"_0A00000P": "DB 0", "_1A00001P": "_1A00001P", "": "", "_0Z00001P": "_0Z00001P",
	} {
		if got := string(new(flow).block([]byte(file))); got != want {
			t.Errorf("block(%q) = %q, want %q", file, got, want)
		}
	}
}
