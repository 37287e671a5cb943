package record

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// TagRule is a plant state in use that a tag tells of.
type TagRule struct {
	RecordID string
	Ref      string
	SiteNo   int64
	ZoneNo   int64
	SiteID   string
	Mode     string
	Asset    string
	Protocol string
	Tag      Tag
	Op       string
	Value    float64
	Hold     time.Duration
	key      string // what it asks: another question begins anew
}

// Sample is a value that was heard.
type Sample struct {
	Value float64
	At    time.Time
}

// TagRules lists the rules in use of every site.
func TagRules(ctx context.Context, r store.Reader) ([]TagRule, error) {
	type row struct {
		ID     string                     `db:"record_id"`
		Ref    string                     `db:"ref"`
		SiteNo int64                      `db:"site_no"`
		ZoneNo int64                      `db:"zone_no"`
		SiteID string                     `db:"site_id"`
		Data   store.JSON[map[string]any] `db:"data"`
	}
	rows, err := store.All[row](ctx, r, `SELECT d.record_id, d.ref, d.site_no, d.zone_no, o.site_id, d.data FROM record_record d JOIN org_site o ON o.site_no = d.site_no
 WHERE d.type = 'plant-state' AND d.state = 'active' AND d.data->>'source' = 'tag' ORDER BY d.record_id`)
	if err != nil {
		return nil, err
	}
	var out []TagRule
	for _, x := range rows {
		var p PlantState
		if err := p.Read(&Record{Type: "plant-state", Ref: x.Ref, Data: x.Data}); err != nil {
			return nil, err
		}
		tag, err := ParseTag(p.TagProtocol, p.TagAddress)
		if err != nil || p.TagValue == nil {
			continue // written before addresses were checked; its page says so when it is changed
		}
		rule := TagRule{
			RecordID: x.ID, Ref: x.Ref, SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, SiteID: x.SiteID, Mode: p.Mode, Asset: p.TagAsset,
			Protocol: p.TagProtocol, Tag: tag, Op: p.TagOp, Value: *p.TagValue, Hold: time.Duration(p.TagHold * float64(time.Minute)),
		}
		rule.key = fmt.Sprintf("%s %s %s %s %s %v", p.Mode, p.TagAsset, p.TagProtocol, p.TagAddress, p.TagOp, *p.TagValue)
		out = append(out, rule)
	}
	return out, nil
}

// met says whether a value is what the rule asks for.
func (t *TagRule) met(v float64) bool {
	switch t.Op {
	case "ne":
		return v != t.Value
	case "lt":
		return v < t.Value
	case "gt":
		return v > t.Value
	case "bit":
		if t.Value < 0 || t.Value > 31 || v != math.Trunc(v) || v < math.MinInt32 || v > math.MaxUint32 {
			return false
		}
		return uint64(int64(v))>>uint(t.Value)&1 == 1
	}
	return v == t.Value
}

// unheard is how long a tag may be silent before what it said is no longer taken as
// having gone on: longer than the hold, and than a sensor's summaries lie apart.
const unheard = 15 * time.Minute

// watch is what was heard of a rule's tag.
type watch struct {
	RecordID string     `db:"record_id"`
	Rule     string     `db:"rule"`
	Met      bool       `db:"met"`
	MetAt    store.Time `db:"met_at"`
	Value    float64    `db:"value"`
	Seen     store.Time `db:"seen_at"`
}

// hear takes a sample; false: it is older than what is known. stands says that what
// it says has held long enough to count.
func (w *watch) hear(t *TagRule, s Sample) (taken, stands bool) {
	at := store.At(s.At)
	if !w.Seen.IsZero() && !at.After(w.Seen.Time) {
		return false, false
	}
	met := t.met(s.Value)
	if w.Seen.IsZero() || met != w.Met || at.Sub(w.Seen.Time) > max(t.Hold, unheard) {
		w.Met, w.MetAt = met, at
	}
	w.Value, w.Seen = s.Value, at
	return true, at.Sub(w.MetAt.Time) >= t.Hold
}

// Hear takes what was heard of a rule's tag, oldest first, and changes the plant's
// state when it has held long enough. Heard again it changes nothing.
func (t *TagRule) Hear(ctx context.Context, tx *store.Tx, samples []Sample) error {
	w, err := store.One[watch](ctx, tx, "SELECT record_id, rule, met, met_at, value, seen_at FROM record_tag WHERE record_id = ?", t.RecordID)
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return err
	}
	open, err := store.All[string](ctx, tx, "SELECT record_id FROM record_plant WHERE record_id = ? AND until_at IS NULL", t.RecordID)
	if err != nil {
		return err
	}
	on, seen := len(open) > 0, w.Seen
	if w.Rule != t.key {
		w = watch{RecordID: t.RecordID, Rule: t.key}
	}
	for _, s := range samples {
		if !seen.IsZero() && !store.At(s.At).After(seen.Time) {
			continue // also what a rule since changed has heard
		}
		if on && w.Seen.IsZero() { // it asked for something else when it began
			if err := t.turn(ctx, tx, s, false); err != nil {
				return err
			}
			on = false
		}
		taken, stands := w.hear(t, s)
		if !taken || !stands || w.Met == on {
			continue
		}
		if err := t.turn(ctx, tx, s, w.Met); err != nil {
			return err
		}
		on = w.Met
	}
	if w.Seen.IsZero() || w.Seen == seen {
		return nil
	}
	return store.Upsert(ctx, tx, "record_tag", []watch{w}, []string{"record_id"}, []string{"rule", "met", "met_at", "value", "seen_at"})
}

// turn begins or ends the state, and tells of it.
func (t *TagRule) turn(ctx context.Context, tx *store.Tx, s Sample, on bool) error {
	type span struct {
		RecordID string     `db:"record_id"`
		Since    store.Time `db:"since_at"`
		SiteNo   int64      `db:"site_no"`
		ZoneNo   int64      `db:"zone_no"`
		Mode     string     `db:"mode"`
		Value    float64    `db:"value"`
	}
	at, action := store.At(s.At), "plant.end"
	if on {
		action = "plant.begin"
		// One that begins again in the moment in which it ended has not ended.
		if err := store.Upsert(ctx, tx, "record_plant", []span{{t.RecordID, at, t.SiteNo, t.ZoneNo, t.Mode, s.Value}}, []string{"record_id", "since_at"}, []string{"until_at = NULL", "mode", "value"}); err != nil {
			return err
		}
	} else if _, err := tx.Exec(ctx, "UPDATE record_plant SET until_at = ? WHERE record_id = ? AND until_at IS NULL", at, t.RecordID); err != nil {
		return err
	}
	ref := ot.Ref{Kind: "record", ID: t.RecordID}
	if err := audit.Append(ctx, tx, audit.Entry{Actor: "system", Action: action, Site: t.SiteID, Target: ref, Detail: map[string]string{
		"ref": t.Ref, "mode": t.Mode, "value": strconv.FormatFloat(s.Value, 'g', -1, 64), "heard": at.Format(time.RFC3339),
	}}); err != nil {
		return err
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicRecord, SiteNo: t.SiteNo, Refs: []ot.Ref{ref, {Kind: "record-type", ID: "plant-state"}}})
}
