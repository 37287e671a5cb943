package dissect

// Follower is a Collector that follows the values of single elements. A message
// carries one value; who polls asks for a hundred registers at once.
type Follower interface {
	// Follows says whether any value is followed: reading the others costs nothing else.
	Follows() bool
	// Element takes a further value of the message that was reported last; width is its
	// bytes where elements of several widths begin at one address, else 0.
	Element(item uint32, width uint8, value float64)
	// FollowsName says whether a tag of this name is followed, at whatever index.
	FollowsName(sum NameSum) bool
	// Named takes the value of a tag that is called by name; the message that was reported
	// last is the one that says it, which need not be the one that named it.
	Named(sum NameSum, index uint32, value float64)
}

// Follows says whether elements behind a message's first are worth reading.
func (s *Sink) Follows() bool { return s.elems != nil && s.elems.Follows() }

// Element reports what an element behind the first one of the message that was just
// ended holds; it stands in the same table (Space, Area) of the same unit.
func (s *Sink) Element(item uint32, width uint8, value float64) {
	if s.elems != nil {
		s.elems.Element(item, width, value)
	}
}

// NameSum stands for a tag's name where keeping the name of every question would cost a
// flow more than all else: FNV-1a over the name in small letters.
type NameSum uint32

// SumName begins a sum; a name may be summed in parts.
func SumName[T ~string | ~[]byte](part T) NameSum { return AddName(2166136261, part) }

// AddName goes on with a sum.
func AddName[T ~string | ~[]byte](h NameSum, part T) NameSum {
	for i := range len(part) {
		c := part[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = (h ^ NameSum(c)) * 16777619
	}
	return h
}

// FollowsName says whether a tag of this name, or of this list without the index, is followed.
func (s *Sink) FollowsName(sum NameSum) bool { return s.elems != nil && s.elems.FollowsName(sum) }

// Named reports what a tag holds, index being its place where the name is that of a
// list; it belongs to the message that was just ended.
func (s *Sink) Named(sum NameSum, index uint32, value float64) {
	if s.elems != nil {
		s.elems.Named(sum, index, value)
	}
}
