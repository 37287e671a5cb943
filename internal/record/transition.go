package record

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Move is a transition that a person asks for.
type Move struct {
	Transition string
	Reason     string
	Patch      Patch // what is filled in on the way
}

// Transition moves a record. One that needs approval waits for it.
func (s *Service) Transition(ctx context.Context, tx *store.Tx, who auth.Principal, id string, m Move) (*Record, error) {
	rec, t, err := s.forWriting(ctx, tx, who, id, m.Patch.Version)
	if err != nil {
		return nil, err
	}
	x, ok := t.Transition(m.Transition)
	if !ok {
		return nil, ot.Errorf(ot.Invalid, "a %s has no transition %q", t.ID, ot.Printable(m.Transition))
	}
	reason := multiline(m.Reason)
	if x.Reason && reason == "" {
		return nil, ot.Errorf(ot.Invalid, "say why: %q needs a reason", x.Title)
	}
	if len(reason) > maxLong {
		return nil, ot.Errorf(ot.Invalid, "the reason has %d bytes, more than %d", len(reason), maxLong)
	}
	old := *rec
	old.Data.V = maps.Clone(rec.Data.V)
	if err := s.patch(ctx, tx, who, t, rec, m.Patch); err != nil {
		return nil, err
	}
	why, err := s.whyNot(ctx, tx, who, t, rec, x)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return nil, ot.Errorf(ot.Conflict, "%s: %s", x.Title, why)
	}
	if err := t.needs(x, rec); err != nil {
		return nil, err
	}
	rec.Version, rec.UpdatedAt, rec.UpdatedBy = old.Version+1, store.At(s.now()), actorOf(who)
	rec.DataVersion = int64(t.DataVersion)
	touched := differs(t, &old, rec)
	bound := t.bound(touched)
	if st, _ := t.State(old.State); bound && st.Final() {
		return nil, ot.Errorf(ot.Conflict, "%s is closed (%s): reopen it before it changes", old.Ref, st.Title)
	}
	if bound && old.Approval == Approved && !x.Approval && !t.asksFrom(x.To) {
		return nil, ot.Errorf(ot.Conflict, "what was approved changes (%s): change it first, so that it is approved again", join(touched))
	}
	if x.Approval {
		return rec, s.request(ctx, tx, who, t, &old, rec, x, reason)
	}
	if t.asksFrom(x.To) { // back to where approval is asked for
		rec.Approval, rec.SecondDue = NoApproval, store.Time{}
	}
	if err := s.carryOut(ctx, tx, who, t, &old, rec, x, reason); err != nil {
		return nil, err
	}
	return rec, s.tell(ctx, tx, who, rec, "record.transition", map[string]string{"transition": x.ID, "from": old.State, "to": rec.State, "reason": reason})
}

// whyNot says why a transition may not be made now; "" for it may.
func (s *Service) whyNot(ctx context.Context, r store.Reader, who auth.Principal, t *Type, rec *Record, x Transition) (string, error) {
	st, _ := t.State(rec.State)
	switch {
	case !slices.Contains(x.From, rec.State):
		return "it is not possible while the state is " + st.Title, nil
	case rec.Approval == Waiting:
		return "it waits for approval: let it be decided, or withdraw the request", nil
	case !who.Permissions.Has(t.Write):
		return "it takes the permission " + string(t.Write), nil
	case x.Permit == "approve" && !who.Permissions.Has(t.Approve):
		return "it takes the permission " + string(t.Approve), nil
	case !t.holds(x.When, rec.Data.V):
		f, _ := t.Field(x.When.Field)
		names := make([]string, len(x.When.In))
		for i, v := range x.When.In {
			names[i] = strings.ToLower(f.text(v))
		}
		return "only where " + strings.ToLower(f.Title) + " is " + strings.Join(names, " or "), nil
	}
	if x.Guard != "" {
		return s.behaviours[t.ID].Guards()[x.Guard](ctx, r, rec)
	}
	return "", nil
}

// needs refuses a transition whose fields are not filled.
func (t *Type) needs(x Transition, rec *Record) error {
	var missing []string
	for _, n := range x.Needs {
		switch n {
		case "owner":
			if rec.OwnerID == "" {
				missing = append(missing, "owner")
			}
		case "asset":
			if rec.AssetID == "" {
				missing = append(missing, "asset")
			}
		case "zone":
			if rec.ZoneNo == 0 {
				missing = append(missing, "zone")
			}
		case "due_at":
			if rec.DueAt.IsZero() {
				missing = append(missing, "due date")
			}
		case "valid_from":
			if rec.ValidFrom.IsZero() {
				missing = append(missing, "valid from")
			}
		case "valid_until":
			if rec.ValidUntil.IsZero() {
				missing = append(missing, "valid until")
			}
		default:
			if f, _ := t.Field(n); rec.Data.V[n] == nil && t.visible(f, rec.Data.V) {
				missing = append(missing, f.Title)
			}
		}
	}
	if len(missing) > 0 {
		return ot.Errorf(ot.Invalid, "%q needs: %s", x.Title, strings.Join(missing, ", "))
	}
	return nil
}

// asksFrom says whether approval is asked for from this state.
func (t *Type) asksFrom(state string) bool {
	return slices.ContainsFunc(t.Transitions, func(x Transition) bool { return x.Approval && slices.Contains(x.From, state) })
}

// carryOut writes a transition that may be made.
func (s *Service) carryOut(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, old, rec *Record, x Transition, reason string) error {
	now := s.now()
	to, _ := t.State(x.To)
	from, _ := t.State(old.State)
	rec.State = x.To
	rec.ClosedAt = store.Time{}
	switch {
	case to.Final():
		rec.ClosedAt, rec.ReviewAt = store.At(now), store.Time{}
		if err := inbox.Done(ctx, tx, now, actorOf(who), rec.State, reminderKeys(rec.ID)...); err != nil {
			return err
		}
	case t.ReviewMonths > 0 && (x.Reviews || to.Kind == "active" && (from.Kind != "active" || rec.ReviewAt.IsZero())):
		if err := s.reviewed(ctx, tx, who, t, rec, reason); err != nil {
			return err
		}
	}
	if err := s.checked(ctx, tx, who, t, old, rec); err != nil {
		return err
	}
	if err := s.write(ctx, tx, old, rec, x.ID, reason); err != nil {
		return err
	}
	if b := s.behaviours[t.ID]; b != nil {
		return b.After(ctx, tx, who, rec, x)
	}
	return nil
}
