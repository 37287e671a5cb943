package record

import (
	"context"
	"fmt"
	"regexp"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// View is a page with its filters, under a name.
type View struct {
	ID     string            `json:"id"`
	Page   string            `json:"page" doc:"/assets"`
	Name   string            `json:"name"`
	Search map[string]string `json:"search" nullable:"false" doc:"The page's address behind its \"?\""`
	Shared bool              `json:"shared"`
	Mine   bool              `json:"mine"`
	Owner  string            `json:"owner" doc:"Its owner's name"`
}

const (
	maxViews  = 100   // of one person
	maxSearch = 8_000 // bytes
)

var viewPage = regexp.MustCompile(`^/[a-z0-9/_-]{0,80}$`)

type viewRow struct {
	ID     string                     `db:"view_id"`
	Page   string                     `db:"page"`
	Name   string                     `db:"name"`
	Search store.JSON[map[string]any] `db:"search"` // releases before 0.2 kept what was sent, also numbers
	Shared bool                       `db:"shared"`
	Owner  string                     `db:"owner_id"`
	SiteID string                     `db:"site_id"`
	At     store.Time                 `db:"created_at"`
}

const viewColumns = "view_id, page, name, search, shared, owner_id, site_id, created_at"

// Views lists a person's own views and those that others share. A view of a site that
// the person does not see is not there.
func (s *Service) Views(ctx context.Context, who auth.Principal, page string) ([]View, error) {
	out := []View{}
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[viewRow](ctx, r, "SELECT "+viewColumns+` FROM record_view WHERE (owner_id = ? OR shared = ?) AND (? = '' OR page = ?)
			AND (owner_id = ? OR site_id = '' OR site_id IN (SELECT site_id FROM org_site WHERE ?)) ORDER BY page, name, view_id LIMIT 1000`, actorOf(who), true, page, page, actorOf(who), who.Scope.Where("site_no", ""))
		if err != nil {
			return err
		}
		var ids []string
		for _, x := range rows {
			ids = append(ids, x.Owner)
		}
		names, err := peopleNames(ctx, r, ids)
		if err != nil {
			return err
		}
		out = out[:0]
		for _, x := range rows {
			out = append(out, x.show(who, names))
		}
		return nil
	})
	return out, err
}

func (x *viewRow) show(who auth.Principal, names func(string) Name) View {
	search := make(map[string]string, len(x.Search.V))
	for k, v := range x.Search.V {
		search[k] = fmt.Sprint(v)
	}
	return View{x.ID, x.Page, x.Name, search, x.Shared, x.Owner == actorOf(who), names(x.Owner).Name}
}

// SaveView makes a view, or changes one of the person's own; a nil part stays.
func (s *Service) SaveView(ctx context.Context, who auth.Principal, id string, page, name *string, search map[string]string, shared *bool) (out View, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		x := viewRow{ID: store.NewID(), Owner: actorOf(who), At: store.At(s.now())}
		if id != "" {
			if x, err = store.One[viewRow](ctx, tx, "SELECT "+viewColumns+" FROM record_view WHERE view_id = ? AND owner_id = ?", id, actorOf(who)); err != nil {
				return orNoView(err)
			}
		} else if n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM record_view WHERE owner_id = ?", actorOf(who)); err != nil || n >= maxViews {
			if err == nil {
				err = ot.Errorf(ot.TooMany, "you have %d views: delete one first", n)
			}
			return err
		}
		if page != nil {
			x.Page = *page
		}
		if name != nil {
			x.Name = ot.Printable(*name)
		}
		if search != nil {
			kept := make(map[string]any, len(search))
			for k, v := range search {
				kept[k] = v
			}
			x.Search = store.AsJSON(kept)
		}
		if shared != nil {
			x.Shared = *shared
		}
		if err := x.check(); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "record_view", []viewRow{x}, []string{"view_id"}, []string{"page", "name", "search", "shared", "site_id"}); err != nil {
			if ot.CodeOf(err) == ot.Conflict {
				return ot.Errorf(ot.Conflict, "you have a view called %q on this page already: choose another name", x.Name)
			}
			return err
		}
		names, err := peopleNames(ctx, tx, []string{x.Owner})
		if err == nil {
			out = x.show(who, names)
		}
		return err
	})
	return out, err
}

func (x *viewRow) check() error {
	b, err := x.Search.Value()
	if err != nil {
		return ot.Errorf(ot.Invalid, "search cannot be kept: %w", err)
	}
	text, _ := b.(string)
	switch {
	case !viewPage.MatchString(x.Page):
		return ot.Errorf(ot.Invalid, "page is %q: write it as /assets", ot.Printable(x.Page))
	case x.Name == "" || len(x.Name) > 120:
		return ot.Errorf(ot.Invalid, "a view needs a name of at most 120 bytes")
	case len(text) > maxSearch:
		return ot.Errorf(ot.TooMany, "the filters have %d bytes, at most %d", len(text), maxSearch)
	}
	x.SiteID, _ = x.Search.V["site"].(string)
	return nil
}

// DeleteView removes one of the person's own views.
func (s *Service) DeleteView(ctx context.Context, who auth.Principal, id string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM record_view WHERE view_id = ? AND owner_id = ?", id, actorOf(who))
		if err == nil && n == 0 {
			err = orNoView(ot.Errorf(ot.NotFound, "none"))
		}
		return err
	})
}

func orNoView(err error) error {
	if ot.CodeOf(err) == ot.NotFound {
		return ot.Errorf(ot.NotFound, "there is no such view of yours")
	}
	return err
}
