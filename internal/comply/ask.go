package comply

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// site is what a run needs to know of a site.
type site struct {
	No       int64   `db:"site_no"`
	ID       string  `db:"site_id"`
	EntityID string  `db:"entity_id"`
	Name     string  `db:"name"`
	Critical bool    `db:"critical"`
	Weight   float64 `db:"weight"`
}

type entity struct {
	ID      string `db:"entity_id"`
	Name    string `db:"name"`
	Profile string `db:"profile"`
}

// answerKey names an answer: one check at one site.
type answerKey struct {
	SiteNo int64
	Check  string
}

// taken is an answer with the items that failed, as a run took it.
type taken struct {
	Answer
	failing []ot.Ref
}

// asked is everything that one reading of the database gave.
type asked struct {
	sites    []site
	entities []entity
	answers  map[answerKey]taken
}

func sitesOf(ctx context.Context, r store.Reader) ([]site, error) {
	return store.All[site](ctx, r, "SELECT site_no, site_id, entity_id, name, critical, weight FROM org_site ORDER BY name, site_no")
}

func entitiesOf(ctx context.Context, r store.Reader) ([]entity, error) {
	return store.All[entity](ctx, r, "SELECT entity_id, name, profile FROM org_entity ORDER BY name, entity_id")
}

// ask runs every check that reads one of the topics, all sites at once, in one snapshot.
func (s *Service) ask(ctx context.Context, now time.Time, topics []ot.Topic) (asked, error) {
	var out asked
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		out = asked{answers: map[answerKey]taken{}}
		if out.sites, err = sitesOf(ctx, r); err != nil {
			return err
		}
		if out.entities, err = entitiesOf(ctx, r); err != nil {
			return err
		}
		live, err := newestLive(ctx, r)
		if err != nil {
			return err
		}
		observed, err := observedShares(ctx, r)
		if err != nil {
			return err
		}
		critical, err := criticalRefs(ctx, r)
		if err != nil {
			return err
		}
		named, err := exceptedChecks(ctx, r, now)
		if err != nil {
			return err
		}
		for _, rel := range relations() {
			k, _, ok := s.cat.Check(rel.id)
			if !ok || len(topics) > 0 && !slices.ContainsFunc(rel.reads, func(t ot.Topic) bool { return slices.Contains(topics, t) }) {
				continue
			}
			tallies, err := fold(ctx, r, rel, k, now, critical, slices.Contains(named, rel.id))
			if err != nil {
				return fmt.Errorf("check %s: %w", rel.id, err)
			}
			for _, x := range out.sites {
				t := tallies[x.No]
				if t == nil {
					t = &tally{}
				}
				var share *float64
				if k.Observed > 0 {
					v := observed[observedKey{x.No, hoursOf(k.Window)}]
					share = &v
				}
				a := t.answer(k, rel.fold, share)
				if a.Collected = live[x.No]; rel.register {
					a.Collected = now
				}
				a.Reason = sentence(a.Reason)
				out.answers[answerKey{x.No, rel.id}] = taken{a, t.failing}
			}
		}
		return nil
	})
	return out, err
}

// brief is a row without what people read of it, for rows that passed.
type brief struct {
	SiteNo int64    `db:"site_no"`
	Kind   string   `db:"kind"`
	Ref    string   `db:"ref"`
	N      int64    `db:"n"`
	Sum    *float64 `db:"s"`
	Min    *float64 `db:"lo"`
	Max    *float64 `db:"hi"`
}

// fold reads a check's rows and folds them a site. Rows of assets that passed come added up,
// as there are ten thousand of them; where critical ones count apart, they come one by one.
// some says that there are exceptions from it.
func fold(ctx context.Context, r store.Reader, rel relation, k *CheckSpec, now time.Time, critical map[ot.Ref]bool, some bool) (map[int64]*tally, error) {
	out := map[int64]*tally{}
	of := func(siteNo int64) *tally {
		t := out[siteNo]
		if t == nil {
			t = &tally{}
			out[siteNo] = t
		}
		return t
	}
	items := rel.rows(k, now, some)
	apart := k.Test.Critical > 0
	if rel.many && !apart {
		for b, err := range store.Select[brief](ctx, r, "SELECT i.site_no, '' AS kind, '' AS ref, COUNT(*) AS n, SUM(i.value) AS s, MIN(i.value) AS lo, MAX(i.value) AS hi FROM (?) i WHERE i.verdict = 'pass' GROUP BY i.site_no", items) {
			if err != nil {
				return nil, err
			}
			of(b.SiteNo).addPassed(b)
		}
	}
	query := "SELECT i.site_no, i.kind, i.ref, i.label, i.verdict, i.value, i.reason FROM (?) i"
	if rel.many && !apart {
		query += " WHERE i.verdict <> 'pass'"
	}
	failed := false
	for row, err := range store.Select[Row](ctx, r, query, items) {
		if err != nil {
			return nil, err
		}
		failed = failed || row.Verdict == Fail
		of(row.SiteNo).add(row, apart && critical[ot.Ref{Kind: row.Kind, ID: row.Ref}])
	}
	if rel.behind == nil || !failed {
		return out, nil
	}
	for row, err := range store.Select[Row](ctx, r, "SELECT i.site_no, i.kind, i.ref, '' AS label, i.verdict, i.value, '' AS reason FROM (?) i", rel.behind(k, now)) {
		if err != nil {
			return nil, err
		}
		t := of(row.SiteNo)
		t.failing = append(t.failing, ot.Ref{Kind: row.Kind, ID: row.Ref})
	}
	return out, nil
}

func (t *tally) addPassed(b brief) {
	n := int(b.N)
	t.Population += n
	t.Judged += n
	t.Passed += n
	if b.Sum == nil || b.Min == nil || b.Max == nil {
		return
	}
	t.sum, t.min, t.max, t.values = *b.Sum, *b.Min, *b.Max, n
}

// newestLive is when each site's live sensors last delivered: the only thing that is fresh.
func newestLive(ctx context.Context, r store.Reader) (map[int64]time.Time, error) {
	type row struct {
		SiteNo int64      `db:"site_no"`
		At     store.Time `db:"at"`
	}
	out := map[int64]time.Time{}
	for x, err := range store.Select[row](ctx, r, "SELECT site_no, MAX(received_at) AS at FROM network_source WHERE live AND received_at > 0 GROUP BY site_no") {
		if err != nil {
			return nil, err
		}
		out[x.SiteNo] = x.At.Time
	}
	return out, nil
}

type observedKey struct{ siteNo, hours int64 }

// observedShares is zone-hours listened over zone-hours due, of each site's OT zones.
func observedShares(ctx context.Context, r store.Reader) (map[observedKey]float64, error) {
	type row struct {
		SiteNo int64   `db:"site_no"`
		Hours  int64   `db:"hours"`
		Share  float64 `db:"share"`
	}
	out := map[observedKey]float64{}
	for x, err := range store.Select[row](ctx, r, `SELECT z.site_no, h.hours, SUM(h.share) / MAX(n.zones) AS share
FROM org_zone z JOIN comply_heard h ON h.site_no = z.site_no AND h.zone_no = z.zone_no
JOIN (SELECT site_no, COUNT(*) AS zones FROM org_zone WHERE ot AND NOT external GROUP BY site_no) n ON n.site_no = z.site_no
WHERE z.ot AND NOT z.external GROUP BY z.site_no, h.hours`) {
		if err != nil {
			return nil, err
		}
		out[observedKey{x.SiteNo, x.Hours}] = x.Share
	}
	return out, nil
}

// criticalRefs are the assets and zones that some targets hold to more.
func criticalRefs(ctx context.Context, r store.Reader) (map[ot.Ref]bool, error) {
	out := map[ot.Ref]bool{}
	for _, q := range [...]struct{ kind, text string }{
		{"asset", "SELECT asset_id FROM asset_asset WHERE criticality >= 3"},
		{"zone", "SELECT zone_id FROM org_zone WHERE critical"},
	} {
		for id, err := range store.Select[string](ctx, r, q.text) {
			if err != nil {
				return nil, err
			}
			out[ot.Ref{Kind: q.kind, ID: id}] = true
		}
	}
	return out, nil
}
