package record

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Comment is what somebody said about a record.
type Comment struct {
	ID   string     `json:"id"`
	By   Name       `json:"by"`
	At   store.Time `json:"at"`
	Text string     `json:"text"`
}

func (s *Service) commentsOf(ctx context.Context, r store.Reader, id string, until time.Time) ([]Comment, error) {
	type row struct {
		ID   string     `db:"comment_id"`
		At   store.Time `db:"at"`
		By   string     `db:"by_id"`
		Text string     `db:"text"`
	}
	rows, err := store.All[row](ctx, r, "SELECT comment_id, at, by_id, text FROM record_comment WHERE record_id = ? AND at <= ? ORDER BY at, comment_id LIMIT 1000", id, store.At(until))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range rows {
		ids = append(ids, x.By)
	}
	names, err := peopleNames(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	out := []Comment{}
	for _, x := range rows {
		out = append(out, Comment{x.ID, names(x.By), x.At, x.Text})
	}
	return out, nil
}
