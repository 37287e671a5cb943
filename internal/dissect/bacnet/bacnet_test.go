package bacnet_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/bacnet"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
)

func TestContract(t *testing.T) { dissecttest.Run(t, bacnet.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, bacnet.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, bacnet.Protocol{}) }
