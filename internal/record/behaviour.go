package record

import (
	"context"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// Behaviour is the logic of one type that YAML cannot say. Its calls run in the
// transaction of the change; an error refuses the change and is shown to the person.
// It may run again after a conflict, so it does nothing but use tx.
type Behaviour interface {
	// Type is the id in catalog/records.
	Type() string

	// Check looks at a record before it is written, with all its fields valid by
	// themselves. It may fill in derived fields of rec.Data.
	Check(ctx context.Context, tx *store.Tx, rec *Record) error

	// After runs when a transition was carried out and written.
	After(ctx context.Context, tx *store.Tx, who auth.Principal, rec *Record, done Transition) error

	// Guards are the conditions that transitions name by "guard:". One returns why
	// not, in a sentence; "" lets it pass. It is asked without a change at hand too,
	// so that a page can say beforehand what is missing.
	Guards() map[string]Guard
}

// Guard says why a transition may not be made now; "" for it may.
type Guard func(ctx context.Context, r store.Reader, rec *Record) (string, error)

// Plain is a Behaviour that does nothing; embed it and write only what differs.
type Plain string

// Type is the id.
func (p Plain) Type() string { return string(p) }

// Check lets everything pass.
func (Plain) Check(context.Context, *store.Tx, *Record) error { return nil }

// After does nothing.
func (Plain) After(context.Context, *store.Tx, auth.Principal, *Record, Transition) error { return nil }

// Guards are none.
func (Plain) Guards() map[string]Guard { return nil }
