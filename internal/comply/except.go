package comply

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// An exception in force takes what it covers out of a check's failures, and leaves
// it in the population. "Not applicable" takes a whole requirement at a place out of
// every count. Both are records of type exception, approved by another person.

// longestNA bounds how long something may be called not applicable before somebody looks again.
const longestNA = 24 // months

// inForce gives the exceptions of a check that hold now.
func inForce(check string, now time.Time) ot.SQL {
	return sqlf(`SELECT e.record_id, e.entity_id, e.site_no, e.zone_no, e.asset_id, COALESCE(e.data->>'item', '') AS item FROM record_record e
WHERE e.type = 'exception' AND e.state = 'approved' AND e.data->>'kind' = 'exception' AND e.data->>'check' = ?
 AND (e.valid_from IS NULL OR e.valid_from <= ?) AND e.valid_until > ?`, check, store.At(now), store.At(now))
}

// excepted lays the exceptions over the rows of a check. One that names an item, a zone,
// an asset or what it covers by a link excepts just that, else all that fails at its place.
func excepted(rows ot.SQL, check string, now time.Time) ot.SQL {
	return sqlf(`SELECT t.site_no, t.kind, t.ref, t.label, CASE WHEN t.verdict = 'fail' AND EXISTS (SELECT 1 FROM (?) e
  WHERE (e.site_no = t.site_no OR e.site_no = 0 AND e.entity_id = (SELECT o.entity_id FROM org_site o WHERE o.site_no = t.site_no))
  AND (e.item = t.ref OR t.kind = 'asset' AND e.asset_id = t.ref
    OR t.kind = 'zone' AND e.zone_no <> 0 AND e.asset_id = '' AND t.ref = (SELECT z.zone_id FROM org_zone z WHERE z.zone_no = e.zone_no)
    OR EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = e.record_id AND l.rel = 'covers' AND l.to_kind = t.kind AND l.to_id = t.ref)
    OR e.item = '' AND e.asset_id = '' AND e.zone_no = 0
      AND NOT EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = e.record_id AND l.rel = 'covers' AND l.to_kind IN ('asset', 'zone', 'conversation'))))
  THEN 'excepted' ELSE t.verdict END AS verdict, t.value, t.reason FROM (?) t`, inForce(check, now), rows)
}

// coveredConversations are those that an exception of the check names: they are not counted in their zone.
func coveredConversations(check string, now time.Time) ot.SQL {
	return sqlf(`SELECT l.to_id FROM record_link l JOIN (?) e ON e.record_id = l.from_id WHERE l.rel = 'covers' AND l.to_kind = 'conversation'
 UNION SELECT e.item FROM (?) e WHERE e.item <> ''`, inForce(check, now), inForce(check, now))
}

// exceptedChecks are the checks that any exception names, so that the others are asked plainly.
func exceptedChecks(ctx context.Context, r store.Reader, now time.Time) ([]string, error) {
	return store.All[string](ctx, r, `SELECT DISTINCT e.data->>'check' FROM record_record e WHERE e.type = 'exception' AND e.state = 'approved' AND e.data->>'kind' = 'exception'
 AND e.data->>'check' IS NOT NULL AND (e.valid_from IS NULL OR e.valid_from <= ?) AND e.valid_until > ?`, store.At(now), store.At(now))
}

// rows gives a check's rows with its exceptions laid over them; some says whether there are any.
func (rel relation) rows(k *CheckSpec, now time.Time, some bool) ot.SQL {
	if !some {
		return rel.items(k, now)
	}
	return excepted(rel.items(k, now), k.ID, now)
}

// notApplicable is a record that says a requirement does not apply.
type notApplicable struct {
	EntityID    string     `db:"entity_id"`
	SiteNo      int64      `db:"site_no"`
	Requirement string     `db:"requirement"`
	Ref         string     `db:"ref"`
	Why         string     `db:"why"`
	Until       store.Time `db:"valid_until"`
}

// notApplicables gives those in force, by what they hold for.
func notApplicables(ctx context.Context, r store.Reader, now time.Time) (map[unit]notApplicable, error) {
	out := map[unit]notApplicable{}
	for x, err := range store.Select[notApplicable](ctx, r, `SELECT e.entity_id, e.site_no, e.data->>'requirement' AS requirement, e.ref, COALESCE(e.data->>'why', '') AS why, e.valid_until
 FROM record_record e WHERE e.type = 'exception' AND e.state = 'approved' AND e.data->>'kind' = 'not_applicable' AND e.zone_no = 0 AND e.asset_id = ''
 AND e.data->>'requirement' IS NOT NULL AND (e.valid_from IS NULL OR e.valid_from <= ?) AND e.valid_until > ?`, store.At(now), store.At(now)) {
		if err != nil {
			return nil, err
		}
		out[unit{x.EntityID, x.SiteNo, x.Requirement}] = x
	}
	return out, nil
}

// naOf finds the record for a site, or for its company.
func naOf(all map[unit]notApplicable, u unit) (notApplicable, bool) {
	if x, ok := all[u]; ok {
		return x, true
	}
	x, ok := all[unit{u.EntityID, 0, u.Requirement}]
	return x, ok
}

func (x notApplicable) text() levelText {
	return levelText{Why: []string{fmt.Sprintf("Not applicable until %s (%s): %s", day(x.Until.Time), x.Ref, x.Why)}}
}

// exceptions is the logic of the record type exception: what it names must exist.
type exceptions struct {
	record.Plain
	cat *Catalogue
}

// Behaviours are the record types whose logic is compliance.
func (c *Catalogue) Behaviours() []record.Behaviour {
	return []record.Behaviour{exceptions{"exception", c}, declarations{"declaration", c}, foundByChecks{"finding"}}
}

// Check refuses an exception from something that the catalogue does not have, or for too long.
func (b exceptions) Check(_ context.Context, _ *store.Tx, rec *record.Record) error {
	var e record.Exception
	if err := e.Read(rec); err != nil {
		return err
	}
	if e.Kind == "not_applicable" {
		if e.Requirement == "" {
			return ot.Errorf(ot.Invalid, "requirement: say what does not apply, by its id, as 5.3")
		}
		if rec.ZoneNo != 0 || rec.AssetID != "" {
			return ot.Errorf(ot.Invalid, "a requirement does not apply to a site or to the whole company: leave the zone and the asset out; a single device is an exception from a check")
		}
		if from := begin(rec); !rec.ValidUntil.IsZero() && rec.ValidUntil.After(record.AddMonths(from, longestNA)) {
			return ot.Errorf(ot.Invalid, "valid_until: not applicable for %d months at most, until %s; then somebody looks again", longestNA, day(record.AddMonths(from, longestNA)))
		}
	} else if e.Check == "" && e.Requirement == "" {
		return ot.Errorf(ot.Invalid, "check: say from which check, by its id, as remote.bypass")
	}
	if e.Check != "" {
		if _, _, ok := b.cat.Check(e.Check); !ok {
			return ot.Errorf(ot.Invalid, "check: there is no check %q", ot.Printable(e.Check))
		}
	}
	if e.Requirement != "" {
		if _, ok := b.cat.Requirement(e.Requirement); !ok {
			return ot.Errorf(ot.Invalid, "requirement: there is no requirement %q", ot.Printable(e.Requirement))
		}
	}
	return nil
}

func begin(rec *record.Record) time.Time {
	if !rec.ValidFrom.IsZero() {
		return rec.ValidFrom.Time
	}
	return rec.CreatedAt.Time
}

// Kinds are what records may be linked to that only the catalogue knows.
func (c *Catalogue) Kinds() map[string]record.Lookup {
	by := func(name func(id string) (string, bool)) record.Lookup {
		return func(_ context.Context, _ store.Reader, _ auth.Scope, ids []string) (map[string]record.Thing, error) {
			out := map[string]record.Thing{}
			for _, id := range ids {
				if title, ok := name(id); ok {
					out[id] = record.Thing{Label: id + " " + title}
				}
			}
			return out, nil
		}
	}
	return map[string]record.Lookup{
		"requirement": by(func(id string) (string, bool) {
			r, ok := c.Requirement(id)
			if !ok {
				return "", false
			}
			return r.Title, true
		}),
		"check": by(func(id string) (string, bool) {
			k, _, ok := c.Check(id)
			if !ok {
				return "", false
			}
			return k.Title, true
		}),
	}
}
