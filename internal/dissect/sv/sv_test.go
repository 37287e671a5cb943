package sv_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/sv"
)

func TestContract(t *testing.T) { dissecttest.Run(t, sv.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, sv.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, sv.Protocol{}) }
