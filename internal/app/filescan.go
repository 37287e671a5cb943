package app

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/record/clamd"
	"github.com/skanse/skanse/internal/sensor"
)

// fileScanner shows what passed by a sensor to clamd, each content once. It keeps nothing
// of a file but its hash.
type fileScanner struct {
	clamd *clamd.Scanner // nil: nothing is scanned
	log   *slog.Logger

	mu   sync.Mutex
	said map[string]string // by SHA-256: what was found, "" nothing
	away time.Time         // clamd did not answer; until then it is not asked
}

// Bounds of a scan: what was heard waits for it.
const (
	scanWithin   = 10 * time.Second // of one file
	scanAll      = 30 * time.Second // of one summary
	scanAway     = time.Minute
	keptVerdicts = 10_000
)

// scan asks about the files of a summary whose bytes came along.
func (f *fileScanner) scan(ctx context.Context, sum *sensor.Summary) detect.Scanned {
	if f == nil || f.clamd == nil || len(sum.Programs) == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, scanAll)
	defer cancel()
	out := detect.Scanned{}
	for i := range sum.Programs {
		p := &sum.Programs[i]
		found, known := f.said[p.SHA256]
		if !known && len(p.Content) > 0 && p.SHA256 != "" && time.Now().After(f.away) {
			one, done := context.WithTimeout(ctx, scanWithin)
			v, err := f.clamd.Scan(one, bytes.NewReader(p.Content))
			done()
			if err != nil {
				f.away = time.Now().Add(scanAway)
				f.log.Warn("files that pass by are not scanned for a minute", "why", err)
				continue
			}
			if f.said == nil || len(f.said) >= keptVerdicts {
				f.said = map[string]string{}
			}
			if found = v.Name; v.Infected && found == "" {
				found = "?"
			}
			f.said[p.SHA256] = found
		}
		if found != "" {
			out[p.SHA256] = found
		}
	}
	return out
}

// passing says what a sensor of this machine does with files that are no projects: their
// bytes are told where a scanner looks at them, and they are hashed where somebody looks
// for known ones.
func (s *server) passing() sensor.Passing {
	switch {
	case s.ingest != nil && s.ingest.files != nil && s.ingest.files.clamd != nil:
		return sensor.PassingTold
	case s.detect != nil && s.detect.WantsFiles():
		return sensor.PassingHashed
	}
	return sensor.PassingIgnored
}
