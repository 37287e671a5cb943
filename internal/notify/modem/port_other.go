//go:build !linux

package modem

import "github.com/skanse/skanse/internal/ot"

// Open says that there is none here: the centre runs on Linux.
func Open(string, int) (Port, error) {
	return nil, ot.Errorf(ot.Invalid, "a modem is used on Linux only")
}
