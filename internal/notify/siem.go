package notify

import (
	"context"
	"encoding/base64"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/notify/syslog"
	"github.com/skanse/skanse/internal/store"
)

// sdID names our structured data. 32473 is the number of RFC 5612 for documentation:
// there is none of our own.
const sdID = "skanse@32473"

func (w Way) target() (syslog.Target, error) {
	cfg, err := w.tls()
	return syslog.Target{Transport: w.Transport, Address: w.address(bySyslog), TLS: cfg, Lines: w.Format == formatECS}, err
}

// frame writes an event in the receiver's format.
func (s *Service) frame(w Way, sev syslog.Severity, e told) []byte {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	most := syslog.MaxFrame
	if w.Transport == syslog.UDP {
		most = syslog.MaxDatagram
	}
	m := syslog.Message{Facility: int(w.Facility), Severity: sev, At: e.at, Host: host, App: "skanse", ID: e.id, Text: e.text}
	switch w.Format {
	case formatECS:
		return e.ecs(s.cfg.Version, host, most)
	case formatCEF:
		m.Text = syslog.CEF{Version: s.cfg.Version, ID: e.id, Name: e.text, Severity: e.level, Fields: e.cefFields()}.Encode()
	case formatLEEF:
		m.Text = syslog.LEEF{Version: s.cfg.Version, ID: e.id, Fields: e.leefFields()}.Encode()
	default:
		kept := slices.DeleteFunc(slices.Clone(e.params), func(p syslog.Param) bool { return p.Value == "" })
		for _, name := range slices.Sorted(maps.Keys(e.alert)) {
			kept = append(kept, syslog.Param{Name: name, Value: e.alert[name]})
		}
		m.Data = []syslog.Element{{ID: sdID, Params: kept}}
	}
	return m.Encode(most)
}

func (s *Service) drawSyslog(w Way, d delivery) parcel {
	c := d.Body.V
	sev, cef := syslog.Notice, 3
	switch d.Severity {
	case 1:
		sev, cef = syslog.Critical, 9
	case 2:
		sev, cef = syslog.Warning, 6
	case 4:
		sev, cef = syslog.Info, 1
	}
	text := c.Title
	if d.What == whatDone {
		sev, cef = syslog.Info, 1
		text = "Answered: " + c.Title
	}
	return parcel{id: d.ID, at: d.MadeAt.Time, frame: s.frame(w, sev, told{id: "inbox." + d.What, level: cef, at: d.MadeAt.Time, text: text, alert: c.Fields, params: []syslog.Param{
		{Name: "id", Value: d.ID},
		{Name: "item", Value: c.ItemID},
		{Name: "kind", Value: c.Kind},
		{Name: "site", Value: c.Site},
		{Name: "detail", Value: short(c.Detail, 1000)},
		{Name: "outcome", Value: c.Outcome},
		{Name: "ref", Value: c.Ref.Kind + ":" + c.Ref.ID},
	}})}
}

// sendSyslog sends a batch over one connection: all of it was taken, or none.
func (s *Service) sendSyslog(ctx context.Context, way Way, parcels []parcel, done report) error {
	target, err := way.target()
	if err != nil {
		return err
	}
	frames := make([][]byte, 0, len(parcels))
	for _, p := range parcels {
		frames = append(frames, p.frame)
	}
	if err := target.Send(ctx, s.cfg.Egress.DialContext, frames); err != nil {
		return err
	}
	for i := range parcels {
		done(i, way.Transport, nil)
	}
	return nil
}

// auditBatch bounds what is read and sent of the audit log at once.
const auditBatch = 200

type auditRow struct {
	Index      int64      `db:"idx"`
	At         store.Time `db:"at"`
	Actor      string     `db:"actor"`
	Action     string     `db:"action"`
	Site       string     `db:"site"`
	TargetKind string     `db:"target_kind"`
	TargetID   string     `db:"target_id"`
	Detail     *string    `db:"detail"`
}

// forward sends what is new in the audit log to a receiver, then where it stands. The
// log is its own queue: a place in it is remembered, and moved once the receiver has
// taken what stands before.
func (s *Service) forward(ctx context.Context, r receiverRow) (more bool, err error) {
	var rows []auditRow
	var points []audit.Checkpoint
	err = s.db.View(ctx, func(rd store.Reader) (err error) {
		rows, err = store.All[auditRow](ctx, rd, `SELECT e.idx, e.at, e.actor, e.action, e.site, e.target_kind, e.target_id, d.detail FROM audit_entry e LEFT JOIN audit_detail d ON d.seq = e.seq
			WHERE e.idx >= ? ORDER BY e.idx LIMIT ?`, r.AuditNext, auditBatch)
		if err != nil || len(rows) == auditBatch { // the checkpoint comes behind its entries
			return err
		}
		points, err = store.All[audit.Checkpoint](ctx, rd, "SELECT size, root, at, note FROM audit_checkpoint WHERE size >= ? ORDER BY size DESC LIMIT 1", max(r.PointNext, 1))
		return err
	})
	if err != nil || len(rows)+len(points) == 0 {
		return false, err
	}
	way := r.Way.V
	next, point := r.AuditNext, r.PointNext
	var parcels []parcel
	for _, e := range rows {
		next = e.Index + 1
		parcels = append(parcels, parcel{frame: s.frame(way, syslog.Info, told{id: "audit", level: 1, at: e.At.Time, text: e.Action + " by " + e.Actor, params: []syslog.Param{
			{Name: "id", Value: strconv.FormatInt(e.Index, 10)},
			{Name: "actor", Value: e.Actor},
			{Name: "action", Value: e.Action},
			{Name: "site", Value: e.Site},
			{Name: "target", Value: e.TargetKind + ":" + e.TargetID},
			{Name: "detail", Value: short(text(e.Detail), 2000)},
		}})})
	}
	for _, p := range points {
		if p.Size > next {
			continue // its last entries come first
		}
		point = p.Size + 1
		parcels = append(parcels, parcel{frame: s.frame(way, syslog.Notice, told{id: "checkpoint", level: 2, at: p.At.Time, text: "The audit log holds " + strconv.FormatInt(p.Size, 10) + " entries", params: []syslog.Param{
			{Name: "size", Value: strconv.FormatInt(p.Size, 10)}, {Name: "root", Value: p.Root}, {Name: "note", Value: base64.StdEncoding.EncodeToString([]byte(p.Note))},
		}})})
	}
	if len(parcels) == 0 {
		return false, nil
	}
	if err := s.sendSyslog(ctx, way, parcels, func(int, string, error) {}); err != nil {
		return false, err
	}
	return len(rows) == auditBatch, s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE notify_receiver SET audit_next = ?, point_next = ? WHERE receiver_id = ? AND audit_next = ?", next, point, r.ID, r.AuditNext)
		return err
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
