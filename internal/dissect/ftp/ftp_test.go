package ftp

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }

// What is retrieved has a name in FTP and a number in POP3.
func TestProbeRetrieve(t *testing.T) {
	for text, want := range map[string]dissect.Verdict{"RETR index.html\r\n": dissect.Yes, "RETR 12\r\n": dissect.More, "RETR": dissect.More, "STOR 12\r\n": dissect.Yes} {
		if got := (Protocol{}).Probe(ot.Request, []byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
