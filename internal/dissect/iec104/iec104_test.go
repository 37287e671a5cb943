package iec104_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/iec104"
)

func TestContract(t *testing.T) { dissecttest.Run(t, iec104.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, iec104.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, iec104.Protocol{}) }
