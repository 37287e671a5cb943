package app

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor/selftest"
)

// Each detection that the self-test stands on is met by its fixtures, and with the
// dissectors taken away none is.
func TestSelftestFixtures(t *testing.T) {
	files, err := shippedRules()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := sensorConfig("", slog.New(slog.DiscardHandler), files)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := selftest.Run(t.Context(), cfg, "here", "1", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if met := selftest.Met(sum); len(selftest.Missing(met)) > 0 || sum.Health.Malformed > 0 || sum.Live {
		t.Errorf("met %v, missing %v, %d malformed", met, selftest.Missing(met), sum.Health.Malformed)
	}
	cfg.Rules = nil
	if sum, err = selftest.Run(t.Context(), cfg, "here", "2", time.Unix(1, 0)); err != nil || !slices.Equal(selftest.Missing(selftest.Met(sum)), selftest.Expected()) {
		t.Errorf("%v: a sensor without detections passes", err)
	}
}
