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

// remindedPerTurn bounds one transaction.
const remindedPerTurn = 100

// dateOf is the column that a kind of reminder looks at.
func dateOf(kind string) string {
	return map[string]string{"review": "review_at", "due": "due_at", "expiry": "valid_until", "second": "second_due"}[kind]
}

// Remind asks who answers for what comes due: 30 days before, and on the day. For a job.
func (s *Service) Remind(ctx context.Context) error {
	for _, kind := range reminderKinds() {
		for more := true; more; {
			err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
				more, err = s.remind(ctx, tx, kind)
				return err
			})
			if err != nil {
				return fmt.Errorf("remind of %s: %w", kind, err)
			}
		}
	}
	return nil
}

func (s *Service) remind(ctx context.Context, tx *store.Tx, kind string) (more bool, err error) {
	now := s.now()
	col := "r." + dateOf(kind)
	rows, err := store.All[Record](ctx, tx, "SELECT "+prefixed("r", rowColumns)+" FROM record_record r LEFT JOIN record_reminder m ON m.record_id = r.record_id AND m.kind = ? WHERE r.closed_at IS NULL AND "+col+" IS NOT NULL AND "+col+
		" <= ? AND (m.at IS NULL OR m.at <> "+col+" OR m.stage < CASE WHEN "+col+" <= ? THEN 1 ELSE 0 END) ORDER BY "+col+", r.record_id LIMIT ?", kind, store.At(now.Add(soon)), store.At(now), remindedPerTurn)
	if err != nil {
		return false, err
	}
	for i := range rows {
		rec := &rows[i]
		t := s.types.Type(rec.Type)
		date := map[string]store.Time{"review": rec.ReviewAt, "due": rec.DueAt, "expiry": rec.ValidUntil, "second": rec.SecondDue}[kind]
		stage := stageEarly
		if !date.After(now) {
			stage = stageToday
		}
		if _, err := tx.Exec(ctx, `INSERT INTO record_reminder (record_id, kind, at, stage) VALUES (?, ?, ?, ?)
			ON CONFLICT (record_id, kind) DO UPDATE SET at = excluded.at, stage = excluded.stage`, rec.ID, kind, date, stage); err != nil {
			return false, err
		}
		if t == nil || !t.reminds(kind, rec, stage) {
			continue
		}
		item := inbox.Item{
			Key: reminderKey(kind, rec.ID), Kind: itemKind(kind), SiteNo: rec.SiteNo, ZoneNo: rec.ZoneNo, EntityID: rec.EntityID, UserID: rec.OwnerID, Severity: inbox.ThisWeek,
			Title: rec.Ref + " " + rec.Title, Detail: reminderText(kind, date.Time), Ref: ot.Ref{Kind: "record", ID: rec.ID}, Action: map[string]string{"review": "review", "due": "look", "expiry": "renew", "second": "approve"}[kind], Due: date.Time,
		}
		if stage == stageToday {
			item.Severity = inbox.Today
		}
		if item.UserID == "" || item.UserID == "system" || kind == "second" {
			item.UserID, item.Role = "", t.AsksRole
		}
		if kind == "second" && stage == stageToday { // a week has passed and nobody looked
			item.Role = auth.DSO
		}
		if err := inbox.Put(ctx, tx, now, item); err != nil {
			return false, err
		}
	}
	return len(rows) == remindedPerTurn, nil
}

// reminds says whether anybody is asked: drafts run out silently, and a week is too
// short to be reminded of a month before.
func (t *Type) reminds(kind string, rec *Record, stage int) bool {
	st, _ := t.State(rec.State)
	switch kind {
	case "expiry":
		return st.Kind == "active" && (t.Calendar == nil || t.Calendar.To != "valid_until" || t.Calendar.From == t.Calendar.To || rec.ValidUntil.Sub(rec.CreatedAt.Time) > soon)
	case "second":
		return stage == stageToday
	case "review":
		return st.Kind == "active"
	}
	return true
}

func reminderText(kind string, date time.Time) string {
	return map[string]string{"review": "To be reviewed by ", "due": "Due ", "expiry": "Valid until ", "second": "Approved by one, second look due "}[kind] + date.Format(time.DateOnly)
}

// moved takes back what was asked about a date that is another one now.
func (s *Service) moved(ctx context.Context, tx *store.Tx, old, rec *Record) error {
	if old == nil {
		return nil
	}
	var keys []string
	for kind, same := range map[string]bool{
		"review": micros(old.ReviewAt) == micros(rec.ReviewAt), "due": micros(old.DueAt) == micros(rec.DueAt),
		"expiry": micros(old.ValidUntil) == micros(rec.ValidUntil), "second": micros(old.SecondDue) == micros(rec.SecondDue),
	} {
		if !same {
			keys = append(keys, reminderKey(kind, rec.ID))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return inbox.Done(ctx, tx, s.now(), rec.UpdatedBy, "moved", keys...)
}

// itemKind is what the inbox calls a reminder.
func itemKind(kind string) string {
	return map[string]string{"review": "review-due", "due": "action-due", "expiry": "expires", "second": "second-look"}[kind]
}
