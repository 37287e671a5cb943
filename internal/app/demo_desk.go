package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// desk lets the people of the example company do their part through the same
// services that the API uses.
type desk struct{ s *server }

// as is a context in which one of them acts.
func as(ctx context.Context, who string) (context.Context, asset.Person, auth.Scope) {
	p := auth.System()
	p.UserID, p.Name = "demo:"+strings.ToLower(strings.Fields(who)[0]), who
	return auth.With(ctx, p), asset.Person{ID: p.UserID, Name: p.Name}, p.Scope
}

func (d desk) Register(ctx context.Context, siteID, who string, list []byte) error {
	ctx, person, scope := as(ctx, who)
	report, err := d.s.assets.ImportList(ctx, scope, person, siteID, list, false)
	if err == nil && report.Problems > 0 {
		err = fmt.Errorf("line %d of the list: %s", report.Lines[0].Line, report.Lines[0].Why)
	}
	return err
}

func (d desk) Accept(ctx context.Context, siteID, who string) error {
	ctx, person, scope := as(ctx, who)
	for {
		page, err := d.s.assets.List(ctx, scope, asset.Filter{Site: []string{siteID}, State: []string{asset.StateNew}, Limit: 200})
		if err != nil || len(page.Items) == 0 {
			return err
		}
		for _, a := range page.Items {
			_, etag, err := d.s.assets.Detail(ctx, scope, a.ID, time.Time{})
			if err != nil {
				return err
			}
			accepted := asset.StateAccepted
			if err := d.s.assets.Update(ctx, scope, person, a.ID, asset.Patch{State: &accepted, Reason: "on the site's list"}, etag); err != nil {
				return err
			}
		}
	}
}

func (d desk) Protect(ctx context.Context, siteID, who string) error {
	ctx, person, scope := as(ctx, who)
	all, err := d.s.baseline.Baselines(ctx, scope, siteID)
	for _, b := range all {
		if err == nil {
			_, err = d.s.baseline.Set(ctx, scope, person.Name, siteID, b.ZoneID, b.State, baseline.Setting{Phase: baseline.Protecting, Reason: "three weeks were heard"}, b.ETag)
		}
	}
	return err
}

func (d desk) Declare(ctx context.Context, now time.Time, siteID, who, by string, area int, but ...string) error {
	ctx, _, scope := as(ctx, who)
	for _, r := range d.s.comply.Catalogue().Scored() {
		if r.Area != area || slices.Contains(but, r.ID) || (siteID == "") != (r.Scope == comply.ScopeEntity) {
			continue
		}
		for _, rec := range r.Declared {
			n := comply.NewDeclaration{
				Requirement: r.ID, Record: rec.Record, Site: siteID, Statement: "In force and in use.", AttestedBy: who,
				ValidUntil: now.Add(rec.ValidFor.Length()),
			}
			made, err := d.s.comply.Declare(ctx, scope, now, n)
			if err != nil {
				return fmt.Errorf("declare %s: %w", r.ID, err)
			}
			if err := d.approve(ctx, made.ID, by); err != nil {
				return fmt.Errorf("approve %s: %w", made.Ref, err)
			}
		}
	}
	return nil
}

// approve is the second pair of eyes on what somebody else asked for.
func (d desk) approve(ctx context.Context, id, by string) error {
	ctx, _, _ = as(ctx, by)
	return d.s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := d.s.records.Decide(ctx, tx, auth.From(ctx), id, record.Decision{Decision: "approve"})
		return err
	})
}
