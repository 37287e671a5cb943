package quic

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/recognised"
)

func protocol(tb testing.TB) Protocol {
	tb.Helper()
	names, err := recognised.Shipped()
	if err != nil {
		tb.Fatal(err)
	}
	return Protocol{Names: names}
}

func TestContract(t *testing.T) { dissecttest.Run(t, protocol(t)) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, protocol(f)) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, protocol(b)) }

// The keys of RFC 9001 appendix A.1, and the mask of A.2's packet.
func TestKeysOfTheRFC(t *testing.T) {
	id, _ := hex.DecodeString("8394c8f03e515708")
	k := newKeys(version1, id)
	if k == nil || hex.EncodeToString(k.iv[:]) != "fa044b2f42a3fd3b46fb255c" {
		t.Fatalf("iv %x", k.iv)
	}
	sample, _ := hex.DecodeString("d1b1c98dd7689fb8ec11d242b123dc9b")
	k.head.Encrypt(k.mask[:], sample)
	if !bytes.HasPrefix(k.mask[:], []byte{0x43, 0x7b, 0x9a, 0xec, 0x36}) {
		t.Errorf("mask %x", k.mask)
	}
}
