package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// progress says on stderr how far a long read is. On a terminal it is one line
// that is written over; in a log it is a line every ten seconds, so that a long
// read is not taken for one that hangs.
type progress struct {
	w        io.Writer
	terminal bool
	first    time.Duration // nothing is said before
	every    time.Duration
}

func newProgress(w io.Writer) progress {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return progress{w: w, terminal: true, first: time.Second, every: 250 * time.Millisecond}
		}
	}
	return progress{w: w, first: 10 * time.Second, every: 10 * time.Second}
}

// watch tells of a source until the returned function is called.
func (p progress) watch(file string, src sensor.Source) (stop func()) {
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		began, shown := time.Now(), false
		t := time.NewTimer(p.first)
		defer t.Stop()
		for {
			select {
			case <-done:
				if shown && p.terminal {
					fmt.Fprint(p.w, "\r\x1b[K")
				}
				return
			case <-t.C:
			}
			shown = true
			line := progressLine(filepath.Base(file), src.Stats(), time.Since(began))
			if p.terminal {
				fmt.Fprint(p.w, "\r\x1b[K"+line)
			} else {
				fmt.Fprintln(p.w, line)
			}
			t.Reset(p.every)
		}
	})
	return func() { close(done); wait.Wait() }
}

func progressLine(file string, s sensor.SourceStats, took time.Duration) string {
	name := ot.Printable(file)
	if s.SizeBytes <= 0 || s.Read <= 0 {
		return fmt.Sprintf("%s: %s packets", name, grouped(s.Packets))
	}
	left := time.Duration(float64(took) * float64(s.SizeBytes-s.Read) / float64(s.Read)).Round(time.Second)
	return fmt.Sprintf("%s: %d %%, %s packets, about %s left", name, s.Read*100/s.SizeBytes, grouped(s.Packets), left)
}
