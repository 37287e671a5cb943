package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Lock is a file that one process holds. The operating system gives it back
// when the process dies, however it dies; the file itself stays.
type Lock struct{ f *os.File }

var errHeld = errors.New("held by another process")

// TakeLock takes the lock file at path, or says with ot.Busy who holds it. Open
// does it for an SQLite file; a server on PostgreSQL does it for its data folder.
func TakeLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "open the lock file: %w", err)
	}
	if err := lockFile(f); err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 200))
		_ = f.Close()
		if !errors.Is(err, errHeld) {
			return nil, ot.Errorf(ot.Internal, "lock %s: %w", path, err)
		}
		by := ot.Printable(strings.TrimSpace(string(who)))
		if by == "" {
			by = "unknown process"
		}
		return nil, ot.Errorf(ot.Busy, "another Skanse (%s) uses the folder %s: stop it first, or choose another folder", by, filepath.Dir(path))
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(f, "process %d, started %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	}
	return &Lock{f: f}, nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }
