package hartip_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/hartip"
)

func TestContract(t *testing.T) { dissecttest.Run(t, hartip.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, hartip.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, hartip.Protocol{}) }
