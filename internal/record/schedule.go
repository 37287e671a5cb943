package record

import (
	"context"
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

// The stages of a reminder. What is overdue then is the inbox's to carry on: to the
// deputy, who is on call, the security officer.
const (
	stageEarly = iota // this week's: 30 days before
	stageToday        // on the day
)

// reminderKinds are the dates that people are reminded of.
func reminderKinds() []string { return []string{"review", "due", "expiry", "second"} }

func reminderKey(kind, recordID string) string { return "record." + kind + ":" + recordID }

// reminderKeys are all that may be open about a record.
func reminderKeys(recordID string) []string {
	var out []string
	for _, kind := range reminderKinds() {
		out = append(out, reminderKey(kind, recordID))
	}
	return out
}

// reviewed counts the next review from now.
func (s *Service) reviewed(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, comment string) error {
	now := s.now()
	rec.ReviewAt = store.At(AddMonths(now, t.ReviewMonths))
	row := schedule{rec.ID, int64(t.ReviewMonths), store.At(now), actorOf(who), comment}
	if err := store.Upsert(ctx, tx, "record_schedule", []schedule{row}, []string{"record_id"}, []string{"months", "last_review_at", "last_review_by", "last_comment"}); err != nil {
		return err
	}
	return inbox.Done(ctx, tx, now, actorOf(who), "reviewed", reminderKey("review", rec.ID))
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

// Schedule says when a record was reviewed and when it is again.
type Schedule struct {
	Months  int64      `json:"months"`
	LastAt  store.Time `json:"last_at" nullable:"true"`
	LastBy  *Name      `json:"last_by,omitempty"`
	Comment string     `json:"comment"`
	NextAt  store.Time `json:"next_at" nullable:"true"`
}

func (s *Service) fillSchedule(ctx context.Context, r store.Reader, t *Type, rec *Record, out *Detail) error {
	if t.ReviewMonths == 0 {
		return nil
	}
	row, err := store.One[schedule](ctx, r, "SELECT "+scheduleColumns+" FROM record_schedule WHERE record_id = ?", rec.ID)
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return err
	}
	out.Schedule = &Schedule{Months: int64(t.ReviewMonths), LastAt: row.LastAt, Comment: row.Comment, NextAt: out.ReviewAt}
	if row.LastBy != "" {
		names, err := peopleNames(ctx, r, []string{row.LastBy})
		if err != nil {
			return err
		}
		out.Schedule.LastBy = new(names(row.LastBy))
	}
	return nil
}
