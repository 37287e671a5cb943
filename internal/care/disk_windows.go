package care

import "golang.org/x/sys/windows"

func diskOf(dir string) Disk {
	at, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Disk{}
	}
	var free, size uint64
	if err := windows.GetDiskFreeSpaceEx(at, &free, &size, nil); err != nil {
		return Disk{}
	}
	return Disk{Free: int64(min(free, 1<<62)), Size: int64(min(size, 1<<62)), Known: true}
}
