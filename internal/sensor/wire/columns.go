package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/skanse/skanse/internal/sensor"
)

// columns hold the records of a section field by field: all first fields, then all
// second ones. What a plant does every ten seconds differs little from record to
// record, and lies then side by side, where the compressor finds it.
type columns struct {
	cols [][]byte
	col  int     // the one in hand; -1: none of this record as yet
	had  int     // how many there are to read
	ends int     // how many were asked for
	last []int64 // of each: what follows is written as the difference
}

// start begins a record.
func (c *coder) start() { c.seek(-1) }

// seek puts the column in hand back and takes another.
func (c *coder) seek(col int) {
	if at := c.col; at >= 0 {
		if c.writing {
			c.cols[at] = c.out
		} else {
			c.cols[at] = c.in
		}
	}
	for len(c.cols) <= col {
		c.cols = append(c.cols, nil)
	}
	for len(c.last) < len(c.cols) {
		c.last = append(c.last, 0)
	}
	if c.col = col; col < 0 {
		return
	}
	c.ends = max(c.ends, col+1)
	if c.writing {
		c.out = c.cols[col]
	} else {
		c.in = c.cols[col]
	}
}

// turn takes the column of the next field.
func (c *coder) turn() {
	if c.columns != nil && c.err == nil {
		c.seek(c.col + 1)
	}
}

// span is a part of a record with a number of its own of the same fields: they have as many columns
// as fields, so that what comes behind stands where it always does.
func (c *coder) span(width, n int, fields func(i int)) {
	if c.columns == nil {
		for i := 0; i < n && c.err == nil; i++ {
			fields(i)
		}
		return
	}
	at := c.col
	for i := 0; i < n && c.err == nil; i++ {
		c.seek(at)
		fields(i)
		if c.err == nil && c.col > at+width {
			panic(fmt.Sprintf("%d columns in a span of %d", c.col-at, width))
		}
	}
	if c.err == nil {
		c.seek(at + width)
	}
}

// since is a time as its distance from another, in µs where it is whole ones.
func (c *coder) since(v *int64, from int64) {
	const far = math.MinInt64 | 1 // more than 146 years
	d := *v - from
	x := d<<1 | 1
	switch {
	case d%1000 == 0:
		x = d / 1000 << 1
	case x>>1 != d || x == far:
		x = far
	}
	c.int(&x)
	if c.writing {
		if x == far {
			c.out = binary.AppendVarint(c.out, d)
		}
		return
	}
	switch {
	case x == far:
		var n int
		if d, n = binary.Varint(c.in); n <= 0 {
			c.fail("it ends inside a time")
			return
		}
		c.in = c.in[n:]
	case x&1 == 1:
		d = x >> 1
	default:
		d = x >> 1 * 1000
	}
	*v = d + from
}

// follows is a number that grows from record to record.
func (c *coder) follows(v *int64) {
	at := c.col + 1
	before := int64(0)
	if at < len(c.last) {
		before = c.last[at]
	}
	d := *v - before
	c.int(&d)
	if c.err != nil || c.absent() {
		return
	}
	*v = before + d
	c.last[c.col] = *v
}

// squares of whole µs are whole, and far from random where the sum is known.
func (c *coder) squares(s *sensor.Spread) {
	guess := float64(0)
	if s.N > 0 {
		guess = math.Floor(float64(s.Sum) * float64(s.Sum) / float64(s.N))
	}
	const whole = 1 << 52
	near := guess < whole
	var d int64
	if c.writing {
		near = near && s.Squares >= 0 && s.Squares < whole && s.Squares == math.Floor(s.Squares)
		if d = int64(s.Squares - guess); !near {
			d = math.MinInt64
		}
	}
	c.int(&d)
	switch {
	case c.writing && !near:
		c.out = binary.BigEndian.AppendUint64(c.out, math.Float64bits(s.Squares))
	case c.writing || c.err != nil:
	case d != math.MinInt64:
		if s.Squares = guess + float64(d); !near || s.Squares < 0 || s.Squares >= whole {
			c.fail("a sum of squares cannot be %g", s.Squares)
		}
	case len(c.in) < 8:
		c.fail("it ends inside a number")
	default:
		s.Squares = math.Float64frombits(binary.BigEndian.Uint64(c.in))
		c.in = c.in[8:]
		if math.IsNaN(s.Squares) || math.IsInf(s.Squares, 0) {
			c.fail("a number is not finite")
		}
	}
}

// most is near the mean.
func (c *coder) most(s *sensor.Spread) {
	mean := uint64(0)
	if s.N > 0 {
		mean = s.Sum / s.N
	}
	d := int64(s.Most - mean)
	c.int(&d)
	s.Most = mean + uint64(d)
}

// listed writes a count and the columns of its records.
func listed[T any](c *coder, items *[]T, fields func(*coder, *T)) []byte {
	c.columns = &columns{col: -1}
	for i := range *items {
		c.start()
		fields(c, &(*items)[i])
	}
	c.start()
	cols := c.cols
	for len(cols) > 0 && len(cols[len(cols)-1]) == 0 {
		cols = cols[:len(cols)-1]
	}
	out := binary.AppendUvarint(nil, uint64(len(*items)))
	out = binary.AppendUvarint(out, uint64(len(cols)))
	for _, b := range cols {
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	c.columns = nil
	return out
}

// readColumns reads what listed wrote. Memory follows the bytes that are there.
func readColumns[T any](c *coder, tag int, b []byte, items *[]T, fields func(*coder, *T)) {
	if c.err != nil {
		return
	}
	c.in = b
	var n, width uint64
	c.raw(&n)
	c.raw(&width)
	if c.records += n; c.err == nil && (n > MaxRecords || c.records > 3*MaxRecords || n > uint64(len(b)) || width > maxColumns) {
		c.fail("section %d claims %d records of %d fields: at most %d are read", tag, n, width, MaxRecords)
	}
	var cols [][]byte
	for i := uint64(0); i < width && c.err == nil; i++ {
		var size uint64
		if c.raw(&size); c.err == nil && size > uint64(len(c.in)) {
			c.fail("a column of section %d is cut off", tag)
		}
		if c.err == nil {
			cols = append(cols, c.in[:size:size])
			c.in = c.in[size:]
		}
	}
	if c.err != nil {
		return
	}
	c.end(tag)
	c.columns = &columns{cols: cols, col: -1, had: len(cols)}
	for range n {
		var v T
		c.start()
		if fields(c, &v); c.err != nil {
			c.err = fmt.Errorf("section %d, record %d: %w", tag, len(*items), c.err)
			break
		}
		*items = append(*items, v)
	}
	if c.err == nil {
		c.start()
		for i, rest := range c.cols {
			if len(rest) > 0 && (i < c.ends || c.version <= Version) {
				c.fail("field %d of section %d has %d bytes too many", i, tag, len(rest))
				break
			}
		}
	}
	c.columns, c.in = nil, nil
}

// maxColumns bounds the fields of a record, those of newer versions included.
const maxColumns = 200
