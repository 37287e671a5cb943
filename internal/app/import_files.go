package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told/logfile"
)

// importable finds the files to hand over: those that were named, and of folders
// those that are captures or logs by their content. What else stands in a folder is
// passed over; a file that was named is handed over as it is, so that its fault is said.
func importable(paths []string) (files, passed []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, ot.Errorf(ot.NotFound, "there is no file or folder %s; check the name", path)
		} else if err != nil {
			return nil, nil, ot.Errorf(ot.Invalid, "cannot open %s: %w", path, err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if readable(p) {
				files = append(files, p)
			} else {
				passed = append(passed, p)
			}
			return nil
		})
		if err != nil {
			return nil, nil, ot.Errorf(ot.Invalid, "read the folder %s: %w", path, err)
		}
	}
	if len(files) == 0 {
		return nil, passed, ot.Errorf(ot.Invalid, "nothing there is a pcap or pcapng capture, or a log of Zeek or Suricata")
	}
	// conn.log first: it names most hosts, and its conversations carry the counters.
	slices.SortStableFunc(files, func(a, b string) int { return logRank(a) - logRank(b) })
	return files, passed, nil
}

func logRank(path string) int {
	if base := filepath.Base(path); len(base) >= 5 && base[:5] == "conn." {
		return 0
	}
	return 1
}

func readable(path string) bool {
	if kind, err := logfile.KindOf(path); err == nil && kind != "" {
		return true
	}
	src, err := sensor.Open(path)
	if err != nil {
		return false
	}
	return src.Close() == nil
}
