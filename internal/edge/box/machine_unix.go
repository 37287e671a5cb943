//go:build unix

package box

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func disk(dir string) (free, total int64) {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return 0, 0
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize)
}

// resident is Linux's own account; other systems have ours.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return heap()
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return heap()
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return heap()
	}
	return pages * int64(os.Getpagesize())
}

// cpu is the time that this process took, seconds.
func cpu() float64 {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return float64(r.Utime.Sec) + float64(r.Utime.Usec)/1e6 + float64(r.Stime.Sec) + float64(r.Stime.Usec)/1e6
}
