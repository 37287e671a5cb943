package record

import (
	"context"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// Facets count records by what a list is filtered by.
type Facets struct {
	State []Facet `json:"state" nullable:"false"`
	Site  []Facet `json:"site" nullable:"false"`
	Owner []Facet `json:"owner" nullable:"false"`
	Type  []Facet `json:"type" nullable:"false"`
	Due   []Facet `json:"due" nullable:"false" doc:"overdue, soon"`
}

// Facet is one value and how many records have it.
type Facet struct {
	ID    string `db:"id" json:"id"`
	Title string `db:"title" json:"title"`
	Count int64  `db:"n" json:"count"`
}

// Facets counts the records that the filters leave, each time without the filter counted.
func (s *Service) Facets(ctx context.Context, who auth.Principal, q Query) (out Facets, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		now := s.now()
		for _, f := range []struct {
			to           *[]Facet
			id, title    string
			join         string
			drop         func(q *Query)
			plainColumns bool // the tally has it
		}{
			{&out.State, "r.state", "CAST('' AS TEXT)", "", func(q *Query) { q.State = "" }, true},
			{&out.Site, "COALESCE(si.site_id, '')", "COALESCE(si.name, '')", " LEFT JOIN org_site si ON si.site_no = r.site_no", func(q *Query) { q.Site = "" }, true},
			{&out.Owner, "r.owner_id", "COALESCE(us.name, '')", " LEFT JOIN auth_user us ON us.user_id = r.owner_id", func(q *Query) { q.Owner = "" }, false},
			{&out.Type, "r.type", "CAST('' AS TEXT)", "", func(q *Query) { q.Type = ""; q.Filter = nil }, true},
		} {
			mine := q
			f.drop(&mine)
			w, plain, err := s.where(who, &mine, now)
			if err != nil {
				return err
			}
			n, from := "count(*)", mine.source()
			if plain && f.plainColumns {
				n, from.Text, from.Args = "CAST(SUM(r.n) AS BIGINT)", "record_tally r", nil
			}
			*f.to, err = store.All[Facet](ctx, r, "SELECT "+f.id+" AS id, "+f.title+" AS title, "+n+" AS n FROM ?"+f.join+" WHERE ? GROUP BY "+f.id+", "+f.title+" HAVING "+n+" > 0 ORDER BY n DESC, id LIMIT 200", from, w.sql())
			if err != nil {
				return err
			}
		}
		out.Due = []Facet{}
		for _, due := range []string{"overdue", "soon"} {
			mine := q
			mine.Due = due
			w, _, err := s.where(who, &mine, now)
			if err != nil {
				return err
			}
			n, err := store.One[int64](ctx, r, "SELECT count(*) FROM ? WHERE ?", mine.source(), w.sql())
			if err != nil {
				return err
			}
			out.Due = append(out.Due, Facet{ID: due, Count: n})
		}
		for i := range out.Type {
			if t := s.types.Type(out.Type[i].ID); t != nil {
				out.Type[i].Title = t.Plural
			}
		}
		if t := s.types.Type(q.Type); t != nil {
			for i := range out.State {
				st, _ := t.State(out.State[i].ID)
				out.State[i].Title = st.Title
			}
		}
		return nil
	})
	return out, err
}
