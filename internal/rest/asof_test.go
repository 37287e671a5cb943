package rest_test

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

func TestAsOf(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "2026-11-23": {}, "2027-01-01": {}, // today and later are now
		"2026-11-22": time.Date(2026, 11, 22, 23, 59, 59, 999999000, time.UTC),
	} {
		if got, err := rest.AsOf(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	if _, err := rest.AsOf("yesterday", now); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("yesterday: %v", err)
	}
}
