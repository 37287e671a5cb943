package mqtt_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/mqtt"
)

func TestContract(t *testing.T) { dissecttest.Run(t, mqtt.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, mqtt.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, mqtt.Protocol{}) }
