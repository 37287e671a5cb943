package inbox

import (
	"context"

	"github.com/skanse/skanse/internal/store"
)

// The steps of an item.
const (
	stepHanded   = "handed"   // a person gave it to a person
	stepSnoozed  = "snoozed"  // put aside until a time
	stepDeputy   = "deputy"   // overdue: who stands in is asked too
	stepOnCall   = "on-call"  // overdue: who is on call is asked too
	stepGap      = "gap"      // overdue, and nobody is on call
	stepOfficer  = "officer"  // overdue: the security officer is asked too
	stepReturned = "returned" // the person has left: the role is asked
	stepAnswered = "answered"
	stepReopened = "reopened"
)

// step is inbox_step.
type step struct {
	ID     string     `db:"step_id"`
	ItemID string     `db:"item_id"`
	At     store.Time `db:"at"`
	Kind   string     `db:"kind"`
	ByID   string     `db:"by_id"`
	ByName string     `db:"by_name"`
	ToUser string     `db:"to_user"`
	ToRole string     `db:"to_role"`
	Note   string     `db:"note"`
}

const stepColumns = "step_id, item_id, at, kind, by_id, by_name, to_user, to_role, note"

func note(ctx context.Context, tx *store.Tx, s step) error {
	s.ID = store.NewID()
	return store.Upsert(ctx, tx, "inbox_step", []step{s}, nil, nil)
}
