package listen

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// row is listen_interface.
type row struct {
	SourceID   string               `db:"source_id"`
	SiteNo     int64                `db:"site_no"`
	RealmNo    int64                `db:"realm_no"`
	Name       string               `db:"name"`
	Epoch      string               `db:"epoch"`
	Seq        int64                `db:"seq"`
	ReceivedAt store.Time           `db:"received_at"`
	Heard      store.JSON[Heard]    `db:"heard"`
	Settings   store.JSON[Settings] `db:"settings"`
	Version    int64                `db:"version"`
	UpdatedAt  store.Time           `db:"updated_at"`
	UpdatedBy  string               `db:"updated_by"`
}

const columns = "l.source_id, l.site_no, l.realm_no, l.name, l.epoch, l.seq, l.received_at, l.heard, l.settings, l.version, l.updated_at, l.updated_by"

// Take adds a live summary to its interface, in the caller's transaction. One that
// comes again changes nothing. A frame that the interface sent is an alarm at once.
func (s *Service) Take(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	if !sum.Live || sum.Health.Told != nil {
		return nil // of another sensor there is no port to look at
	}
	rows, err := store.All[row](ctx, tx, "SELECT "+columns+" FROM listen_interface l WHERE l.source_id = ?", d.Source)
	if err != nil {
		return err
	}
	r := row{SourceID: d.Source}
	if len(rows) > 0 {
		r = rows[0]
	}
	if r.Epoch == sum.Epoch && int64(sum.Seq) <= r.Seq {
		return nil
	}
	h := &sum.Health
	if h.Mirror == nil && h.Port == nil && h.Packets == 0 && h.Transmitted == 0 && !sum.Last && len(rows) > 0 {
		return nil // a part of a summary that was sent in pieces
	}
	r.SiteNo, r.RealmNo, r.Epoch, r.Seq, r.ReceivedAt = d.SiteNo, d.RealmNo, sum.Epoch, int64(sum.Seq), store.At(d.Received)
	if d.Name != "" {
		r.Name = d.Name
	}
	r.Heard.V.add(sum)
	if err := store.Upsert(ctx, tx, "listen_interface", []row{r}, []string{"source_id"}, []string{"site_no", "realm_no", "name", "epoch", "seq", "received_at", "heard"}); err != nil {
		return err
	}
	if h.Transmitted == 0 {
		return nil
	}
	return inbox.Put(ctx, tx, d.Received, inbox.Item{
		Key: "listen.sent:" + d.Source, Kind: "sensor-sent", SiteNo: d.SiteNo, Role: auth.SiteOTLead, Severity: inbox.Now,
		Title:  fmt.Sprintf("The sensor %s has sent %d frames onto the plant's network", ot.Printable(r.Name), r.Heard.V.Transmitted),
		Detail: "A listening interface must send nothing. Unplug it or take its address and services away, then find out what spoke.",
		Ref:    ot.Ref{Kind: "source", ID: d.Source}, Action: "look", Due: d.Received.Add(time.Hour),
	})
}

// SettingsOf is how a source shall listen; ok is false when nobody has said so yet.
func (s *Service) SettingsOf(ctx context.Context, source string) (out Settings, ok bool, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, "SELECT "+columns+" FROM listen_interface l WHERE l.source_id = ? AND l.version > 0", source)
		if len(rows) > 0 {
			out, ok = rows[0].Settings.V, true
		}
		return err
	})
	return out, ok, err
}

// Known tells of a source that will listen, so that it can be seen before its first summary.
func (s *Service) Known(ctx context.Context, d sensor.Delivery, started Settings) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO listen_interface (source_id, site_no, realm_no, name, heard, settings) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source_id) DO NOTHING",
			d.Source, d.SiteNo, d.RealmNo, d.Name, store.AsJSON(Heard{}), store.AsJSON(started))
		if err != nil {
			return err
		}
		// Nobody changed them by hand: they follow how the program is started.
		_, err = tx.Exec(ctx, "UPDATE listen_interface SET settings = ?, site_no = ?, realm_no = ?, name = ? WHERE source_id = ? AND version = 0", store.AsJSON(started), d.SiteNo, d.RealmNo, d.Name, d.Source)
		return err
	})
}

type siteRow struct {
	row
	SiteID string `db:"site_id"`
}

func (s *Service) rows(ctx context.Context, scope Scope, siteID string) (out []siteRow, err error) {
	q := "SELECT " + columns + ", s.site_id FROM listen_interface l JOIN org_site s ON s.site_no = l.site_no WHERE ?"
	args := []any{scope.Where("l.site_no", "")}
	if siteID != "" {
		q += " AND s.site_id = ?"
		args = append(args, siteID)
	}
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		out, err = store.All[siteRow](ctx, r, q+" ORDER BY l.name, l.source_id LIMIT 500", args...)
		return err
	})
	return out, err
}

func one(ctx context.Context, r store.Reader, scope Scope, source string) (siteRow, error) {
	x, err := store.One[siteRow](ctx, r, "SELECT "+columns+", s.site_id FROM listen_interface l JOIN org_site s ON s.site_no = l.site_no WHERE l.source_id = ? AND ?", source, scope.Where("l.site_no", ""))
	if ot.CodeOf(err) == ot.NotFound {
		return x, ot.Errorf(ot.NotFound, "there is no such listening interface")
	}
	return x, err
}

func (r *row) etag() string { return rest.ETag(r.SourceID, fmt.Sprint(r.Version)) }

// Change changes how an interface listens, and tells whoever listens.
func (s *Service) Change(ctx context.Context, scope Scope, source, match, by string, change func(*Settings)) (x siteRow, err error) {
	away := false
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if x, err = one(ctx, tx, scope, source); err != nil {
			return err
		}
		far, err := s.far(ctx, tx, source)
		if err != nil {
			return err
		}
		away = far[source] && s.ear(source) == nil
		if err := rest.IfMatch(match, x.etag()); err != nil {
			return err
		}
		now := fill(x.Settings.V)
		change(&now)
		if err := now.check(); err != nil {
			return err
		}
		x.Settings, x.Version, x.UpdatedAt, x.UpdatedBy = store.AsJSON(now), x.Version+1, store.At(s.cfg.Clock()), by
		if _, err := tx.Exec(ctx, "UPDATE listen_interface SET settings = ?, version = ?, updated_at = ?, updated_by = ? WHERE source_id = ?", x.Settings, x.Version, x.UpdatedAt, by, source); err != nil {
			return err
		}
		if away {
			if err := s.cfg.Far.Apply(ctx, tx, source, by, now); err != nil {
				return err
			}
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicSource, SiteNo: x.SiteNo, Refs: []ot.Ref{{Kind: "source", ID: source}}})
	})
	if err != nil {
		return x, err
	}
	if away {
		s.cfg.Far.Sent(source)
		return x, nil
	}
	if e := s.ear(source); e != nil {
		err = e.Apply(ctx, x.Settings.V)
	}
	return x, err
}

// fill gives what nobody said its default.
func fill(s Settings) Settings {
	d := DefaultSettings()
	if s.Ring == "" {
		s.Ring = d.Ring
	}
	if s.MemoryMiB == 0 {
		s.MemoryMiB = d.MemoryMiB
	}
	if s.DiskMiB == 0 {
		s.DiskMiB = d.DiskMiB
	}
	return s
}
