//go:build !linux

package live

import (
	"context"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

func unsupported() error {
	return ot.Errorf(ot.Invalid, "listening to an interface works on Linux only; record a capture on this system and import it")
}

// Inspect fails: only Linux has what is asked.
func Inspect(name string) (Interface, error) { return Interface{Name: name}, unsupported() }

// Open fails: only Linux has AF_PACKET.
func Open(context.Context, string, Options) (sensor.Source, error) { return nil, unsupported() }

// Silence fails: only Linux has these switches.
func Silence(string, bool) ([]Change, error) { return nil, unsupported() }

// Restore does nothing where nothing was changed.
func Restore(string, []Change) error { return nil }

// KeepAdminOnly does nothing where there are none.
func KeepAdminOnly() error { return nil }

// DropCapabilities does nothing where there are none.
func DropCapabilities() error { return nil }
