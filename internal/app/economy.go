package app

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// economise trades memory that a small machine has for the collector's time:
// a capture's state grows at first and is let go at the end as a whole.
func economise() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(116 << 20) // soft: collected more often beyond it
	relax()
}

// roomy is how much may live before the limit is given up. A million hosts hold
// more than any limit for a small capture, and to collect all the time took more than
// half of the time.
const roomy = 92 << 20

// relax looks after each collection how much lives: an object that nobody holds is its bell.
func relax() {
	bell := &struct{ _ [32]byte }{}
	runtime.SetFinalizer(bell, func(*struct{ _ [32]byte }) {
		live := [1]metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live[:])
		if live[0].Value.Uint64() < roomy {
			relax()
			return
		}
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(math.MaxInt64)
	})
}
