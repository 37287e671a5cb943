package c37118_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/c37118"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
)

func TestContract(t *testing.T) { dissecttest.Run(t, c37118.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, c37118.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, c37118.Protocol{}) }
