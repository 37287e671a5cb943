//go:build unix

package care

import "golang.org/x/sys/unix"

func diskOf(dir string) Disk {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Disk{}
	}
	return Disk{Free: int64(st.Bavail) * int64(st.Bsize), Size: int64(st.Blocks) * int64(st.Bsize), Known: true} //nolint:unconvert // the types differ between systems
}
