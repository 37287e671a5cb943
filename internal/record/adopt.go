package record

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Past is where a record stood that an earlier release kept elsewhere.
type Past struct {
	State string
	By    string // user id of who wrote it down
	At    time.Time
	Ended time.Time // zero: it has not
}

// Adopt takes a record over as it stood, without the approvals that the release before
// did not know. The audit log says that it was taken over.
func (s *Service) Adopt(ctx context.Context, tx *store.Tx, n Draft, past Past) (*Record, error) {
	t := s.types.Type(n.Type)
	if t == nil {
		return nil, ot.Errorf(ot.NotFound, "there is no record type %q", ot.Printable(n.Type))
	}
	if _, ok := t.State(past.State); !ok {
		return nil, ot.Errorf(ot.Internal, "a %s has no state %q", n.Type, past.State)
	}
	n.taken = func(rec *Record) {
		rec.State, rec.CreatedBy, rec.CreatedAt = past.State, past.By, store.At(past.At)
		rec.UpdatedBy, rec.UpdatedAt, rec.ClosedAt = past.By, store.At(past.At), store.At(past.Ended)
		if t.ReviewMonths > 0 && past.Ended.IsZero() {
			rec.ReviewAt = store.At(AddMonths(past.At, t.ReviewMonths))
		}
	}
	return s.Create(ctx, tx, auth.System(), n)
}
