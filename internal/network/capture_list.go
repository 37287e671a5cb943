package network

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// The states of a capture.
const (
	Queued    = "queued"
	Reading   = "reading"
	Done      = "done"
	Cancelled = "cancelled"
	Failed    = "failed"
)

// Capture is one file that a person gave us: an observation with two dates,
// never monitoring.
type Capture struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	SiteID  string `json:"site_id"`
	State   string `json:"state" enum:"queued,reading,done,cancelled,failed"`
	Bytes   int64  `json:"bytes"`
	Read    int64  `json:"read" doc:"Bytes read so far"`
	Packets int64  `json:"packets"`
	Error   string `json:"error" doc:"Why it failed, or where it was cut; empty: nothing to say" say:"true"`
	FirstAt *Stamp `json:"first_at" doc:"Of the first packet; null: none yet"`
	LastAt  *Stamp `json:"last_at"`
	Added   Added  `json:"added"`
	By      string `json:"by"`
	At      Stamp  `json:"at" doc:"When it was given"`
	Kind    string `json:"kind" enum:"capture,zeek,suricata" doc:"Of a log, packets counts its lines"`
	SHA256  string `json:"sha256" doc:"Also the id of the source that its packets name"`
	Kept    bool   `json:"kept" doc:"The file is still here, so that packets can be opened"`
}

// Stamp is a time of the API.
type Stamp = time.Time

// Added is what a capture brought that was not known before.
type Added struct {
	Assets        int64 `json:"assets"`
	Facts         int64 `json:"facts"`
	Conversations int64 `json:"conversations"`
}

type captureRow struct {
	ID         string     `db:"capture_id"`
	SiteNo     int64      `db:"site_no"`
	SiteID     string     `db:"site_id"`
	RealmNo    int64      `db:"realm_no"`
	Name       string     `db:"name"`
	SHA256     string     `db:"sha256"`
	State      string     `db:"state"`
	Bytes      int64      `db:"bytes"`
	Read       int64      `db:"read_bytes"`
	Packets    int64      `db:"packets"`
	Error      string     `db:"error"`
	FirstAt    *int64     `db:"first_at"`
	LastAt     *int64     `db:"last_at"`
	Assets     int64      `db:"added_assets"`
	Facts      int64      `db:"added_facts"`
	Convs      int64      `db:"added_convs"`
	UploadedBy string     `db:"uploaded_by"`
	UploadedAt store.Time `db:"uploaded_at"`
	Kept       bool       `db:"kept"`
	Kind       string     `db:"kind"`
}

const captureSelect = `SELECT c.capture_id, c.site_no, s.site_id, c.realm_no, c.name, c.sha256, c.state, c.bytes, c.read_bytes, c.packets, c.error,
 c.first_at, c.last_at, c.added_assets, c.added_facts, c.added_convs, c.uploaded_by, c.uploaded_at, c.kept, c.kind
 FROM network_capture c JOIN org_site s ON s.site_no = c.site_no WHERE `

func (c *Captures) show(r captureRow) Capture {
	out := Capture{
		ID: r.ID, Name: r.Name, SiteID: r.SiteID, State: r.State, Bytes: r.Bytes, Read: r.Read, Packets: r.Packets, Error: r.Error,
		FirstAt: stamp(r.FirstAt), LastAt: stamp(r.LastAt), Added: Added{Assets: r.Assets, Facts: r.Facts, Conversations: r.Convs},
		By: r.UploadedBy, At: r.UploadedAt.UTC(), SHA256: r.SHA256, Kept: r.Kept, Kind: r.Kind,
	}
	if st, ok := c.progress(r.ID); ok && r.State == Reading {
		out.Read, out.Packets = st.Read, int64(st.Packets)
	}
	return out
}

func stamp(us *int64) *Stamp {
	if us == nil {
		return nil
	}
	t := store.Micros(*us).UTC()
	return &t
}

// progress is how far the reader is in the file it has in hand.
func (c *Captures) progress(id string) (sensor.SourceStats, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.running[id]; r != nil && r.src != nil {
		return r.src.Stats(), true
	}
	return sensor.SourceStats{}, false
}

// List returns captures, the newest first, after the given id.
func (c *Captures) List(ctx context.Context, scope auth.Scope, site, after string, until time.Time, limit int) (out []Capture, err error) {
	err = c.db.View(ctx, func(r store.Reader) error {
		q, args := captureSelect+`?`, []any{scope.Where("c.site_no", "")}
		if site != "" {
			q, args = q+` AND s.site_id = ?`, append(args, site)
		}
		if after != "" {
			q, args = q+` AND c.capture_id < ?`, append(args, after)
		}
		if !until.IsZero() {
			q, args = q+` AND c.uploaded_at <= ?`, append(args, store.At(until))
		}
		rows, err := store.All[captureRow](ctx, r, q+` ORDER BY c.capture_id DESC LIMIT ?`, append(args, limit)...)
		for _, row := range rows {
			out = append(out, c.show(row))
		}
		return err
	})
	return out, err
}

// Get returns one capture.
func (c *Captures) Get(ctx context.Context, scope auth.Scope, id string) (out Capture, err error) {
	err = c.db.View(ctx, func(r store.Reader) error {
		row, err := store.One[captureRow](ctx, r, captureSelect+`c.capture_id = ? AND ?`, id, scope.Where("c.site_no", ""))
		out = c.show(row)
		return err
	})
	return out, err
}

// Cancel takes a capture out of the queue, or stops reading it. What was read
// before stays: it is true.
func (c *Captures) Cancel(ctx context.Context, scope auth.Scope, id string) error {
	now, err := c.Get(ctx, scope, id)
	if err != nil {
		return err
	}
	if now.State != Queued && now.State != Reading {
		return ot.Errorf(ot.Conflict, "%s is not being read any more: its state is %s", now.Name, now.State)
	}
	err = c.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE network_capture SET state = 'cancelled', finished_at = ? WHERE capture_id = ? AND state IN ('queued', 'reading')`, store.At(time.Now()), id)
		return err
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.running[id]; r != nil {
		r.cancel(errCancelled)
	}
	return nil
}

// Expire removes the files of captures given before a time. Their lines stay: what
// they showed was true, and their packets are no longer kept.
func (c *Captures) Expire(ctx context.Context, before time.Time) (total int64, err error) {
	type old struct {
		ID  string `db:"capture_id"`
		SHA string `db:"sha256"`
	}
	var rows []old
	err = c.db.View(ctx, func(r store.Reader) error {
		rows, err = store.All[old](ctx, r, `SELECT capture_id, sha256 FROM network_capture WHERE uploaded_at < ? AND kept = ? AND state IN ('done', 'failed', 'cancelled') ORDER BY uploaded_at`, store.At(before), true)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		others := int64(0)
		err := c.db.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE network_capture SET kept = ? WHERE capture_id = ?`, false, row.ID); err != nil {
				return err
			}
			others, err = store.One[int64](ctx, tx, `SELECT COUNT(*) FROM network_capture WHERE sha256 = ? AND kept = ?`, row.SHA, true)
			return err
		})
		if err != nil {
			return total, err
		}
		if others == 0 {
			if err := os.Remove(c.file(row.SHA)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return total, diskError(err)
			}
		}
		total++
	}
	return total, nil
}
