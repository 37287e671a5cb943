package prp

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }
