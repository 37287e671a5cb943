package detect

import (
	"context"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Person is who does something about an alert.
type Person struct{ ID, Name string }

// Decision is what a person does about an alert.
type Decision struct {
	Action  string     `json:"action" enum:"acknowledge,shelve,unshelve,close,reopen,comment,assign,explain"`
	Reason  string     `json:"reason,omitempty" maxLength:"2000" doc:"shelve, close, reopen: why. comment: what is said. explain: who did it and why"`
	Until   *time.Time `json:"until,omitempty" doc:"shelve: when it comes back; at most 90 days"`
	Outcome string     `json:"outcome,omitempty" enum:"planned,false_alarm,handled,incident," doc:"close: how it ended"`
	Owner   string     `json:"owner,omitempty" maxLength:"64" doc:"assign: id of a user"`
	Deputy  string     `json:"deputy,omitempty" maxLength:"64" doc:"assign: who stands in"`
	Change  string     `json:"change,omitempty" maxLength:"64" doc:"explain: id of the change record"`
}

// maxShelf is how long an alert may be out of sight: for longer there are exceptions.
const maxShelf = 90 * 24 * time.Hour

// Decide applies a person's decision. match is the If-Match header of the version that was seen.
func (s *Service) Decide(ctx context.Context, scope Scope, by Person, id string, d Decision, match string) error {
	d.Reason = ot.Printable(strings.TrimSpace(d.Reason))
	return s.db.Update(ctx, func(tx *store.Tx) error {
		a, err := store.One[alertRow](ctx, tx, "SELECT "+alertColumns+" FROM detect_alert a WHERE a.alert_id = ? AND ?", id, scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return err
		}
		if err := rest.IfMatch(match, a.etag()); err != nil {
			return err
		}
		if err := s.apply(ctx, tx, &a, by, d); err != nil {
			return err
		}
		return s.keep(ctx, tx, &a)
	})
}

// DecideMany does the same with several alerts, whatever their version: a page full of
// one cause is one decision.
func (s *Service) DecideMany(ctx context.Context, scope Scope, by Person, ids []string, d Decision) (done int, err error) {
	d.Reason = ot.Printable(strings.TrimSpace(d.Reason))
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		done = 0
		rows, err := store.All[alertRow](ctx, tx, "SELECT "+alertColumns+" FROM detect_alert a WHERE a.alert_id IN (?) AND ? ORDER BY a.alert_id", ids, scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return err
		}
		if len(rows) < len(ids) {
			return ot.Errorf(ot.NotFound, "%d of these alerts are not there", len(ids)-len(rows))
		}
		for i := range rows {
			if err := s.apply(ctx, tx, &rows[i], by, d); err != nil {
				return err
			}
			if err := s.keep(ctx, tx, &rows[i]); err != nil {
				return err
			}
			done++
		}
		return nil
	})
	return done, err
}

func (s *Service) keep(ctx context.Context, tx *store.Tx, a *alertRow) error {
	a.Version++
	if err := store.Upsert(ctx, tx, "detect_alert", []alertRow{*a}, []string{"alert_id"}, alertSet()); err != nil {
		return err
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAlert, SiteNo: a.SiteNo, Refs: []ot.Ref{{Kind: "alert", ID: a.ID}}})
}

func (s *Service) apply(ctx context.Context, tx *store.Tx, a *alertRow, by Person, d Decision) error {
	now := s.now()
	step := stepRow{AlertID: a.ID, At: now.UnixMicro(), ByID: by.ID, ByName: by.Name, Text: d.Reason}
	if a.State == StateClosed && d.Action != "reopen" && d.Action != "comment" {
		return ot.Errorf(ot.Conflict, "this alert is closed: open it again first")
	}
	switch d.Action {
	case "acknowledge":
		step.Kind = StateAcknowledged
		if a.State == StateReturned { // seen, and over: nothing is left to do
			a.close(now, by.Name, StateReturned, d.Reason)
			step.Kind = StateClosed
		} else {
			a.State = StateAcknowledged
		}
		a.AckedAt, a.AckedBy = store.At(now), by.Name
	case "shelve":
		switch {
		case d.Reason == "":
			return ot.Errorf(ot.Invalid, "say why it is out of sight for now")
		case d.Until == nil || !d.Until.After(now) || d.Until.Sub(now) > maxShelf:
			return ot.Errorf(ot.Invalid, "say until when, at most 90 days from now; what is allowed for longer is an exception of the rule")
		}
		a.State, a.ShelvedUntil, a.Reason = StateShelved, store.At(*d.Until), d.Reason
		step.Kind = StateShelved
	case "unshelve":
		if a.State != StateShelved {
			return ot.Errorf(ot.Conflict, "this alert is not shelved")
		}
		a.State, a.ShelvedUntil, a.Reason = StateAcknowledged, store.Time{}, ""
		step.Kind = "unshelved"
	case "close":
		if d.Outcome == "" || d.Reason == "" {
			return ot.Errorf(ot.Invalid, "say how it ended, and in one sentence why")
		}
		a.close(now, by.Name, d.Outcome, d.Reason)
		step.Kind = StateClosed
	case "reopen":
		if a.State != StateClosed {
			return ot.Errorf(ot.Conflict, "this alert is open")
		}
		key, _, _ := strings.Cut(a.Key, closedMark)
		n, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM detect_alert WHERE site_no = ? AND alert_key = ?", a.SiteNo, key)
		if err != nil {
			return err
		}
		if n > 0 {
			return ot.Errorf(ot.Conflict, "the same was met again since, and has an alert of its own: decide about that one")
		}
		a.Key, a.State, a.ClosedAt, a.ClosedBy, a.Outcome, a.Reason = key, StateAcknowledged, store.Time{}, "", "", ""
		step.Kind = "reopened"
	case "comment":
		if d.Reason == "" {
			return ot.Errorf(ot.Invalid, "the comment is empty")
		}
		step.Kind = "comment"
	case "assign":
		for _, id := range []string{d.Owner, d.Deputy} {
			if id == "" {
				continue
			}
			n, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM auth_user WHERE user_id = ?", id)
			if err != nil {
				return err
			}
			if n == 0 {
				return ot.Errorf(ot.Invalid, "nobody has this id: choose a user")
			}
		}
		a.OwnerID, a.DeputyID = d.Owner, d.Deputy
		step.Kind = "owner"
	case "explain":
		if d.Reason == "" {
			return ot.Errorf(ot.Invalid, "say who did it and why")
		}
		if d.Change != "" {
			n, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM record_record WHERE record_id = ? AND type IN ('change', 'maintenance-window') AND site_no = ?", d.Change, a.SiteNo)
			if err != nil {
				return err
			}
			if n == 0 {
				return ot.Errorf(ot.Invalid, "choose a change or a maintenance window of this site")
			}
			a.ChangeID = d.Change
		}
		a.AckedAt, a.AckedBy = store.At(now), by.Name
		if a.State == StateNew {
			a.State = StateAcknowledged
		}
		step.Kind = "explained"
	default:
		return ot.Errorf(ot.Invalid, "there is no such action")
	}
	if a.State != StateNew {
		if err := inbox.Done(ctx, tx, now, by.ID, d.Action, inboxKey(a.ID)); err != nil {
			return err
		}
	}
	return note(ctx, tx, step)
}

// closedMark separates a closed alert's key from its id.
const closedMark = "|closed:"

// close ends an alert and frees its key: the same calls anew.
func (a *alertRow) close(now time.Time, by, outcome, reason string) {
	a.State, a.ClosedAt, a.ClosedBy, a.Outcome, a.Reason = StateClosed, store.At(now), by, outcome, reason
	a.Key += closedMark + a.ID
}

func inboxKey(alertID string) string { return "alert:" + alertID }

// quiet is how long nothing more may be met until an alert is over.
const quiet = 8 * time.Hour

// Return ends what is over and brings back what was shelved until now. It is done every minute.
func (s *Service) Return(ctx context.Context) error {
	now := s.now()
	set := s.Rules()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[alertRow](ctx, tx, "SELECT "+alertColumns+" FROM detect_alert WHERE state IN ('new', 'acknowledged') OR state = 'shelved' AND shelved_until <= ? ORDER BY heard_at LIMIT 500", store.At(now))
		if err != nil {
			return err
		}
		for i := range rows {
			a := &rows[i]
			wait := quiet
			if r := set.Lookup(a.Rule); r != nil && r.Returns > 0 {
				wait = time.Duration(r.Returns)
			}
			step := stepRow{AlertID: a.ID, At: now.UnixMicro()}
			over := time.UnixMicro(a.HeardAt).Add(wait).Before(now)
			switch {
			case a.State == StateShelved && over:
				a.close(now, "", StateReturned, a.Reason)
				step.Kind = StateClosed
			case a.State == StateShelved:
				a.State, a.ShelvedUntil, a.RaisedAt = StateNew, store.Time{}, now.UnixMicro()
				step.Kind = "unshelved"
			case a.State == StateNew && over:
				a.State = StateReturned
				step.Kind = StateReturned
			case a.State == StateAcknowledged && over && a.OwnerID == "":
				a.close(now, "", StateReturned, "")
				step.Kind = StateClosed
			default:
				continue
			}
			if a.State != StateNew { // over: nobody has to look any more
				if err := inbox.Done(ctx, tx, now, "", a.State, inboxKey(a.ID)); err != nil {
					return err
				}
			}
			if err := note(ctx, tx, step); err != nil {
				return err
			}
			if err := s.keep(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}
