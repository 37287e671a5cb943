package opcua_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/opcua"
)

func TestContract(t *testing.T) { dissecttest.Run(t, opcua.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, opcua.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, opcua.Protocol{}) }
