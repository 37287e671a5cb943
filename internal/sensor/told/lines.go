package told

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Bounds of a log file.
const (
	MaxLine = 1 << 20 // longer lines are damage, not records
	HeadLen = 64 << 10
)

// Lines reads a log line by line in bounded memory, whatever its size, also packed
// with gzip (several members one after the other, as rotated logs are joined).
type Lines struct {
	r      *bufio.Reader
	number uint64
	offset int64 // of the next line, in the unpacked log
	buf    []byte
}

// NewLines begins to read. It looks at the first bytes to see whether they are packed.
func NewLines(r io.Reader) (*Lines, error) {
	plain := bufio.NewReaderSize(r, HeadLen)
	head, err := plain.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return &Lines{r: plain}, nil
	}
	z, err := gzip.NewReader(plain)
	if err != nil {
		return nil, fmt.Errorf("unpack it: %w", err)
	}
	return &Lines{r: bufio.NewReaderSize(z, HeadLen)}, nil
}

// Head shows the beginning without taking it.
func (l *Lines) Head() []byte {
	head, _ := l.r.Peek(HeadLen) // what is there counts; an error comes again with the line that it breaks
	return head
}

// ErrLong says that a line was longer than a record can be; it was passed over.
var ErrLong = errors.New("the line is longer than 1 MiB")

// Next returns the next line without its end, its number from 1 and where it began.
// The bytes are good until the following call. io.EOF ends the log.
func (l *Lines) Next() (line []byte, number uint64, offset int64, err error) {
	l.buf = l.buf[:0]
	offset = l.offset
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		l.offset += int64(len(part))
		if len(l.buf)+len(part) > MaxLine {
			long, l.buf = true, l.buf[:0]
		} else if !long {
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(l.buf) == 0 && !long):
			return nil, l.number, offset, err
		}
		l.number++
		if long {
			return nil, l.number, offset, ErrLong
		}
		return bytes.TrimRight(l.buf, "\r\n"), l.number, offset, nil
	}
}
