package app

import (
	"context"
	"fmt"
	"net"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// reprintKey is the question that stays until a new sheet of printed codes is made.
const reprintKey = "break-glass.reprint"

// tellSignIns puts into the inbox what administrators and the security officer must
// hear of a sign-in: auth stands below the inbox and only says that it happened.
func (s *server) tellSignIns(ctx context.Context) error {
	return s.bus.Run(ctx, "sign-in", []ot.Topic{ot.TopicSignIn}, func(ctx context.Context, tx *store.Tx, events []bus.Event) error {
		for _, e := range events {
			for _, ref := range e.Refs {
				if err := s.tellSignIn(ctx, tx, ref); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *server) tellSignIn(ctx context.Context, tx *store.Tx, ref ot.Ref) error {
	now := s.auth.Now()
	switch ref.Kind {
	case auth.RefSheet:
		return inbox.Done(ctx, tx, now, "", "printed", reprintKey)
	case auth.RefBreakGlass:
		o, err := auth.Opened(ctx, tx, ref.ID)
		if ot.CodeOf(err) == ot.NotFound { // cleaned up since
			return nil
		}
		if err != nil {
			return err
		}
		title := "The break-glass envelope was opened"
		detail := fmt.Sprintf("%s signed in from %s with a printed code at %s. Reason given: %s. The session ends at %s. Was this expected?",
			o.Said, o.Address, o.At.UTC().Format("2 Jan 15:04 MST"), o.Why, o.EndAt.UTC().Format("15:04 MST"))
		if err := s.tellBoth(ctx, tx, inbox.Item{Key: "break-glass:" + ref.ID, Kind: "break-glass", Severity: inbox.Now, Title: title, Detail: detail, Ref: ot.Ref{Kind: "session", ID: ref.ID}, Action: "look"}); err != nil {
			return err
		}
		return s.tell(ctx, tx, auth.Administrator, inbox.Item{
			Key: reprintKey, Kind: "break-glass", Severity: inbox.Today, Title: "Print a new break-glass sheet",
			Detail: fmt.Sprintf("The envelope is open; %d codes of its sheet are left. Print a new sheet, seal it, and destroy the old one.", o.Left),
			Ref:    ot.Ref{Kind: "settings", ID: "break-glass"}, Action: "renew",
		})
	case auth.RefCopied:
		name, passkey, err := auth.PasskeyOwner(ctx, tx, ref.ID)
		if ot.CodeOf(err) == ot.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		return s.tellBoth(ctx, tx, inbox.Item{
			Key: "passkey-copied:" + ref.ID, Kind: "passkey-copied", Severity: inbox.Now, Title: "There may be a copy of a passkey",
			Detail: fmt.Sprintf("The passkey %q of %s was refused: its counter of signatures went back. Ask the person, and take the passkey away.", ot.Printable(passkey), ot.Printable(name)),
			Ref:    ot.Ref{Kind: "passkey", ID: ref.ID}, Action: "look",
		})
	}
	return nil
}

// tellBoth asks administrators and the security officer.
func (s *server) tellBoth(ctx context.Context, tx *store.Tx, item inbox.Item) error {
	key := item.Key
	for _, role := range []string{auth.Administrator, auth.DSO} {
		item.Key = key + ":" + role
		if err := s.tell(ctx, tx, role, item); err != nil {
			return err
		}
	}
	return nil
}

// tell asks a role about the whole installation.
func (s *server) tell(ctx context.Context, tx *store.Tx, role string, item inbox.Item) error {
	entity, err := store.One[string](ctx, tx, "SELECT entity_id FROM org_entity ORDER BY entity_id LIMIT 1")
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return err
	}
	item.Role, item.EntityID = role, entity
	return inbox.Put(ctx, tx, s.auth.Now(), item)
}

// dialOut is the one way out, for directories and providers: what is not on the list
// of allowed connections is not reached.
func (s *server) dialOut(ctx context.Context, network, address string) (net.Conn, error) {
	return s.egress.DialContext(ctx, network, address)
}
