package tls

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/ot"
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

// The hello of curl 7.88 with OpenSSL 3.0.15; tshark 4.0 says the same JA3.
const openssl = "030318603771ad7b5c401d9eb527403399b3d3188182883cfc7229fd3181a739816c000038c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff01000077000000160014000011686d692e706c616e742e6578616d706c65000b000403000102000a000c000a001d0017001e001900180010000b000908687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602"

func words(s string) []byte {
	b, _ := hex.DecodeString(s)
	return b
}

func TestFingerprints(t *testing.T) {
	raw, err := hex.DecodeString(openssl)
	if err != nil {
		t.Fatal(err)
	}
	h, whole := ReadHello(raw)
	if !whole {
		t.Fatal("the hello is not read to its end")
	}
	if got := string(h.JA3(nil)); got != "87b9bfc7da97115ed2276737b09f8d74" {
		t.Errorf("JA3 %s", got)
	}
	// The lists of the example in FoxIO's technical details of JA4.
	h = Hello{Version: 0x0303, Name: []byte("example.org"), ALPN: []byte("h2")}
	h.suites, h.versions = words("6a6a130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035"), words("8a8a03040303")
	for _, kind := range []string{"3a3a", "0000", "0017", "ff01", "000a", "000b", "0023", "0010", "0005", "000d", "0012", "0033", "002d", "002b", "001b", "4469", "0015"} {
		h.extensions = append(append(h.extensions, words(kind)...), 0, 0)
	}
	h.signatures = words("04030804040105030805050108060601")
	if got := string(h.JA4(nil, 't')); got != "t13d1516h2_8daaf6152771_e5627efa2ab1" {
		t.Errorf("JA4 %s", got)
	}
	if !h.Shuffled() {
		t.Error("a client that makes values up is not seen")
	}
}

// In the middle of a session a record that is longer than what a probe sees must do.
func TestProbeLongRecord(t *testing.T) {
	long := append([]byte{23, 3, 3, 0x40, 0x18}, bytes.Repeat([]byte{0xaa}, 1400)...)
	for name, c := range map[string]struct {
		b    []byte
		want dissect.Verdict
	}{
		"long":                    {long, dissect.Yes},
		"its beginning":           {long[:500], dissect.More},
		"longer than any":         {append([]byte{23, 3, 3, 0x60, 0}, long[5:]...), dissect.No},
		"a version that was not":  {append([]byte{23, 3, 9, 0x40, 0}, long[5:]...), dissect.No},
		"its middle":              {long[5:], dissect.No},
		"a record and no second":  {append([]byte{23, 3, 3, 0, 16}, long[5:]...), dissect.No},
		"a record and its second": {slices.Concat([]byte{23, 3, 3, 0, 16}, long[5:21], long), dissect.Yes},
	} {
		if got := (Protocol{}).Probe(ot.Request, c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
