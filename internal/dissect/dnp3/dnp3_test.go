package dnp3_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/dnp3"
)

func TestContract(t *testing.T) { dissecttest.Run(t, dnp3.New()) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, dnp3.New()) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, dnp3.New()) }
