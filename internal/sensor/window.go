package sensor

import (
	"errors"
	"io"
	"sync/atomic"
)

// window is a sliding view of a stream: records are read in place, so nothing
// is copied or allocated a packet, and a file of any size takes one buffer.
type window struct {
	r    io.Reader
	buf  []byte
	lo   int   // start of what is not consumed
	hi   int   // end of what is read
	base int64 // file offset of buf[0]
	err  error // what ended the stream, io.EOF at its end
	read atomic.Int64
}

const (
	windowSize = 256 << 10 // one read; larger ones fall out of the second-level cache
	maxRecord  = 16 << 20  // longer records are damage, not packets
)

func newWindow(r io.Reader) *window { return &window{r: r, buf: make([]byte, windowSize)} }

// offset is the file position of the next byte.
func (w *window) offset() int64 { return w.base + int64(w.lo) }

// peek returns the next n bytes without consuming them, or what is left and false.
func (w *window) peek(n int) ([]byte, bool) {
	if w.hi-w.lo >= n {
		return w.buf[w.lo : w.lo+n], true
	}
	return w.fill(n)
}

func (w *window) fill(n int) ([]byte, bool) {
	if w.lo > 0 {
		copy(w.buf, w.buf[w.lo:w.hi])
		w.base += int64(w.lo)
		w.hi -= w.lo
		w.lo = 0
	}
	if n > len(w.buf) {
		// Grow by doubling, and only as bytes arrive: a forged length in a short
		// file must not buy a large buffer.
		w.buf = append(w.buf, make([]byte, min(len(w.buf), n-len(w.buf)))...)
	}
	for w.hi < n && w.err == nil {
		if w.hi == len(w.buf) {
			w.buf = append(w.buf, make([]byte, min(len(w.buf), n-w.hi))...)
		}
		m, err := w.r.Read(w.buf[w.hi:])
		w.hi += m
		w.read.Add(int64(m))
		w.err = err
	}
	if w.hi < n {
		return w.buf[:w.hi], false
	}
	return w.buf[:n], true
}

func (w *window) consume(n int) { w.lo += n }

// skip drops n bytes, which may be more than a buffer holds; false at the stream's end.
func (w *window) skip(n int64) bool {
	for n > 0 {
		part := int(min(n, windowSize))
		if _, ok := w.peek(part); !ok {
			return false
		}
		w.consume(part)
		n -= int64(part)
	}
	return true
}

// failed returns a read error that is not the end of the stream.
func (w *window) failed() error {
	if w.err == nil || errors.Is(w.err, io.EOF) || errors.Is(w.err, io.ErrUnexpectedEOF) {
		return nil
	}
	return w.err
}
