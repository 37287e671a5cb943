package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/view"
)

// hire gives the people of the example company their accounts, through the same
// service that the settings page uses. None has a password: nobody signs in with one.
func (s *server) hire(ctx context.Context, c *demo.Company) error {
	ids := map[string]string{}
	for _, x := range c.Sites {
		ids[x.Name] = x.ID
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		for _, e := range c.Employees() {
			u := auth.User{ID: e.ID, Name: e.Name, Email: e.Email, Role: e.Role, SeesAll: len(e.Sites) == 0}
			if e.Days > 0 {
				u.EndAt = store.At(time.Now().AddDate(0, 0, e.Days))
			}
			for _, name := range e.Sites {
				u.Sites = append(u.Sites, ids[name])
			}
			if _, err := s.auth.AddUser(ctx, tx, u); err != nil {
				return fmt.Errorf("the example's account of %s: %w", e.Name, err)
			}
		}
		return nil
	})
}

// employee is one of the example's people with an account.
func (d desk) employee(ctx context.Context, id string) (auth.Principal, error) {
	u, err := d.s.auth.User(ctx, id)
	p := auth.System()
	p.UserID, p.Name, p.Role = u.ID, u.Name, u.Role
	return p, err
}

// OnCall implements demo.Office.
func (d desk) OnCall(ctx context.Context, siteID, who, from string, weeks int, people ...string) error {
	ctx, _, _ = as(ctx, who)
	return d.s.inbox.AddTurns(ctx, auth.From(ctx), inbox.Turns{Site: siteID, From: from, Every: "week", Turns: weeks, Users: people})
}

// Away implements demo.Office.
func (d desk) Away(ctx context.Context, user, deputy string, from, to time.Time, note string) error {
	p, err := d.employee(ctx, user)
	if err != nil {
		return err
	}
	_, err = d.s.inbox.AddAbsence(auth.With(ctx, p), p, inbox.NewAbsence{Deputy: deputy, FromAt: from, ToAt: to, Note: note})
	return err
}

// Shift implements demo.Office.
func (d desk) Shift(ctx context.Context, siteID, giver, taker, notes string) error {
	gives, err := d.employee(ctx, giver)
	if err != nil {
		return err
	}
	takes, err := d.employee(ctx, taker)
	if err != nil {
		return err
	}
	id, err := d.s.inbox.HandOverShift(auth.With(ctx, gives), gives, siteID, 8*time.Hour, notes)
	if err != nil {
		return err
	}
	return d.s.inbox.TakeShift(auth.With(ctx, takes), takes, id, "")
}

// Ask implements demo.Office.
func (d desk) Ask(ctx context.Context, siteID, who, colleague, question string) error {
	ctx, person, scope := as(ctx, who)
	page, err := d.s.assets.List(ctx, scope, asset.Filter{Site: []string{siteID}, State: []string{asset.StateNew}, Sort: "-first_at", Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	_, err = d.s.assets.DecideNew(ctx, scope, person, asset.Decision{IDs: []string{page.Items[0].ID}, Decision: "ask", Person: colleague, Question: question})
	return err
}

// Explain implements demo.Office.
func (d desk) Explain(ctx context.Context, siteID, who string, since time.Time, did, why string) error {
	ctx, _, scope := as(ctx, who)
	events := view.NewConversations(d.s.db)
	oldest := ""
	for cursor, more := "", true; more; {
		page, err := events.Events(ctx, scope, view.EventFilter{Site: siteID, Class: "program_download", Cursor: cursor, Limit: 200})
		if err != nil {
			return err
		}
		for _, e := range page.Items { // the newest first
			if e.At.Before(since) {
				page.Next = ""
				break
			}
			oldest = e.ID
		}
		cursor, more = page.Next, page.Next != ""
	}
	if oldest == "" {
		return nil // the example was asked for fewer days
	}
	if _, err := d.s.comply.Explain(ctx, auth.From(ctx), comply.Explain{Events: []string{oldest}, Who: did, Why: why, Emergency: true}); err != nil {
		return err
	}
	page, err := d.s.detect.Alerts(ctx, scope, detect.Filter{Site: siteID, Rule: "program-download", Since: since})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	first := slices.MinFunc(page.Items, func(a, b detect.Alert) int { return a.FirstAt.Compare(b.FirstAt.Time) })
	_, person, _ := as(ctx, who)
	_, err = d.s.detect.DecideMany(ctx, scope, detect.Person{ID: person.ID, Name: person.Name}, []string{first.ID}, detect.Decision{Action: "close", Outcome: "planned", Reason: why})
	return err
}
