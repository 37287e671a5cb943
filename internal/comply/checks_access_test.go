package comply

import (
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/dissect/recognised"
)

// A remote access tool that the sensor knows by name but that the checks do
// not count would be a way in that nobody is told of.
func TestEveryRemoteToolCounts(t *testing.T) {
	list, err := recognised.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	tools := 0
	for _, e := range list.Entries {
		if !e.Tool {
			continue
		}
		tools++
		if !strings.Contains(toolProtocols+tunnelProtocols, "'"+e.ID+"'") {
			t.Errorf("%s is a remote access tool, and no check counts it", e.ID)
		}
	}
	if tools < 20 {
		t.Errorf("%d tools only", tools)
	}
}
