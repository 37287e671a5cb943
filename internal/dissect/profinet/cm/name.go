package cm

import "strconv"

const maxModules = 64

// modules are the names of slots, kept so that a fact costs no memory twice.
type modules struct {
	known [maxModules]struct {
		at   uint32
		name string
	}
	n int
}

// name returns "slot 2", with the submodule behind it where it is not the first;
// "" once there are too many.
func (l *modules) name(slot, subslot uint16) string {
	at := uint32(slot)<<16 | uint32(subslot)
	for i := range l.known[:l.n] {
		if l.known[i].at == at {
			return l.known[i].name
		}
	}
	if l.n == maxModules {
		return ""
	}
	name := "slot " + strconv.Itoa(int(slot))
	if subslot > 1 {
		name += "." + strconv.Itoa(int(subslot))
	}
	l.known[l.n].at, l.known[l.n].name = at, name
	l.n++
	return name
}

// release writes 'V' 2 8 1 as V2.8.1.
func release(to, r []byte) []byte {
	if r[0] > ' ' && r[0] < 0x7f {
		to = append(to, r[0])
	}
	for i, n := range r[1:4] {
		if i > 0 {
			to = append(to, '.')
		}
		to = strconv.AppendUint(to, uint64(n), 10)
	}
	return to
}

func decimal(to []byte, n uint32) []byte { return strconv.AppendUint(to, uint64(n), 10) }

// hex writes a number as the tools of the field do: 0x002a.
func hex(to, v []byte) []byte {
	const digits = "0123456789abcdef"
	to = append(to, '0', 'x')
	for _, c := range v {
		to = append(to, digits[c>>4], digits[c&15])
	}
	return to
}

// trim cuts padding around a text.
func trim(v []byte) []byte {
	for len(v) > 0 && (v[len(v)-1] == 0 || v[len(v)-1] == ' ') {
		v = v[:len(v)-1]
	}
	for len(v) > 0 && v[0] == ' ' {
		v = v[1:]
	}
	return v
}
