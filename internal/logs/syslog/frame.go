package syslog

import (
	"bufio"
	"errors"
	"io"

	"github.com/skanse/skanse/internal/ot"
)

// MaxLine is how much of one line is taken: a forwarded Windows event is the longest thing people send.
const MaxLine = 64 << 10

// Reader takes the lines off a connection: with their octets counted, or a line each, as RFC 6587 has both.
type Reader struct{ r *bufio.Reader }

// NewReader reads lines of r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 16<<10)} }

// Next gives the next line, cut where it is longer than MaxLine. io.EOF ends the connection. The bytes are the caller's.
func (r *Reader) Next() (line []byte, cut bool, err error) {
	for {
		first, err := r.r.Peek(1)
		if err != nil {
			return nil, false, err
		}
		switch first[0] {
		case '\n', '\r', 0:
			if _, err := r.r.Discard(1); err != nil {
				return nil, false, err
			}
			continue
		}
		if first[0] >= '1' && first[0] <= '9' {
			return r.counted()
		}
		return r.terminated()
	}
}

// counted reads "LENGTH SP LINE".
func (r *Reader) counted() ([]byte, bool, error) {
	n := 0
	for i := 0; ; i++ {
		c, err := r.r.ReadByte()
		if err != nil {
			return nil, false, unexpected(err)
		}
		if c == ' ' && i > 0 {
			break
		}
		if c < '0' || c > '9' || i > 7 {
			return nil, false, ot.Errorf(ot.Invalid, "a line begins neither with < nor with its length")
		}
		n = n*10 + int(c-'0')
	}
	line := make([]byte, min(n, MaxLine))
	if _, err := io.ReadFull(r.r, line); err != nil {
		return nil, false, unexpected(err)
	}
	if _, err := r.r.Discard(n - len(line)); err != nil {
		return nil, false, unexpected(err)
	}
	return line, n > MaxLine, nil
}

// terminated reads up to the line's end. What is longer than MaxLine is read and dropped.
func (r *Reader) terminated() (line []byte, cut bool, err error) {
	for {
		part, err := r.r.ReadSlice('\n')
		text := part
		if err == nil {
			text = part[:len(part)-1]
		}
		room := MaxLine - len(line)
		line, cut = append(line, text[:min(len(text), room)]...), cut || len(text) > room
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return line, cut, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
