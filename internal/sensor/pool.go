package sensor

import "math/bits"

// pool lends byte buffers in powers of two, so that streams which grow and
// shrink all day allocate nothing. out is what is lent, for the budget.
type pool struct {
	free [poolClasses][][]byte
	out  int
}

const (
	poolSmallest = 10      // 1 KiB
	poolClasses  = 9       // to 256 KiB
	poolKept     = 1 << 20 // bytes of a class kept for the next
)

func poolClass(n int) int { return max(0, bits.Len(uint(max(n, 1)-1))-poolSmallest) }

// take lends an empty buffer with room for n bytes.
func (p *pool) take(n int) []byte {
	c := poolClass(n)
	if c >= poolClasses {
		p.out += n
		return make([]byte, 0, n)
	}
	p.out += 1 << (c + poolSmallest)
	if f := p.free[c]; len(f) > 0 {
		b := f[len(f)-1]
		p.free[c] = f[:len(f)-1]
		return b[:0]
	}
	return make([]byte, 0, 1<<(c+poolSmallest))
}

// give takes a buffer back; nil is fine.
func (p *pool) give(b []byte) {
	if cap(b) == 0 {
		return
	}
	p.out -= cap(b)
	if c := poolClass(cap(b)); c < poolClasses && 1<<(c+poolSmallest) == cap(b) && len(p.free[c])<<(c+poolSmallest) < poolKept {
		p.free[c] = append(p.free[c], b)
	}
}
