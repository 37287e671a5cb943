package comply

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// dayRow holds all levels of a site (or an entity, SiteNo 0) on one day, the last judgement of it.
type dayRow struct {
	EntityID  string     `db:"entity_id"`
	SiteNo    int64      `db:"site_no"`
	Day       int64      `db:"day"`
	Brief     string     `db:"brief"`
	Body      []byte     `db:"body"`
	Engine    string     `db:"engine"`
	Catalogue string     `db:"catalogue"`
	At        store.Time `db:"at"`
}

type dayKey struct {
	EntityID string
	SiteNo   int64
}

// daysKept gives the brief of each unit's row of the day.
func daysKept(ctx context.Context, r store.Reader, day int64) (map[dayKey]string, error) {
	type row struct {
		EntityID string `db:"entity_id"`
		SiteNo   int64  `db:"site_no"`
		Brief    string `db:"brief"`
	}
	out := map[dayKey]string{}
	for x, err := range store.Select[row](ctx, r, "SELECT entity_id, site_no, brief FROM comply_level_day WHERE day = ?", day) {
		if err != nil {
			return nil, err
		}
		out[dayKey{x.EntityID, x.SiteNo}] = x.Brief
	}
	return out, nil
}

// keepDay writes the day's levels of each unit whose brief is new. Numbers that move within
// the same levels are in the evidence.
func (s *Service) keepDay(ctx context.Context, now time.Time, current map[unit]levelRow, kept map[dayKey]string) error {
	byUnit := map[dayKey][]levelRow{}
	for u, l := range current {
		k := dayKey{u.EntityID, u.SiteNo}
		byUnit[k] = append(byUnit[k], l)
	}
	var rows []dayRow
	for k, levels := range byUnit {
		slices.SortFunc(levels, func(a, b levelRow) int { return strings.Compare(a.Requirement, b.Requirement) })
		brief := briefOf(levels)
		if kept[k] == brief {
			continue
		}
		b, err := json.Marshal(levels)
		if err != nil {
			return fmt.Errorf("write the day's levels: %w", err)
		}
		rows = append(rows, dayRow{k.EntityID, k.SiteNo, dayOf(now), brief, s.zip.pack(b), engineVersion, s.cat.Version, store.At(now)})
	}
	for part := range slices.Chunk(rows, batch) {
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			return store.Upsert(ctx, tx, "comply_level_day", part, []string{"site_no", "day", "entity_id"}, []string{"brief", "body", "engine", "catalogue", "at"})
		})
		if err != nil {
			return fmt.Errorf("write the day's levels: %w", err)
		}
	}
	return nil
}

// The brief form of a day: "5.1=2k4 5.2=3a3": level, state's letter, target, so that a
// month's trend of a hundred sites is read without unpacking.
const stateLetters = "ckbuan"

func briefOf(levels []levelRow) string {
	var b strings.Builder
	for i, l := range levels {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%d%c%d", l.Requirement, l.Level, stateLetters[slices.Index(stateOrder[:], l.State)], l.Target)
	}
	return b.String()
}

var stateOrder = [...]State{StateContradicted, StateKeyBelow, StateBelow, StateUnknown, StateAt, StateNA}

// readBrief is lenient: what it does not understand of an older release is left out.
func readBrief(s string, k dayKey, into map[unit]levelRow) {
	for part := range strings.FieldsSeq(s) {
		id, v, ok := strings.Cut(part, "=")
		if !ok || len(v) != 3 {
			continue
		}
		i := strings.IndexByte(stateLetters, v[1])
		if i < 0 || v[0] < '0' || v[0] > '5' || v[2] < '0' || v[2] > '5' {
			continue
		}
		into[unit{k.EntityID, k.SiteNo, id}] = levelRow{EntityID: k.EntityID, SiteNo: k.SiteNo, Requirement: id, Level: int(v[0] - '0'), State: stateOrder[i], Target: int(v[2] - '0')}
	}
}

// levelsAt gives all levels as they were on a day: of each unit the newest row not after it.
func (s *Service) levelsAt(ctx context.Context, r store.Reader, day int64) (map[unit]levelRow, error) {
	out := map[unit]levelRow{}
	rows, err := store.All[dayRow](ctx, r, `SELECT d.entity_id, d.site_no, d.day, d.brief, d.body, d.engine, d.catalogue, d.at FROM comply_level_day d
JOIN (SELECT entity_id, site_no, MAX(day) AS day FROM comply_level_day WHERE day <= ? GROUP BY entity_id, site_no) m
  ON m.entity_id = d.entity_id AND m.site_no = d.site_no AND m.day = d.day`, day)
	if err != nil {
		return nil, err
	}
	for _, x := range rows {
		b, err := s.zip.unpack(x.Body)
		if err != nil {
			return nil, err
		}
		var levels []levelRow
		if err := json.Unmarshal(b, &levels); err != nil {
			return nil, ot.Errorf(ot.Damaged, "the levels of day %d are not readable: %w; restore them from a snapshot", x.Day, err)
		}
		for _, l := range levels {
			l.EntityID, l.SiteNo = x.EntityID, x.SiteNo
			out[unit{l.EntityID, l.SiteNo, l.Requirement}] = l
		}
	}
	return out, nil
}

// trend gives the levels of each of the last days, in brief; days without a judgement carry the one before.
func trend(ctx context.Context, r store.Reader, scope auth.Scope, from, to int64) (days []int64, levels []map[unit]levelRow, err error) {
	type row struct {
		EntityID string `db:"entity_id"`
		SiteNo   int64  `db:"site_no"`
		Day      int64  `db:"day"`
		Brief    string `db:"brief"`
	}
	at := map[unit]levelRow{}
	last := int64(-1)
	flush := func() {
		if last >= 0 {
			days, levels = append(days, last), append(levels, maps.Clone(at))
		}
	}
	for x, err := range store.Select[row](ctx, r, "SELECT entity_id, site_no, day, brief FROM comply_level_day WHERE day >= ? AND day <= ? AND ? ORDER BY day, site_no", from, to, visible(scope)) {
		if err != nil {
			return nil, nil, err
		}
		if x.Day != last {
			flush()
			last = x.Day
		}
		readBrief(x.Brief, dayKey{x.EntityID, x.SiteNo}, at)
	}
	flush()
	return days, levels, nil
}
