package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/view"
)

// openInbox makes the people's side of the inbox, and the page of what happened since.
func (s *server) openInbox() {
	s.digest = view.NewDigest(s.db, s.comply, s.opts.Clock)
	s.assets.KeepFindings(blockedFindings{s.records})
	s.inbox = inbox.New(s.db, inbox.Config{Clock: s.opts.Clock, Picture: s.shiftPicture})
}

// inboxJobs look anew at what no transaction tells of: time that passes.
func (s *server) inboxJobs() []job.Job {
	return []job.Job{
		{Name: "inbox-escalate", Every: time.Minute, Do: s.inbox.Escalate},
		{Name: "newcomers", Every: time.Minute, Do: s.assets.Watch},
		{Name: "silent-sources", Every: time.Minute, Do: func(ctx context.Context) error { return s.network.WatchSources(ctx, s.now()) }},
		{Name: "ending", Every: time.Hour, Do: s.askEnding},
	}
}

// askEnding asks somebody to renew what ends within 14 days.
func (s *server) askEnding(ctx context.Context) error {
	items, err := s.digest.Ending(ctx)
	if err != nil {
		return fmt.Errorf("look for what ends soon: %w", err)
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return inbox.Keep(ctx, tx, s.now(), "ending:", "renewed, or over", items)
	})
}

// shiftPicture is what a shift's paper shows: what happened, what waits, who is on call.
func (s *server) shiftPicture(ctx context.Context, scope auth.Scope, siteID string, from, to time.Time) (json.RawMessage, error) {
	p := auth.System()
	p.Scope = scope
	since, err := s.digest.Since(ctx, p, view.SinceFilter{Since: from.UTC().Format(time.RFC3339Nano), To: to, Site: siteID})
	if err != nil {
		return nil, err
	}
	since.SignIns = view.Part[view.SignIn]{Items: []view.SignIn{}} // not the shift's business
	waits, err := s.inbox.List(ctx, p, inbox.Filter{Whose: "all", Site: siteID, Limit: 50})
	if err != nil {
		return nil, err
	}
	rota, err := s.inbox.Rota(ctx, scope, siteID, 2)
	if err != nil {
		return nil, err
	}
	states, err := s.plantStates(ctx, scope, siteID, to)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"since": since, "inbox": waits.Items, "on_call": rota.OnCall, "gaps": rota.Gaps, "plant": states})
}

// now is the time of what people and the plant do: the demo plays its past by a clock of its own.
func (s *server) now() time.Time {
	if s.opts.Clock != nil {
		return s.opts.Clock()
	}
	return time.Now()
}

// plantState is what a record says the plant, or a zone of it, is doing.
type plantState struct {
	ID   string `db:"record_id" json:"id"`
	Ref  string `db:"ref" json:"ref"`
	Mode string `db:"mode" json:"mode"`
	Zone string `db:"zone" json:"zone"`

	Source string `db:"source" json:"source"` // hand, tag, calendar
}

// plantStates are the states in use at a site at a moment; none: nobody has set one.
func (s *server) plantStates(ctx context.Context, scope auth.Scope, siteID string, at time.Time) (out []plantState, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out = nil
		siteNo, err := store.One[int64](ctx, r, "SELECT site_no FROM org_site WHERE site_id = ?", siteID)
		if err != nil {
			return err
		}
		plants, err := record.PlantsAt(ctx, r, siteNo, at)
		if err != nil {
			return err
		}
		for _, p := range plants {
			seen, err := store.All[plantState](ctx, r, `SELECT d.record_id, d.ref, CAST(? AS TEXT) AS mode, CAST(? AS TEXT) AS source, COALESCE((SELECT z.name FROM org_zone z WHERE z.zone_no = d.zone_no), '') AS zone
 FROM record_record d WHERE d.record_id = ? AND ?`, p.Mode, p.Source, p.RecordID, scope.Where("d.site_no", "d.zone_no"))
			if err != nil {
				return err
			}
			out = append(out, seen...)
		}
		return nil
	})
	return out, err
}

// blockedFindings writes a finding down when a blocked device is heard again.
type blockedFindings struct{ records *record.Service }

// BlockedHeard implements asset.Findings.
func (b blockedFindings) BlockedHeard(ctx context.Context, tx *store.Tx, now time.Time, siteNo int64, assetID, label, why string) error {
	siteID, err := store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", siteNo)
	if err != nil {
		return err
	}
	_, err = b.records.Create(ctx, tx, auth.System(), record.Draft{
		Type: "finding", Title: "Blocked device heard again: " + label, Site: siteID, Asset: assetID,
		Data:  map[string]any{"source": "check", "text": "The device is on the block list (" + why + ") and was heard again.", "severity": "high", "found_on": now.UTC().Format(time.DateOnly)},
		Links: []record.NewLink{{Rel: "about", Kind: "asset", ID: assetID}},
	})
	return err
}
