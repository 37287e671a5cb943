package record

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

type schedule struct {
	RecordID string     `db:"record_id"`
	Months   int64      `db:"months"`
	LastAt   store.Time `db:"last_review_at"`
	LastBy   string     `db:"last_review_by"`
	Comment  string     `db:"last_comment"`
}

const scheduleColumns = "record_id, months, last_review_at, last_review_by, last_comment"

// stages of a reminder: who is asked, from when before or after the date.
const (
	stageEarly  = iota // the owner, 30 days before
	stageToday         // the owner, on the day
	stageDeputy        // the deputy too, a week later
	stageDSO           // the security officer too, two weeks later
	stages
)

func reminderKey(kind, recordID string, stage int) string {
	if stage < stageDeputy {
		return "record." + kind + ":" + recordID
	}
	return fmt.Sprintf("record.%s:%s:%d", kind, recordID, stage)
}

// reminderKeys are all that may be open about a record.
func reminderKeys(recordID string) []string {
	var out []string
	for _, kind := range []string{"review", "due", "expiry", "second"} {
		for stage := stageToday; stage < stages; stage++ {
			out = append(out, reminderKey(kind, recordID, stage))
		}
	}
	return out
}

// reviewed counts the next review from now.
func (s *Service) reviewed(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, comment string) error {
	now := s.now()
	rec.ReviewAt = store.At(addMonths(now, t.ReviewMonths))
	row := schedule{rec.ID, int64(t.ReviewMonths), store.At(now), actorOf(who), comment}
	if err := store.Upsert(ctx, tx, "record_schedule", []schedule{row}, []string{"record_id"}, []string{"months", "last_review_at", "last_review_by", "last_comment"}); err != nil {
		return err
	}
	var keys []string
	for stage := stageToday; stage < stages; stage++ {
		keys = append(keys, reminderKey("review", rec.ID, stage))
	}
	return inbox.Done(ctx, tx, now, actorOf(who), "reviewed", keys...)
}

// Review notes that a person looked at a record and it still holds.
func (s *Service) Review(ctx context.Context, tx *store.Tx, who auth.Principal, id, comment string) (*Record, error) {
	rec, t, err := s.forWriting(ctx, tx, who, id, 0)
	if err != nil {
		return nil, err
	}
	comment = multiline(comment)
	st, _ := t.State(rec.State)
	switch {
	case t.ReviewMonths == 0:
		return nil, ot.Errorf(ot.Conflict, "%s is not reviewed by the calendar", t.Plural)
	case st.Kind != "active":
		return nil, ot.Errorf(ot.Conflict, "%s is not in force (%s): there is nothing to review", rec.Ref, st.Title)
	case len(comment) > maxLong:
		return nil, ot.Errorf(ot.Invalid, "the comment has %d bytes, more than %d", len(comment), maxLong)
	}
	old := *rec
	rec.Version, rec.UpdatedAt, rec.UpdatedBy = old.Version+1, store.At(s.now()), actorOf(who)
	if err := s.reviewed(ctx, tx, who, t, rec, comment); err != nil {
		return nil, err
	}
	if err := s.write(ctx, tx, &old, rec, "review", comment); err != nil {
		return nil, err
	}
	return rec, s.tell(ctx, tx, who, rec, "record.review", map[string]string{"next": rec.ReviewAt.Format(time.DateOnly)})
}
