package store

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// freeBytes is what an ordinary user may still write on the disk that holds a file.
func freeBytes(path string) (int64, bool) {
	dir, err := windows.UTF16PtrFromString(filepath.Dir(path))
	if err != nil {
		return 0, false
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, nil, nil); err != nil {
		return 0, false
	}
	return int64(min(free, 1<<62)), true
}
