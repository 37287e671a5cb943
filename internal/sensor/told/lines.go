package told

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/skanse/skanse/internal/ot"
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

// Each takes a log line by line until it ends: what a line cannot tell is counted, and a
// log that is cut tells what stood before. name is that of the file.
func (l *Lines) Each(ctx context.Context, name string, t *Teller, take func(line []byte, number uint64, offset int64) error) error {
	for n := 0; ; n++ {
		if n&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, number, offset, err := l.Next()
		switch {
		case errors.Is(err, io.EOF):
			return t.Flush(true)
		case errors.Is(err, ErrLong):
			t.Skip(fmt.Sprintf("line %d: %v", number, err))
			continue
		case err != nil:
			t.Cut(fmt.Sprintf("%s is cut short behind line %d: %v; the lines before it are good", ot.Printable(name), number, err))
			return t.Flush(true)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := take(line, number, offset); err != nil {
			t.Skip(fmt.Sprintf("line %d: %v", number, err))
		}
		if err := t.Breathe(); err != nil {
			return err
		}
	}
}
