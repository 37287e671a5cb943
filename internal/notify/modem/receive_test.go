package modem

import (
	"encoding/hex"
	"testing"
)

// The first three are examples that others have published; the last ones are cut or are no message to us.
func TestDecodeDeliver(t *testing.T) {
	for pdu, want := range map[string][2]string{
		"07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07": {"+31641600986", "How are you?"},
		"07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37":     {"27838890001", "hellohello"},
		"0791448720003023240DD0E474D81C0EBB010000111011315214000BE474D81C0EBB5DE3771B": {"", "diafaan.com"},
		"000403815400F600086211320200000012004F004B0020003100320033003400FFFF00000000": {"", ""},
		"07911326040000F0040B911346610089F6000020806291731408":                         {"", ""},
		"07911326040000F001": {"", ""},
		"FF":                 {"", ""},
		"":                   {"", ""},
	} {
		raw, err := hex.DecodeString(pdu)
		if err != nil {
			t.Fatal(err)
		}
		number, text := decodeDeliver(raw)
		if want == [2]string{} {
			continue // whatever it says, it does not panic; the fuzz looks further
		}
		if number != want[0] || text != want[1] {
			t.Errorf("%s: %q %q, want %q", pdu, number, text, want)
		}
	}
}

func FuzzDeliver(f *testing.F) {
	for _, s := range []string{
		"07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07",
		"0791448720003023240DD0E474D81C0EBB010000111011315214000BE474D81C0EBB5DE3771B",
		"00040A91541032547600086211320200000C004F004B0020003100320033",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		number, _ := decodeDeliver(b)
		if number == "" {
			return
		}
		for i, c := range number {
			if (c < '0' || c > '9') && (i > 0 || c != '+') {
				t.Errorf("a number %q", number)
			}
		}
	})
}
