package version

// Answer is what a range says of a version.
type Answer uint8

// The answers. Short means that the version is given with too few components.
const (
	Unknown Answer = iota
	No
	Yes
)

func (a Answer) String() string { return [...]string{"unknown", "no", "yes"}[a] }

// Kind says how much of a text was understood.
type Kind uint8

// The kinds of range.
const (
	Nothing Kind = iota // not understood, or it says nothing
	All                 // every version
	Bounded             // intervals
	Serial              // bounds on the serial number's first digits
	Dated               // a date of manufacture or build
)

// Range is what an advisory says about versions.
type Range struct {
	Kind      Kind
	Intervals []Interval
	Cond      string // what must also hold, in the advisory's words
	Digits    int    // Serial: how many leading digits of the serial number count
	Text      string
}

// Interval is a run of versions. A nil bound is open.
type Interval struct {
	Low, High         *Version
	LowOpen, HighOpen bool // the bound itself is outside
	Exact             bool // a single release, with all its builds
}

// Contains says whether v is in the range, and what is missing if that cannot be said.
func (r *Range) Contains(v Version) (Answer, string) {
	switch r.Kind {
	case Nothing:
		return Unknown, "the advisory's version text is not understood"
	case All:
		return Yes, ""
	}
	if v.Zero() {
		return Unknown, "version"
	}
	var highs []*Interval
	other, seen := false, false
	short := false
	for i := range r.Intervals {
		in := &r.Intervals[i]
		if in.Low == nil && in.High != nil {
			if !comparable(&v, in.High) {
				other = true
				continue
			}
			seen = true
			highs = append(highs, in)
			continue
		}
		switch in.contains(&v) {
		case Yes:
			return Yes, ""
		case Unknown:
			other = true
		case No:
			seen = true
		}
		short = short || in.short(&v)
	}
	a := branches(highs, v)
	if a == Yes || a == Unknown && len(highs) > 0 {
		for _, in := range highs {
			if in.short(&v) && len(highs) == 1 {
				return Unknown, "the version with its minor numbers"
			}
		}
		if a == Unknown {
			return Unknown, "which of the advisory's release lines this version belongs to"
		}
		return a, ""
	}
	if short {
		return Unknown, "the version with its minor numbers"
	}
	if other && !seen {
		return Unknown, "a version of the same line as the advisory's"
	}
	return No, ""
}

// branches decides among several upper bounds of one product: they stand for
// parallel release lines, and the bound of the version's own line decides.
func branches(highs []*Interval, v Version) Answer {
	if len(highs) == 0 {
		return No
	}
	inAll, inAny := true, false
	for _, h := range highs {
		in := h.contains(&v) == Yes
		inAll = inAll && in
		inAny = inAny || in
	}
	if inAll || !inAny || len(highs) == 1 {
		if inAny {
			return Yes
		}
		return No
	}
	best, at, tie := 0, -1, false
	for i, h := range highs {
		n := Branch(v, *h.High)
		switch {
		case n > best:
			best, at, tie = n, i, false
		case n == best:
			tie = true
		}
	}
	if at < 0 || tie && best == 0 {
		return Unknown
	}
	if tie { // the same line twice: the highest bound speaks
		for i, h := range highs {
			if Branch(v, *h.High) == best && compare(h.High, highs[at].High) > 0 {
				at = i
			}
		}
	}
	return highs[at].contains(&v)
}

// short: 4 against a bound of 4.1.3 cannot be put in order.
func (in *Interval) short(v *Version) bool {
	for _, b := range []*Version{in.Low, in.High} {
		if b != nil && len(v.parts) == 1 && len(b.parts) > 1 && v.parts[0].n == b.parts[0].n && v.parts[0].letters == "" && !v.qualified() && v.parts[0].n < 1000 && hasMore(b) {
			return true
		}
	}
	return false
}

func hasMore(b *Version) bool {
	for _, p := range b.parts[1:] {
		if p.n != 0 || p.letters != "" {
			return true
		}
	}
	return false
}

func (in *Interval) contains(v *Version) Answer {
	if in.Low != nil && !comparable(v, in.Low) || in.High != nil && !comparable(v, in.High) {
		return Unknown
	}
	if in.Exact {
		return answer(within(v, in.Low))
	}
	if in.Low != nil {
		c := compare(v, in.Low)
		if c < 0 || c == 0 && in.LowOpen {
			return No
		}
	}
	if in.High != nil {
		c := compare(v, in.High)
		if c == 0 && in.HighOpen {
			return No
		}
		if c > 0 && (in.HighOpen || !within(v, in.High)) {
			return No
		}
	}
	return Yes
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// Same says whether two ranges answer alike for the bounds of both.
func Same(a, b *Range) bool {
	if a.Kind != b.Kind {
		return false
	}
	for _, r := range []*Range{a, b} {
		for _, in := range r.Intervals {
			for _, v := range []*Version{in.Low, in.High} {
				if v == nil {
					continue
				}
				x, _ := a.Contains(*v)
				y, _ := b.Contains(*v)
				if x != y {
					return false
				}
			}
		}
	}
	return len(a.Intervals) == len(b.Intervals) || a.Kind == All
}

// Highest is the highest upper bound, nil if one end is open.
func (r *Range) Highest() *Version {
	var top *Version
	for i := range r.Intervals {
		h := r.Intervals[i].High
		if h == nil {
			return nil
		}
		if top == nil || compare(h, top) > 0 {
			top = h
		}
	}
	return top
}

// Understood says whether a text that should be a range was read.
func (r *Range) Understood() bool { return r.Kind != Nothing }

// Strict says whether the bounds hold v by its number, and not only as a build of the last release named.
func (r *Range) Strict(v Version) bool {
	for i := range r.Intervals {
		in := &r.Intervals[i]
		if in.contains(&v) != Yes || in.High == nil {
			continue
		}
		if in.Exact {
			return true
		}
		if c := compare(&v, in.High); c < 0 || c == 0 && !in.HighOpen {
			return true
		}
	}
	return false
}

// Glued says whether a is what is left of the range b when a dash was lost: 2033 of 20-33.
func Glued(a, b *Range) bool {
	if len(a.Intervals) != 1 || len(b.Intervals) != 1 || !a.Intervals[0].Exact {
		return false
	}
	in := &b.Intervals[0]
	if in.Low == nil || in.High == nil || len(in.Low.parts) != 1 || len(in.High.parts) != 1 || len(a.Intervals[0].Low.parts) != 1 {
		return false
	}
	scale := uint64(10)
	for scale <= in.High.parts[0].n && scale < 1<<40 {
		scale *= 10
	}
	return a.Intervals[0].Low.parts[0].n == in.Low.parts[0].n*scale+in.High.parts[0].n
}

// Touches says whether a bound of the range stands in a release line.
func (r *Range) Touches(line Version) bool {
	for i := range r.Intervals {
		for _, b := range []*Version{r.Intervals[i].Low, r.Intervals[i].High} {
			if b != nil && (b.Has(line) || compare(b, &line) >= 0) {
				return true
			}
		}
	}
	return false
}
