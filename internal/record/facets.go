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
	Group []Facet `json:"group" nullable:"false" doc:"By what lists of the type are grouped by (list.group), with every filter; no id: nothing is said"`
}

// Facet is one value and how many records have it.
type Facet struct {
	ID    string `db:"id" json:"id"`
	Title string `db:"title" json:"title"`
	Count int64  `db:"n" json:"count"`
}

// tallying is what records are counted by.
type tallying struct {
	id, title, join string
	tally           bool // the tally has it, so that no record is read
}

// tallyBy is how records are counted by a head, or by a field of kind choice.
func tallyBy(id string) tallying {
	switch id {
	case "state", "type":
		return tallying{id: "r." + id, title: "CAST('' AS TEXT)", tally: true}
	case "site":
		return tallying{id: "COALESCE(si.site_id, '')", title: "COALESCE(si.name, '')", join: " LEFT JOIN org_site si ON si.site_no = r.site_no", tally: true}
	case "owner":
		return tallying{id: "r.owner_id", title: "COALESCE(us.name, '')", join: " LEFT JOIN auth_user us ON us.user_id = r.owner_id"}
	default:
		return tallying{id: "COALESCE(CAST(r.data->>'" + id + "' AS TEXT), '')", title: "CAST('' AS TEXT)"}
	}
}

// Facets counts the records that the filters leave, each time without the filter counted.
func (s *Service) Facets(ctx context.Context, who auth.Principal, q Query) (out Facets, err error) {
	out.Group = []Facet{}
	err = s.db.View(ctx, func(r store.Reader) error {
		now := s.now()
		type part struct {
			to   *[]Facet
			by   tallying
			drop func(q *Query)
		}
		all := []part{
			{&out.State, tallyBy("state"), func(q *Query) { q.State = "" }},
			{&out.Site, tallyBy("site"), func(q *Query) { q.Site = "" }},
			{&out.Owner, tallyBy("owner"), func(q *Query) { q.Owner = "" }},
			{&out.Type, tallyBy("type"), func(q *Query) { q.Type = ""; q.Filter = nil }},
		}
		if t := s.types.Type(q.Type); t != nil && t.List.Group != "" {
			all = append(all, part{&out.Group, tallyBy(t.List.Group), func(*Query) {}})
		}
		for _, f := range all {
			mine := q
			f.drop(&mine)
			w, plain, err := s.where(who, &mine, now)
			if err != nil {
				return err
			}
			n, from := "count(*)", mine.source()
			if plain && f.by.tally {
				n, from.Text, from.Args = "CAST(SUM(r.n) AS BIGINT)", "record_tally r", nil
			}
			*f.to, err = store.All[Facet](ctx, r, "SELECT "+f.by.id+" AS id, "+f.by.title+" AS title, "+n+" AS n FROM ?"+f.by.join+" WHERE ? GROUP BY "+f.by.id+", "+f.by.title+" HAVING "+n+" > 0 ORDER BY n DESC, id LIMIT 200", from, w.sql())
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
