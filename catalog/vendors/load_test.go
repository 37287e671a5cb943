package vendors

import "testing"

// The table is unpacked in the first look-up of a process: it must not be felt.
func BenchmarkRead(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(); err != nil {
			b.Fatal(err)
		}
	}
}
