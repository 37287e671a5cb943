package vendors

import (
	"slices"
	"testing"
)

func TestOUI(t *testing.T) {
	for _, c := range []struct {
		mac  [6]byte
		want string
	}{
		{[6]byte{0x00, 0x1b, 0x1b, 1, 2, 3}, "Siemens AG"},
		{[6]byte{0x00, 0x00, 0xbc, 1, 2, 3}, "Rockwell Automation"},
		{[6]byte{0x00, 0x80, 0xf4, 1, 2, 3}, "Schneider Electric"},
		{[6]byte{0x00, 0x01, 0x05, 1, 2, 3}, "Beckhoff"},
		{[6]byte{0x00, 0x30, 0xde, 1, 2, 3}, "WAGO"},
		{[6]byte{0x00, 0xa0, 0x45, 1, 2, 3}, "Phoenix Contact"},
		{[6]byte{0x00, 0x90, 0xe8, 1, 2, 3}, "Moxa"},
		{[6]byte{0x00, 0x80, 0x63, 1, 2, 3}, "Hirschmann"},
		{[6]byte{0x02, 0x1b, 0x1b, 1, 2, 3}, ""}, // given by software
		{[6]byte{0x01, 0x1b, 0x1b, 1, 2, 3}, ""}, // a group
		{[6]byte{}, "XEROX CORPORATION"},
	} {
		if got := OUI(c.mac); got != c.want {
			t.Errorf("OUI(%x) = %q, want %q", c.mac, got, c.want)
		}
	}
	if got := Prefix([3]byte{0x00, 0x1b, 0x1b}); got != "Siemens AG" {
		t.Errorf("Prefix = %q", got)
	}
}

// A block of a shared prefix belongs to its own holder, not to whoever has the next block.
func TestLongerPrefixWins(t *testing.T) {
	l := load().lists[2]
	p := l.prefixes[len(l.prefixes)/2]
	mac := [6]byte{byte(p >> 28), byte(p >> 20), byte(p >> 12), byte(p >> 4), byte(p<<4) | 7, 9}
	if got, want := OUI(mac), load().names[l.holders[len(l.prefixes)/2]]; got != want {
		t.Errorf("OUI(%x) = %q, want %q", mac, got, want)
	}
}

func TestTableIsWhole(t *testing.T) {
	table, err := read()
	if err != nil {
		t.Fatal(err)
	}
	for i, least := range []int{39_000, 6_000, 7_000} {
		if l := table.lists[i]; len(l.prefixes) < least || !slices.IsSorted(l.prefixes) {
			t.Errorf("list %d: %d prefixes, sorted %v", i, len(l.prefixes), slices.IsSorted(l.prefixes))
		}
	}
}

func BenchmarkOUI(b *testing.B) {
	for b.Loop() {
		OUI([6]byte{0x00, 0x1b, 0x1b, 1, 2, 3})
	}
}
