package record

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// TypeCount says what of a type asks for somebody.
type TypeCount struct {
	Type    string `json:"type"`
	Open    int64  `json:"open" doc:"Not closed"`
	Overdue int64  `json:"overdue" doc:"Its due date, its review or its validity has passed and it is not closed"`
	Waiting int64  `json:"waiting" doc:"Waits for approval"`
}

// Counts says it of every type that the person reads. Every page shows it beside the
// names of the types, so it reads tallies and indexes, never all rows.
func (s *Service) Counts(ctx context.Context, who auth.Principal) ([]TypeCount, error) {
	readable := s.readable(who)
	var open []string
	for _, t := range s.types.all {
		for _, st := range t.States {
			if !st.Final() {
				open = append(open, t.ID+" "+st.ID)
			}
		}
	}
	type row struct {
		Type string `db:"type"`
		N    int64  `db:"n"`
	}
	counts := make(map[string]*TypeCount, len(readable))
	out := make([]TypeCount, len(readable))
	for i, id := range readable {
		out[i].Type = id
		counts[id] = &out[i]
	}
	now := store.At(s.now())
	err := s.db.View(ctx, func(r store.Reader) error {
		for _, q := range []struct {
			to  func(*TypeCount) *int64
			sql ot.SQL
		}{
			{func(c *TypeCount) *int64 { return &c.Open }, ot.SQL{
				Text: "SELECT r.type, CAST(SUM(r.n) AS BIGINT) AS n FROM record_tally r WHERE ? AND r.type || ' ' || r.state IN (?) GROUP BY r.type",
				Args: []any{Visible(who.Scope, "r"), open},
			}},
			{func(c *TypeCount) *int64 { return &c.Overdue }, ot.SQL{
				Text: `SELECT r.type, count(*) AS n FROM record_record r WHERE ? AND r.closed_at IS NULL AND r.record_id IN (
					SELECT d.record_id FROM record_record d WHERE d.type IN (?) AND COALESCE(d.due_at, ` + maxInt + `) < ?
					UNION SELECT d.record_id FROM record_record d WHERE d.review_at IS NOT NULL AND d.closed_at IS NULL AND d.review_at < ?
					UNION SELECT d.record_id FROM record_record d WHERE d.valid_until IS NOT NULL AND d.closed_at IS NULL AND d.valid_until < ?) GROUP BY r.type`,
				Args: []any{Visible(who.Scope, "r"), readable, now, now, now},
			}},
			{func(c *TypeCount) *int64 { return &c.Waiting }, ot.SQL{
				Text: "SELECT r.type, count(*) AS n FROM record_record r WHERE ? AND r.approval = 'waiting' AND r.record_id IN (SELECT q.record_id FROM record_request q WHERE q.state = 'waiting') GROUP BY r.type",
				Args: []any{Visible(who.Scope, "r")},
			}},
		} {
			rows, err := store.All[row](ctx, r, "?", q.sql)
			if err != nil {
				return err
			}
			for _, x := range rows {
				if c := counts[x.Type]; c != nil {
					*q.to(c) = x.N
				}
			}
		}
		return nil
	})
	return out, err
}

// maxInt stands for no due date in the index of due dates.
const maxInt = "9223372036854775807"

func (s *Service) countRoutes(r *rest.Router) {
	type body struct {
		Items []TypeCount `json:"items" nullable:"false"`
	}
	rest.Register(r, rest.Op{ID: "count-record-types", Method: http.MethodGet, Path: "/records/counts", Summary: "What of each type is open, overdue or waits for approval", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, _ *struct{}) (*struct{ Body body }, error) {
			items, err := s.Counts(ctx, auth.From(ctx))
			return &struct{ Body body }{body{items}}, err
		})
}
