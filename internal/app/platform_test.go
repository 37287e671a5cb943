package app

import (
	"strings"
	"testing"
)

func TestElsewhere(t *testing.T) {
	for command, anywhere := range map[string]bool{
		"serve": false, "demo": false, "edge run": false, "import <file>": false, "status": false,
		"inspect <file>": true, "verify audit <path>": true, "verify evidence <path>": true, "snapshot verify <file>": true,
	} {
		if err := elsewhere("linux", command); err != nil {
			t.Errorf("on Linux: %v", err)
		}
		for _, goos := range []string{"windows", "darwin"} {
			err := elsewhere(goos, command)
			if (err == nil) != anywhere {
				t.Errorf("%s on %s: %v", command, goos, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "Linux only") || !strings.Contains(err.Error(), "skanse inspect")) {
				t.Errorf("it does not say what to do: %v", err)
			}
		}
	}
}
