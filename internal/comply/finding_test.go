package comply

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// A contradiction is written down as a record; the check closes it when it measures
// it no more, and nobody else can close it that way.
func TestFindingIsARecord(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.sensor(p.north, 31, p.cell, p.scada)
		p.declareAll("5.3", p.north.ID)
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
		p.evaluate()
		d := got(p.s.Requirement(t.Context(), everybody, "5.3", time.Time{}))(t)
		if len(d.Findings) == 0 || d.Findings[0].Record == "" {
			t.Fatalf("%+v", d.Findings)
		}
		id := d.Findings[0].Record
		state := func() (out string) {
			t.Helper()
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				out, err = store.One[string](t.Context(), r, "SELECT state FROM record_record WHERE record_id = ?", id)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		if state() != "open" {
			t.Errorf("it is %s", state())
		}
		ane := asPerson(t.Context())
		err := db.Update(ane, func(tx *store.Tx) error {
			_, err := p.s.records.Transition(ane, tx, principal(ane), id, record.Move{Transition: "measured", Reason: "I say so"})
			return err
		})
		if ot.CodeOf(err) != ot.Forbidden || state() != "open" {
			t.Errorf("a person closes it as measured: %v, %s", err, state())
		}
		p.exec("DELETE FROM network_conversation")
		p.evaluate()
		if state() != "closed" {
			t.Errorf("it is measured no more, and %s", state())
		}
	})
}
