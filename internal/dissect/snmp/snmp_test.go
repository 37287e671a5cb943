package snmp_test

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/snmp"
)

func TestContract(t *testing.T) { dissecttest.Run(t, snmp.Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, snmp.Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, snmp.Protocol{}) }
