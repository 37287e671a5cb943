package mqtt_test

import (
	"bytes"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/mqtt"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, mqtt.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, mqtt.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, mqtt.Protocol{}) }

// Of a packet that is longer than what a probe sees the topic must do.
func TestProbeLongPacket(t *testing.T) {
	long := append([]byte{0x32, 0xaa, 0x75, 0, 14}, "server/bigdata"...)
	long = append(long, bytes.Repeat([]byte{0x59}, 1400)...)
	for name, c := range map[string]struct {
		b    []byte
		want dissect.Verdict
	}{
		"long":         {long, dissect.Yes},
		"too little":   {long[:400], dissect.More},
		"no topic":     {append([]byte{0x32, 0xaa, 0x75, 0, 4, 1, 2, 3, 4}, long[19:]...), dissect.No},
		"a short name": {append([]byte{0x32, 0xaa, 0x75, 0, 2, 'a', 'b'}, long[19:]...), dissect.More},
	} {
		if got := (mqtt.Protocol{}).Probe(ot.Response, c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
