package dns

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/recognised"
)

func TestContract(t *testing.T) {
	names, err := recognised.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	dissecttest.Run(t, Protocol{Names: names}, "testdata/plain.txt", "testdata/stream.txt")
}

func TestContractMulticast(t *testing.T) {
	dissecttest.Run(t, Multicast(), "testdata/multicast.txt")
}

func TestContractLinkLocal(t *testing.T) {
	dissecttest.Run(t, LinkLocal(), "testdata/linklocal.txt")
}

func FuzzDecode(f *testing.F) {
	dissecttest.Fuzz(f, Protocol{}, "testdata/plain.txt", "testdata/stream.txt")
}

func FuzzMulticast(f *testing.F) { dissecttest.Fuzz(f, Multicast(), "testdata/multicast.txt") }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}, "testdata/plain.txt") }
