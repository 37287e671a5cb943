package box

import (
	"runtime"

	"github.com/skanse/skanse/internal/edge"
)

// Machine says how this process and the disk of a folder are. Memory is what the
// program holds, by its own account where the system does not say.
func Machine(dir string) edge.Health {
	h := edge.Health{Ports: []edge.Port{}, Can: []edge.Capability{edge.Sense}}
	h.Memory = resident()
	h.DiskFree, h.DiskTotal = disk(dir)
	return h
}

func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
