package network

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// A version is one row however often it passes; another version, and another direction, are rows of their own; the bytes are kept once.
func TestPrograms(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		es, plc := host("02:00:00:00:00:01", "10.0.0.1"), host("02:00:00:00:00:02", "10.0.0.2")
		f := flow(es, plc, sensor.BySYN, "s7comm", 102, 0, 9)
		program := func(content string, up bool, from int64) sensor.Program {
			sum := sha256.Sum256([]byte(content))
			return sensor.Program{
				Flow: keyFor(f), Ref: ot.PacketRef{Source: "sensor-1", Number: 12, Seen: at(from)}, Ended: at(from + 1), Protocol: "s7comm", Kind: "block", Name: "DB 1", Up: up,
				Size: uint64(len(content)), SHA256: hex.EncodeToString(sum[:]), Content: []byte(content),
			}
		}
		lost := program("", true, 5)
		lost.SHA256, lost.Missing, lost.Content = "", "it was broken off", nil
		first := sensor.Summary{Flows: []sensor.FlowDelta{f}, Programs: []sensor.Program{program("one", false, 0), program("one", true, 3), program("two", false, 4), lost}, Sensor: "sensor-1", Epoch: "e", Seq: 1}
		p.take(first)
		p.take(first) // the same summary again
		again := program("one", false, 20)
		again.Content = nil
		p.take(sensor.Summary{Flows: []sensor.FlowDelta{f}, Programs: []sensor.Program{again}, Sensor: "sensor-1", Epoch: "e", Seq: 2})
		type row struct {
			No     int64  `db:"program_no"`
			Up     bool   `db:"up"`
			SHA256 string `db:"sha256"`
			Times  int64  `db:"times"`
			First  int64  `db:"first_at"`
			Last   int64  `db:"last_at"`
		}
		rows := all[row](p, "SELECT program_no, up, sha256, times, first_at, last_at FROM network_program ORDER BY program_no")
		if len(rows) != 4 || rows[0].Times != 2 || rows[0].First != micros(at(0)) || rows[0].Last != micros(at(21)) || rows[1].Times != 1 || !rows[1].Up || rows[3].SHA256 != "" {
			t.Fatalf("%+v", rows)
		}
		if n := all[int64](p, "SELECT count(*) FROM network_content"); n[0] != 2 {
			t.Errorf("%d contents, want each once", n[0])
		}
		id := "1." + "1"
		c, err := p.s.Content(t.Context(), everywhere, id)
		if err != nil || string(c.Bytes) != "one" || c.SiteID != p.org.ID {
			t.Errorf("%+v, %v", c, err)
		}
		for what, get := range map[string]func() error{
			"out of scope": func() error { _, err := p.s.Content(t.Context(), auth.Scope{}, id); return err },
			"not whole":    func() error { _, err := p.s.Content(t.Context(), everywhere, "1.4"); return err },
			"no number":    func() error { _, err := p.s.Content(t.Context(), everywhere, "x"); return err },
		} {
			if err := get(); ot.CodeOf(err) != ot.NotFound {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
