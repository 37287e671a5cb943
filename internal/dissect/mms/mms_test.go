package mms_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/mms"
)

func TestContract(t *testing.T) { dissecttest.Run(t, mms.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, mms.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, mms.Protocol{}) }
