package telnet

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }

// On its port, text that goes on is Telnet; a few letters may be anything, and bytes that nobody types are something else.
func TestProbeMidSession(t *testing.T) {
	for text, want := range map[string]dissect.Verdict{
		"ls -l\r\n": dissect.More,
		"64 bytes from 204.71.200.67: icmp_seq=0\r\n": dissect.Yes,
		"\x01\x02 64 bytes from 204.71.200.67":        dissect.No,
		"Password: ":                                  dissect.Yes,
		"\xff\xfb\x01\xff\xfd\x03":                    dissect.Yes,
	} {
		if got := (Protocol{}).Probe(ot.Response, []byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
