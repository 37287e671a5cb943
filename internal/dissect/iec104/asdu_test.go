package iec104

import "testing"

// Every type of the standard has a length, but those that carry their own.
func TestElementLen(t *testing.T) {
	for kind := range 256 {
		got := elementLen(byte(kind))
		switch {
		case kind == 102:
			if got != 0 {
				t.Errorf("type 102 has an address only, not %d bytes more", got)
			}
		case kind >= 81 && kind <= 95, kind == 125: // authentication, file segment
			if got != -1 {
				t.Errorf("type %d varies, not %d bytes", kind, got)
			}
		case knownType(byte(kind)):
			if got <= 0 {
				t.Errorf("type %d has no length", kind)
			}
		case got != -1:
			t.Errorf("type %d is not defined but has %d bytes", kind, got)
		}
	}
	// A time tag of seven bytes is all that separates these pairs (clause 8 of IEC 60870-5-101).
	for plain, tagged := range map[byte]byte{1: 30, 3: 31, 5: 32, 7: 33, 9: 34, 11: 35, 13: 36, 15: 37, 45: 58, 46: 59, 47: 60, 48: 61, 49: 62, 50: 63, 51: 64, 104: 107} {
		if elementLen(tagged)-elementLen(plain) != 7 {
			t.Errorf("types %d and %d differ by %d bytes, want 7", plain, tagged, elementLen(tagged)-elementLen(plain))
		}
	}
}

func TestProbeWantsWholeMeaning(t *testing.T) {
	for name, b := range map[string][]byte{
		"length below the control octets": {0x68, 3, 0, 0, 0},
		"U format that does two things":   {0x68, 4, 0x17, 0, 0, 0},
		"U format with a body":            {0x68, 8, 0x07, 0, 0, 0, 1, 2, 3, 4},
		"S format with a body":            {0x68, 8, 0x01, 0, 2, 0, 1, 2, 3, 4},
		"I format without an ASDU":        {0x68, 4, 0x00, 0, 0, 0},
		"type that nobody defined":        {0x68, 14, 0, 0, 0, 0, 99, 1, 3, 0, 1, 0, 0, 0, 0, 1},
		"no cause":                        {0x68, 14, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1},
		"S format before something else":  {0x68, 4, 1, 0, 2, 0, 0x16},
	} {
		if v := (Protocol{}).Probe(0, b); v != 0 {
			t.Errorf("%s: verdict %d, want No", name, v)
		}
	}
}
