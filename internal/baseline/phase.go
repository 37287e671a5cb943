package baseline

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

type phaseKey struct {
	zoneNo int64
	state  string
}

// phase is baseline_phase.
type phase struct {
	SiteNo  int64      `db:"site_no"`
	ZoneNo  int64      `db:"zone_no"`
	State   string     `db:"state"`
	Phase   string     `db:"phase"`
	Since   store.Time `db:"since_at"`
	Until   store.Time `db:"until_at"`
	By      string     `db:"by_name"`
	Reason  string     `db:"reason"`
	Version int64      `db:"version"`
}

const phaseColumns = "p.site_no, p.zone_no, p.state, p.phase, p.since_at, p.until_at, p.by_name, p.reason, p.version"

func phasesOf(ctx context.Context, r store.Reader, siteNo int64) (map[phaseKey]phase, error) {
	rows, err := store.All[phase](ctx, r, "SELECT "+phaseColumns+" FROM baseline_phase p WHERE p.site_no = ?", siteNo)
	out := make(map[phaseKey]phase, len(rows))
	for _, p := range rows {
		out[phaseKey{p.ZoneNo, p.State}] = p
	}
	return out, err
}

// phaseIn says what a zone's baseline does in a state of the plant. Nobody said: it
// learns; while the plant is being commissioned what is new is only kept.
func phaseIn(all map[phaseKey]phase, zoneNo int64, state string, now time.Time) string {
	p, ok := all[phaseKey{zoneNo, state}]
	switch {
	case !ok && state == "commissioning":
		return Commissioning
	case !ok:
		return Learning
	case p.Phase == Commissioning && !p.Until.IsZero() && now.After(p.Until.Time):
		return Protecting
	}
	return p.Phase
}

func clockOf(ctx context.Context, r store.Reader, siteNo int64) (*time.Location, error) {
	tz, err := store.One[string](ctx, r, "SELECT tz FROM org_site WHERE site_no = ?", siteNo)
	if err != nil {
		return nil, err
	}
	at, err := time.LoadLocation(tz)
	if err != nil {
		at = time.UTC // it was checked when it was written; a machine without that zone is no reason to lose traffic
	}
	return at, nil
}

// Setting is what a person asks of a baseline.
type Setting struct {
	Phase  string     `json:"phase" enum:"learning,protecting,commissioning" doc:"commissioning: what is new is kept for review, and nobody is told"`
	Until  *time.Time `json:"until,omitempty" doc:"commissioning: when it protects again"`
	Reason string     `json:"reason,omitempty" maxLength:"1000"`
}

// maxCommissioning is how long a zone may go unprotected by one decision.
const maxCommissioning = 90 * 24 * time.Hour

// Set changes what the baseline of a zone does in one state of the plant.
func (s *Service) Set(ctx context.Context, scope Scope, by, siteID, zoneID, state string, in Setting, ifMatch string) (Baseline, error) {
	in.Reason = ot.Printable(strings.TrimSpace(in.Reason))
	now := s.now()
	switch {
	case in.Phase == Commissioning && (in.Until == nil || !in.Until.After(now) || in.Until.Sub(now) > maxCommissioning):
		return Baseline{}, ot.Errorf(ot.Invalid, "until: say when the zone protects again, at most 90 days from now")
	case in.Phase == Commissioning && in.Reason == "":
		return Baseline{}, ot.Errorf(ot.Invalid, "reason: say why nobody shall be told meanwhile")
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		z, err := zoneOf(ctx, tx, scope, siteID, zoneID)
		if err != nil {
			return err
		}
		all, err := phasesOf(ctx, tx, z.SiteNo)
		if err != nil {
			return err
		}
		old := all[phaseKey{z.ZoneNo, state}]
		if err := rest.IfMatch(ifMatch, etagOf(siteID, zoneID, state, old.Version)); err != nil {
			return err
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "zone", ID: zoneID})
		rest.Detail(ctx, "state", state)
		rest.Detail(ctx, "phase", in.Phase)
		p := phase{SiteNo: z.SiteNo, ZoneNo: z.ZoneNo, State: state, Phase: in.Phase, Since: store.At(now), By: by, Reason: in.Reason, Version: old.Version + 1}
		if in.Phase == Commissioning {
			p.Until = store.At(*in.Until)
		}
		if err := store.Upsert(ctx, tx, "baseline_phase", []phase{p}, []string{"site_no", "zone_no", "state"}, []string{"phase", "since_at", "until_at", "by_name", "reason", "version"}); err != nil {
			return err
		}
		if in.Phase != Protecting {
			return nil
		}
		if _, err := changed(ctx, tx, z.SiteNo); err != nil {
			return err
		}
		// What was learned and nobody decides on stays normal for a while, then is asked again.
		_, err = tx.Exec(ctx, "UPDATE baseline_talk SET until_at = ? WHERE site_no = ? AND zone_no = ? AND state = ? AND verdict = ? AND until_at IS NULL",
			store.At(now.Add(undecidedFor)), z.SiteNo, z.ZoneNo, state, Learned)
		return err
	})
	if err != nil {
		return Baseline{}, err
	}
	all, err := s.Baselines(ctx, scope, siteID)
	if err != nil {
		return Baseline{}, err
	}
	for _, b := range all {
		if b.ZoneID == zoneID && b.State == state {
			return b, nil
		}
	}
	return Baseline{}, ot.Errorf(ot.NotFound, "there is no such baseline")
}

// undecidedFor is how long what was learned and not decided on counts as normal once the zone protects.
const undecidedFor = 90 * 24 * time.Hour

func etagOf(siteID, zoneID, state string, version int64) string {
	return rest.ETag(siteID, zoneID, state, strconv.FormatInt(version, 10))
}

// zone is where a baseline stands; ID "none": hosts in no zone.
type zone struct {
	SiteNo int64  `db:"site_no"`
	ZoneNo int64  `db:"zone_no"`
	ID     string `db:"zone_id"`
	Name   string `db:"name"`
}

// NoZone is the id under which hosts in no zone have their baseline.
const NoZone = "none"

func siteNoOf(ctx context.Context, r store.Reader, scope Scope, siteID string) (int64, error) {
	return store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Reach("o.site_no"))
}

func zoneOf(ctx context.Context, r store.Reader, scope Scope, siteID, zoneID string) (zone, error) {
	if zoneID == NoZone {
		no, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		return zone{SiteNo: no, ID: NoZone}, err
	}
	return store.One[zone](ctx, r, "SELECT z.site_no, z.zone_no, z.zone_id, z.name FROM org_zone z JOIN org_site o ON o.site_no = z.site_no WHERE o.site_id = ? AND z.zone_id = ? AND ?",
		siteID, zoneID, scope.Where("z.site_no", "z.zone_no"))
}
