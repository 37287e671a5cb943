package dissect

// Follower is a Collector that follows the values of single elements. A message
// carries one value; who polls asks for a hundred registers at once.
type Follower interface {
	// Follows says whether any value is followed: reading the others costs nothing else.
	Follows() bool
	// Element takes a further value of the message that was reported last; width is its
	// bytes where elements of several widths begin at one address, else 0.
	Element(item uint32, width uint8, value float64)
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
