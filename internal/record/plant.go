package record

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Plant is what a site, or a zone of it, does at a moment, and how that is known.
type Plant struct {
	ZoneNo   int64 // 0: the whole site
	Mode     string
	Source   string // hand, tag, calendar; empty: nobody has set a state
	RecordID string
	Ref      string
	Since    store.Time
	Value    *float64   // of a tag, as last heard
	Seen     store.Time // when that was
}

// Production is what a plant does of which nobody says anything else.
const Production = "production"

// PlantAt is what a plant does at a moment: a person's word before a tag, a tag before
// a calendar; then the zone's own state before its site's, and the newest. zoneNo 0
// asks for the site.
func PlantAt(ctx context.Context, r store.Reader, siteNo, zoneNo int64, at time.Time) (Plant, error) {
	all, err := said(ctx, r, siteNo, at)
	if err != nil {
		return Plant{}, err
	}
	return decide(all, zoneNo), nil
}

// PlantsAt lists what holds at a moment of a site and of those zones that have a state
// of their own; none: nobody has set one.
func PlantsAt(ctx context.Context, r store.Reader, siteNo int64, at time.Time) ([]Plant, error) {
	all, err := said(ctx, r, siteNo, at)
	if err != nil {
		return nil, err
	}
	var out []Plant
	asked := map[int64]bool{}
	for _, p := range all {
		if asked[p.ZoneNo] {
			continue
		}
		asked[p.ZoneNo] = true
		if best := decide(all, p.ZoneNo); best.ZoneNo == p.ZoneNo {
			out = append(out, best)
		}
	}
	slices.SortFunc(out, func(a, b Plant) int { return cmp.Compare(a.ZoneNo, b.ZoneNo) })
	return out, nil
}

// decide picks what counts for a zone out of all that is said of its site.
func decide(all []Plant, zoneNo int64) Plant {
	best := Plant{ZoneNo: zoneNo, Mode: Production}
	for _, p := range all {
		if (p.ZoneNo == 0 || p.ZoneNo == zoneNo) && (best.Source == "" || before(p, best)) {
			best = p
		}
	}
	return best
}

func before(a, b Plant) bool {
	rank := func(p Plant) int { return slices.Index([]string{"hand", "tag", "calendar"}, p.Source) }
	own := func(p Plant) int {
		if p.ZoneNo != 0 {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(own(a), own(b)), b.Since.Compare(a.Since.Time), cmp.Compare(a.RecordID, b.RecordID)) < 0
}

// said lists what every record in use says of a site at a moment.
func said(ctx context.Context, r store.Reader, siteNo int64, at time.Time) ([]Plant, error) {
	type row struct {
		ID     string                     `db:"record_id"`
		Ref    string                     `db:"ref"`
		ZoneNo int64                      `db:"zone_no"`
		Data   store.JSON[map[string]any] `db:"data"`
		From   store.Time                 `db:"begins"`
		Tag    store.Time                 `db:"since_at"`
		Mode   string                     `db:"mode"`
		Value  float64                    `db:"value"`
		Seen   store.Time                 `db:"seen_at"`
		TZ     string                     `db:"tz"`
	}
	moment := store.At(at)
	rows, err := store.All[row](ctx, r, `SELECT d.record_id, d.ref, d.zone_no, d.data, d.begins, p.since_at, COALESCE(p.mode, '') AS mode, COALESCE(CASE WHEN p.until_at IS NULL THEN t.value END, p.value, 0.0) AS value,
 COALESCE(CASE WHEN p.until_at IS NULL THEN t.seen_at END, p.since_at) AS seen_at, o.tz
 FROM (SELECT x.*, COALESCE(x.valid_from, (SELECT MIN(v.at) FROM record_revision v WHERE v.record_id = x.record_id AND v.state = 'active'), x.updated_at) AS begins FROM record_record x
  WHERE x.type = 'plant-state' AND x.site_no = ? AND (x.state = 'active' OR x.state = 'ended' AND x.closed_at > ?) AND (x.valid_until IS NULL OR x.valid_until > ?)) d
 JOIN org_site o ON o.site_no = d.site_no
 LEFT JOIN record_plant p ON p.record_id = d.record_id AND p.since_at <= ? AND (p.until_at IS NULL OR p.until_at > ?)
 LEFT JOIN record_tag t ON t.record_id = d.record_id
 WHERE d.begins <= ? ORDER BY d.zone_no, d.record_id`, siteNo, moment, moment, moment, moment, moment)
	if err != nil {
		return nil, err
	}
	var out []Plant
	for _, x := range rows {
		mode, _ := x.Data.V["mode"].(string)
		source, _ := x.Data.V["source"].(string)
		p := Plant{ZoneNo: x.ZoneNo, Mode: mode, Source: cmp.Or(source, "hand"), RecordID: x.ID, Ref: x.Ref, Since: x.From}
		switch p.Source {
		case "tag":
			if x.Tag.IsZero() {
				continue // it is in use, and its tag does not say so
			}
			value := x.Value
			p.Mode, p.Since, p.Value, p.Seen = x.Mode, x.Tag, &value, x.Seen
		case "calendar":
			rule, err := ruleOf(&Record{Data: x.Data}, x.TZ)
			if err != nil || rule == nil {
				continue // it was checked when it was written; what a zone's rules became since is nobody's fault
			}
			spans := rule.between(at, at.Add(time.Microsecond))
			if len(spans) == 0 {
				continue
			}
			p.Since = store.At(spans[len(spans)-1].From)
		}
		out = append(out, p)
	}
	return out, nil
}
