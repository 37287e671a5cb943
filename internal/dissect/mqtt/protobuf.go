package mqtt

import (
	"encoding/binary"
	"math"
)

// field splits the first field off a protobuf message. value is nil unless the
// field has a length (wire type 2).
func field(b []byte) (number uint64, value, rest []byte, ok bool) {
	key, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, nil, false
	}
	b = b[n:]
	switch key & 7 {
	case 0:
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, nil, nil, false
		}
		return key >> 3, nil, b[n:], true
	case 1:
		if len(b) < 8 {
			return 0, nil, nil, false
		}
		return key >> 3, nil, b[8:], true
	case 2:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, nil, nil, false
		}
		end := n + int(size)
		return key >> 3, b[n:end:end], b[end:], true
	case 5:
		if len(b) < 4 {
			return 0, nil, nil, false
		}
		return key >> 3, nil, b[4:], true
	}
	return 0, nil, nil, false
}

// varint, float32At and float64At read the value of a field that begins b and that field has found sound.
func varint(b []byte) uint64 {
	_, n := binary.Uvarint(b)
	v, _ := binary.Uvarint(b[n:])
	return v
}

func float32At(b []byte) (float64, bool) {
	key, n := binary.Uvarint(b)
	if key&7 != 5 {
		return 0, false
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[n:]))), true
}

func float64At(b []byte) (float64, bool) {
	key, n := binary.Uvarint(b)
	if key&7 != 1 {
		return 0, false
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b[n:])), true
}
