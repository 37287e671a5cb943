package app

import (
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// elsewhere says what a command line can do on a system that is not Linux: look at
// captures and check proofs. The rest rests on Linux's sockets, locks and packet rings
// and is tested there only.
func elsewhere(goos, command string) error {
	first, _, _ := strings.Cut(command, " ")
	if goos == "linux" || slices.Contains([]string{"inspect", "verify", "snapshot", "openapi"}, first) {
		return nil
	}
	return ot.Errorf(ot.Invalid, "skanse %s runs on Linux only; on this system (%s) there are skanse inspect, skanse verify and skanse snapshot verify", first, goos)
}
