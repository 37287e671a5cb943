package comply

import (
	"slices"
	"testing"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/performance"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"github.com/skanse/skanse/internal/vuln"
)

func tables() []store.Migrations {
	return []store.Migrations{
		org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), asset.Migrations(),
		network.Migrations(), listen.Migrations(), record.Migrations(), vuln.Migrations(), conduit.Migrations(), performance.Migrations(), detect.Migrations(), logs.Migrations(), Migrations(),
	}
}

// Every check's SQL runs on both engines, gives the documented columns, and an empty plant is never at target.
func TestEveryCheckRuns(t *testing.T) {
	c := shipped(t)
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		for _, rel := range relations() {
			k, _, ok := c.Check(rel.id)
			if !ok {
				t.Errorf("%s is not in the catalogue", rel.id)
				continue
			}
			queries := []ot.SQL{rel.items(k, noon)}
			if rel.behind != nil {
				queries = append(queries, sqlf("SELECT site_no, kind, ref, label, verdict, value, reason FROM (?) b WHERE b.part_of <> ''", rel.behind(k, noon)))
			}
			for _, q := range queries {
				err := db.View(t.Context(), func(r store.Reader) error {
					rows, err := store.All[Row](t.Context(), r, q.Text, q.Args...)
					if len(rows) > 0 {
						t.Errorf("%s has rows in an empty plant", rel.id)
					}
					return err
				})
				if err != nil {
					t.Errorf("%s: %v\n%s", rel.id, err, q.Text)
				}
			}
		}
	})
}

func TestRelationsAreDistinct(t *testing.T) {
	c := shipped(t)
	var ids []string
	for _, k := range c.Checks() {
		ids = append(ids, k.ID)
		if len(k.Reads) == 0 || k.Wants == "" || k.Title == "" {
			t.Errorf("%s lacks topics, wants or title", k.ID)
		}
		spec, _, _ := c.Check(k.ID)
		if k.Fold == ot.Share && spec.Test.Kind != KindShare || k.Fold == ot.Count && spec.Test.Kind != KindCount {
			t.Errorf("%s folds as %d, its test is a %s", k.ID, k.Fold, spec.Test.Kind)
		}
	}
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) || n < 14 {
		t.Errorf("%d checks, %d distinct, want at least 14", len(ids), n)
	}
	if len(ids) != len(relations()) {
		t.Errorf("%d of %d relations are in the catalogue", len(ids), len(relations()))
	}
}
