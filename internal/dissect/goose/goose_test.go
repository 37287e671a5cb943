package goose_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/goose"
)

func TestContract(t *testing.T) { dissecttest.Run(t, goose.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, goose.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, goose.Protocol{}) }
