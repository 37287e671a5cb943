package listen

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/ring"
	"github.com/skanse/skanse/internal/store"
)

// Far reaches the interfaces of machines at other sites. What it is asked for comes
// back later, with Arrived.
type Far interface {
	// Reach says which of these sources it reaches.
	Reach(ctx context.Context, r store.Reader, sources []string) (map[string]bool, error)
	// Cut asks for packets, in the caller's transaction, and says until when they may come.
	Cut(ctx context.Context, tx *store.Tx, source, cutID string, sel Selection, comment string) (until time.Time, err error)
	// Packet asks for one packet and waits for it.
	Packet(ctx context.Context, source string, number uint64, seen time.Time) (ring.Piece, error)
	// Apply makes settings those of a source, in the caller's transaction.
	Apply(ctx context.Context, tx *store.Tx, source, by string, s Settings) error
	// Sent says that what was asked in a transaction stands.
	Sent(source string)
}

// Part is what one distant source has to say to a cut.
type Part struct {
	Source string      `json:"source"`
	Name   string      `json:"name"`
	Done   bool        `json:"done"`
	Why    string      `json:"why,omitempty"` // there are none
	Bytes  int64       `json:"bytes,omitempty"`
	Got    ring.Result `json:"got"`
}

// Arrival is a distant source's answer.
type Arrival struct {
	File []byte // pcapng; empty: none
	Got  ring.Result
	Err  error // why there are none
}

// Arrived takes what a distant source cut out. The same answer twice changes nothing.
func (s *Service) Arrived(ctx context.Context, tx *store.Tx, cutID, source string, a Arrival) error {
	rows, err := store.All[cutRow](ctx, tx, "SELECT "+cutColumns+" FROM listen_cut c WHERE c.cut_id = ?", cutID)
	if err != nil || len(rows) == 0 {
		return err
	}
	r := rows[0]
	n := slices.IndexFunc(r.Parts.V, func(p Part) bool { return p.Source == source })
	if n < 0 || r.Parts.V[n].Done || r.State != waiting {
		return nil // asked for too long ago, or here already
	}
	p := &r.Parts.V[n]
	p.Done = true
	if a.Err != nil {
		p.Why = ot.Printable(a.Err.Error())
	} else if a.Got.Packets > 0 {
		p.Got, p.Bytes = a.Got, int64(len(a.File))
		if err := s.put(r.ID, n+1, a.File); err != nil {
			return err
		}
	}
	return s.settle(ctx, tx, &r, false)
}

// settle writes how a cut stands: it waits while somebody may still answer.
func (s *Service) settle(ctx context.Context, tx *store.Tx, r *cutRow, late bool) error {
	open := false
	for i := range r.Parts.V {
		p := &r.Parts.V[i]
		if late && !p.Done {
			p.Done, p.Why = true, "it did not answer in time"
		}
		open = open || !p.Done
	}
	if !open {
		for _, p := range r.Parts.V {
			r.add(p.Got, p.Bytes)
		}
		r.conclude()
	}
	if _, err := tx.Exec(ctx, "UPDATE listen_cut SET state = ?, detail = ?, packets = ?, masked = ?, headers = ?, bytes = ?, parts = ? WHERE cut_id = ?",
		r.State, r.Detail, r.Packets, r.Masked, r.Headers, r.Bytes, r.Parts, r.ID); err != nil || open {
		return err
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicSource, SiteNo: r.SiteNo, Refs: []ot.Ref{{Kind: "cut", ID: r.ID}}})
}

// add counts packets that came.
func (r *cutRow) add(got ring.Result, bytes int64) {
	r.Packets += got.Packets
	r.Masked += got.Masked
	r.Headers += got.Headers
	r.Bytes += bytes
	if got.Torn {
		r.Detail += "A file of the ring ends within a packet, as after a power cut; what stood before it is here. "
	}
}

// conclude says what came of a cut that waits for nobody any more.
func (r *cutRow) conclude() {
	var missed []string
	for _, p := range r.Parts.V {
		if p.Why != "" {
			missed = append(missed, p.Name+" ("+p.Why+")")
		}
	}
	r.State = "ready"
	if r.Packets == 0 {
		r.State = "empty"
		r.Detail += "No packet of it is kept any more, or none came in this time. "
	}
	if len(missed) > 0 {
		r.Detail += "Not reached: " + strings.Join(missed, "; ") + "."
	}
	r.Detail = strings.TrimSpace(r.Detail)
}

// Expire gives up waiting for sensors that did not answer. It is a job.
func (s *Service) Expire(ctx context.Context) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[cutRow](ctx, tx, "SELECT "+cutColumns+" FROM listen_cut c WHERE c.state = ? AND c.until < ? ORDER BY c.cut_id LIMIT 100", waiting, store.At(s.cfg.Clock()))
		if err != nil {
			return err
		}
		for i := range rows {
			if err := s.settle(ctx, tx, &rows[i], true); err != nil {
				return err
			}
		}
		return nil
	})
}

// Wanted writes how an interface of another machine shall listen, in the transaction that says so there.
func (s *Service) Wanted(ctx context.Context, tx *store.Tx, d sensor.Delivery, want Settings, by string) error {
	now := store.At(s.cfg.Clock())
	if _, err := tx.Exec(ctx, "INSERT INTO listen_interface (source_id, site_no, realm_no, name, heard, settings) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source_id) DO NOTHING",
		d.Source, d.SiteNo, d.RealmNo, d.Name, store.AsJSON(Heard{}), store.AsJSON(want)); err != nil {
		return err
	}
	old, err := store.One[row](ctx, tx, "SELECT "+columns+" FROM listen_interface l WHERE l.source_id = ?", d.Source)
	if err != nil || old.Version > 0 && fill(old.Settings.V) == want {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE listen_interface SET settings = ?, version = version + 1, updated_at = ?, updated_by = ?, name = ? WHERE source_id = ?", store.AsJSON(want), now, by, d.Name, d.Source)
	return err
}

// far says whether a source is one of another machine that can be asked.
func (s *Service) far(ctx context.Context, r store.Reader, sources ...string) (map[string]bool, error) {
	if s.cfg.Far == nil {
		return nil, nil
	}
	return s.cfg.Far.Reach(ctx, r, sources)
}

// removeFiles removes what was cut, with its parts.
func (s *Service) removeFiles(id string, parts int) error {
	for n := range parts + 1 {
		if err := os.Remove(s.path(id, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
