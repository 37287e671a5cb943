package view

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// What was heard is told again as it came: the message with its packet, the sums, the facts.
func TestPast(t *testing.T) {
	storetest.Each(t, slicesOfView(), func(t *testing.T, db *store.DB) {
		p := newTalkPlant(t, db)
		var events []sensor.Event
		var tuples, flows, facts int
		err := db.View(t.Context(), func(r store.Reader) error {
			cut, err := Past{}.Again(t.Context(), r, p.site.No, time.Unix(0, 0), detect.Heard{Messages: true, Tuples: true, Conversations: true, Facts: true}, func(_ int64, sum *sensor.Summary) error {
				events = append(events, sum.Events...)
				tuples, flows, facts = tuples+len(sum.Tuples), flows+len(sum.Flows), facts+len(sum.Facts)
				_, err := store.One[int64](t.Context(), r, "SELECT COUNT(*) FROM org_site") // whoever hears may ask
				return err
			})
			if cut {
				t.Error("it was cut")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 1 || events[0].Object != "DB1" || events[0].Ref.Number != 4 || events[0].Flow.Port != 102 || events[0].Flow.Transport != "tcp" {
			t.Errorf("messages: %+v", events)
		}
		if tuples != 1 || flows != 7 {
			t.Errorf("%d tuples, %d conversations, %d facts", tuples, flows, facts)
		}
	})
}
