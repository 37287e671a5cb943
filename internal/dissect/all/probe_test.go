package all_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Every unknown flow is shown to every dissector, so a No must cost next to
// nothing. The bytes are of no protocol here.
func BenchmarkProbeNo(b *testing.B) {
	unknown := []byte("\x4a\x01\x77\x10\xc3\x99\x00\x21 measured by nobody, sent by something that we do not know \x00\x01\x02\x03")
	for _, p := range everybody(b) {
		s := p.Spec()
		if s.HintOnly || s.Transport&(dissect.TCP|dissect.UDP) == 0 {
			continue
		}
		b.Run(s.Protocols[0].Name, func(b *testing.B) {
			for b.Loop() {
				if p.Probe(ot.Request, unknown) == dissect.Yes {
					b.Fatal("claims bytes of no protocol")
				}
			}
		})
	}
}
