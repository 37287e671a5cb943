package network

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/logfile"
)

// readLog reads another sensor's log as read reads a capture: what it tells comes in
// summaries of the same kind, marked with whose words they are.
func (c *Captures) readLog(ctx context.Context, row captureRow, job *reading) error {
	log, err := logfile.Open(c.file(row.SHA256))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // it was only read
	job.from(c, log)
	d := sensor.Delivery{SiteNo: row.SiteNo, RealmNo: row.RealmNo, Source: row.SHA256, Name: row.Name}
	var lines, skipped uint64
	var why string
	return log.Read(ctx, row.Name, told.New(told.Config{
		Sensor: row.SHA256, Epoch: row.SHA256, Kind: log.Kind, Protocols: c.cfg.Sensor.Protocols, Rules: c.rules.Load(),
		Emit: func(sum *sensor.Summary) error {
			t := sum.Health.Told
			lines, skipped = lines+t.Records, skipped+t.Skipped
			if why == "" {
				why = t.Why
			}
			note := sum.Health.Cut
			if note == "" && skipped > 0 {
				note = fmt.Sprintf("%d of %d lines were not understood; the first: %s", skipped, lines, why)
			}
			return c.apply(ctx, row, d, sum, log.Stats().Read, int64(lines), note)
		},
	}))
}
