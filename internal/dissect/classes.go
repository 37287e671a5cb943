package dissect

import "github.com/skanse/skanse/internal/ot"

// Classes says what the catalogue knows a protocol to do: the classes of all its
// codes. What is not among them is never recognised in that protocol.
func (s *Set) Classes(p ot.Protocol) (all ot.Class) {
	for i := range s.names[p].kinds {
		k := &s.names[p].kinds[i]
		all |= k.class
		for _, c := range k.dense {
			all |= c.class
		}
		for _, c := range k.sparse {
			all |= c.class
		}
		for _, c := range k.text {
			all |= c.class
		}
	}
	return all
}
