// Package logfile recognises the logs of other sensors by their content, and reads
// them. It knows neither site nor store.
package logfile

import (
	"context"
	"io"
	"os"
	"sync/atomic"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/eve"
	"github.com/skanse/skanse/internal/sensor/told/zeek"
)

// Kind says whose log begins here, packed or not: sensor.ToldZeek, sensor.ToldSuricata,
// or "" where it is nobody's. It reads at most the first 64 KiB.
func Kind(r io.Reader) string {
	l, err := told.NewLines(r)
	if err != nil {
		return ""
	}
	return kind(l.Head())
}

func kind(head []byte) string {
	switch {
	case zeek.Is(head):
		return sensor.ToldZeek
	case eve.Is(head):
		return sensor.ToldSuricata
	}
	return ""
}

// KindOf is Kind of a file.
func KindOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return Kind(f), nil
}

// File is a log that is being read.
type File struct {
	Kind string
	f    *os.File
	size int64
	read counted
	l    *told.Lines
}

type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Open opens a log; close it when done.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "open the log: %w", err)
	}
	x := &File{f: f}
	x.read.r = f
	if info, err := f.Stat(); err == nil {
		x.size = info.Size()
	}
	if x.l, err = told.NewLines(&x.read); err == nil {
		x.Kind = kind(x.l.Head())
	}
	if x.Kind == "" {
		f.Close()
		return nil, ot.Errorf(ot.Invalid, "it is neither a log of Zeek nor Suricata's EVE log")
	}
	return x, nil
}

// Read tells the log. name is what people call the file.
func (x *File) Read(ctx context.Context, name string, t *told.Teller) error {
	if x.Kind == sensor.ToldZeek {
		return zeek.Read(ctx, x.l, name, t)
	}
	return eve.Read(ctx, x.l, name, t)
}

// Stats says how far it is; it may be asked while another goroutine reads.
func (x *File) Stats() sensor.SourceStats {
	return sensor.SourceStats{SizeBytes: x.size, Read: x.read.n.Load()}
}

// Close closes the file.
func (x *File) Close() error { return x.f.Close() }
