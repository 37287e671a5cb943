package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told/logfile"
	"github.com/skanse/skanse/internal/store"
)

// retryCapture is how long the reader rests after it could not work at all:
// a lost database, a full disk.
const retryCapture = 5 * time.Second

// Run reads queued captures, the oldest first, until ctx ends; then it returns
// nil. One that an earlier process had in hand is read again from its start:
// summaries are idempotent, so what was applied stays as it is.
func (c *Captures) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		worked, err := c.step(ctx)
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.Error("capture cannot be read now; trying again", slog.Any("error", err))
		}
		if worked && err == nil {
			continue
		}
		rest := time.Minute // another process may have queued one
		if err != nil {
			rest = retryCapture
		}
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-time.After(rest):
		}
	}
	return nil
}

// step reads one capture and says whether there was one.
func (c *Captures) step(ctx context.Context) (bool, error) {
	var rows []captureRow
	err := c.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[captureRow](ctx, r, captureSelect+`c.state IN ('reading', 'queued') ORDER BY c.capture_id LIMIT 1`)
		return err
	})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	row := rows[0]
	hand, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock()
	job := &reading{cancel: cancel}
	c.running[row.ID] = job
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.running, row.ID)
		c.mu.Unlock()
	}()
	// A cancel between the look and the entry above has set the state already.
	began, err := c.set(ctx, row.ID, `state = 'reading'`, `state IN ('queued', 'reading')`)
	if err != nil || !began {
		return true, err
	}
	err = c.read(hand, row, job)
	// A capture's buffers are large and the next one may be weeks away: the
	// memory goes back to the box at once, not when the runtime gets to it.
	debug.FreeOSMemory()
	switch {
	case err == nil:
		_, err = c.set(ctx, row.ID, `state = 'done', read_bytes = bytes, finished_at = ?`, `state = 'reading'`, store.At(time.Now()))
		return true, err
	case errors.Is(context.Cause(hand), errCancelled):
		return true, nil
	case ctx.Err() != nil:
		return true, ctx.Err() // the next start goes on
	case ot.CodeOf(err) == ot.Internal || ot.CodeOf(err) == ot.Full || ot.CodeOf(err) == ot.Busy:
		return true, fmt.Errorf("read %s: %w", row.Name, err) // ours, not the file's: it stays queued
	}
	return true, c.fail(ctx, row, ot.Printable(err.Error()))
}

func (c *Captures) set(ctx context.Context, id, change, while string, args ...any) (changed bool, err error) {
	err = c.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE network_capture SET `+change+` WHERE capture_id = ? AND `+while, append(args, id)...)
		changed = n > 0
		return err
	})
	return changed, err
}

// fail gives a capture up, and tells who gave it.
func (c *Captures) fail(ctx context.Context, row captureRow, why string) error {
	now := time.Now()
	return c.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE network_capture SET state = 'failed', error = ?, finished_at = ? WHERE capture_id = ? AND state = 'reading'`, why, store.At(now), row.ID)
		if err != nil || n == 0 {
			return err
		}
		return failedItem(ctx, tx, now, row, why)
	})
}

func (c *Captures) read(ctx context.Context, row captureRow, job *reading) error {
	if Told(row.Kind) {
		return c.readLog(ctx, row, job)
	}
	src, err := sensor.Open(c.file(row.SHA256))
	if err != nil {
		return err
	}
	defer src.Close()
	job.from(c, src)
	cfg := c.cfg.Sensor
	cfg.Rules = c.rules.Load()
	cfg.Sensor, cfg.Epoch, cfg.Live, cfg.Interval = row.SHA256, row.SHA256, false, captureInterval
	d := sensor.Delivery{SiteNo: row.SiteNo, RealmNo: row.RealmNo, Source: row.SHA256, Name: row.Name}
	return sensor.Run(ctx, src, cfg, func(sum *sensor.Summary) error {
		st := src.Stats()
		return c.apply(ctx, row, d, sum, st.Read, int64(st.Packets), sum.Health.Cut)
	})
}

// from says what is being read, for those who ask how far it is.
func (r *reading) from(c *Captures, src interface{ Stats() sensor.SourceStats }) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.src = src
}

// apply takes one summary of a file into every slice and notes how far the file is read.
func (c *Captures) apply(ctx context.Context, row captureRow, d sensor.Delivery, sum *sensor.Summary, read, packets int64, note string) error {
	d.Received = time.Now()
	gain, err := c.cfg.Apply(ctx, d, sum)
	if err != nil {
		return err
	}
	_, err = c.set(ctx, row.ID, `read_bytes = ?, packets = ?, error = CASE WHEN ? = '' THEN error ELSE ? END,
			first_at = CASE WHEN CAST(? AS BIGINT) > 0 AND (first_at IS NULL OR first_at > ?) THEN ? ELSE first_at END, last_at = CASE WHEN CAST(? AS BIGINT) > 0 AND (last_at IS NULL OR last_at < ?) THEN ? ELSE last_at END,
			added_assets = added_assets + ?, added_facts = added_facts + ?, added_convs = added_convs + ?`, `state = 'reading'`,
		read, packets, note, note, sum.From/1000, sum.From/1000, sum.From/1000, sum.To/1000, sum.To/1000, sum.To/1000, // none where nothing was read
		gain.Assets, gain.Facts, gain.Conversations)
	return err
}

// PacketData is one packet of a kept capture.
type PacketData struct {
	Source string `json:"source"`
	Number uint64 `json:"number"`
	At     Stamp  `json:"at"`
	Link   int    `json:"link_type" doc:"As the pcap format numbers link types; 1 is Ethernet"`
	Offset int64  `json:"offset" doc:"Of the packet's record in the file, bytes"`
	Wire   int    `json:"wire_length" doc:"Bytes on the wire; more than the data when the capture cut it"`
	Hex    string `json:"hex"`
}

// Packet reads one packet out of a kept capture.
func (c *Captures) Packet(ctx context.Context, source string, number uint64) (p sensor.Packet, err error) {
	gone := ot.Errorf(ot.NotFound, "packet %d is no longer kept; the proof beside the fact holds its first bytes", number)
	if len(source) != 64 {
		return p, gone // a sensor: its packets are not kept
	}
	if kind, err := logfile.KindOf(c.file(source)); err == nil && kind != "" {
		return p, ot.Errorf(ot.NotFound, "%d is a line of another sensor's log; there is no packet of it here", number)
	}
	src, err := sensor.Open(c.file(source))
	if err != nil {
		return p, gone
	}
	defer src.Close()
	for n := 0; ; n++ {
		if n&1023 == 0 && ctx.Err() != nil {
			return p, ctx.Err()
		}
		switch err := src.Next(&p); {
		case errors.Is(err, io.EOF):
			return p, ot.Errorf(ot.NotFound, "the capture has no packet %d", number)
		case err != nil:
			return p, err
		case p.Number == number:
			return p, nil
		}
	}
}
