package record

import (
	"context"
	"maps"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Profiles of approval: how many eyes a company can spare.
const (
	SmallProfile  = "small"  // who asks and may approve goes ahead; another looks within a week
	NormalProfile = "normal" // one other person approves first
	GroupProfile  = "group"  // two others, one of whom answers for the whole company
)

// secondLook is how long the second look may take in the profile small.
const secondLook = 7 * 24 * time.Hour

type request struct {
	ID          string     `db:"request_id"`
	RecordID    string     `db:"record_id"`
	Version     int64      `db:"version"`
	Transition  string     `db:"transition"`
	FromState   string     `db:"from_state"`
	RequestedBy string     `db:"requested_by"`
	RequestedAt store.Time `db:"requested_at"`
	Reason      string     `db:"reason"`
	Profile     string     `db:"profile"`
	Needed      int64      `db:"needed"`
	State       string     `db:"state"`
	SecondDue   store.Time `db:"second_due"`
	SecondAt    store.Time `db:"second_at"`
	ClosedAt    store.Time `db:"closed_at"`
}

const requestColumns = "request_id, record_id, version, transition, from_state, requested_by, requested_at, reason, profile, needed, state, second_due, second_at, closed_at"

// Decision is what a person says to a request.
type Decision struct {
	Decision string // approve, reject
	Comment  string
	Outside  string // profile small: name and organisation of who looked, without an account here
	Version  int64
}

func approvalKey(id string) string { return "record.approval:" + id }

func profileOf(ctx context.Context, r store.Reader, entityID string) (string, error) {
	p, err := store.One[string](ctx, r, "SELECT profile FROM record_profile WHERE entity_id = ?", entityID)
	if ot.CodeOf(err) == ot.NotFound {
		return NormalProfile, nil
	}
	return p, err
}

// request asks for approval of a transition; rec is already as it shall be approved.
func (s *Service) request(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, old, rec *Record, x Transition, reason string) error {
	profile, err := profileOf(ctx, tx, rec.EntityID)
	if err != nil {
		return err
	}
	now := s.now()
	q := request{
		ID: store.NewID(), RecordID: rec.ID, Version: rec.Version, Transition: x.ID, FromState: old.State, RequestedBy: actorOf(who), RequestedAt: store.At(now),
		Reason: reason, Profile: profile, Needed: 1, State: Waiting,
	}
	if profile == GroupProfile {
		q.Needed = 2
	}
	if profile == SmallProfile && who.Permissions.Has(t.Approve) && who.TokenID == "" {
		q.State, q.SecondDue = Approved, store.At(now.Add(secondLook))
		rec.Approval, rec.SecondDue = Approved, q.SecondDue
		if err := s.carryOut(ctx, tx, who, t, old, rec, x, reason); err != nil {
			return err
		}
	} else {
		rec.Approval, rec.SecondDue = Waiting, store.Time{}
		if err := s.checked(ctx, tx, who, t, old, rec); err != nil {
			return err
		}
		if err := s.write(ctx, tx, old, rec, "request", reason); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, tx, "record_request", []request{q}, nil, nil); err != nil {
		return err
	}
	if err := s.ask(ctx, tx, t, rec, x, q); err != nil {
		return err
	}
	return s.tell(ctx, tx, who, rec, "record.request", map[string]string{"transition": x.ID, "profile": profile, "reason": reason})
}

// ask puts the request into the inbox of who may approve.
func (s *Service) ask(ctx context.Context, tx *store.Tx, t *Type, rec *Record, x Transition, q request) error {
	item := inbox.Item{
		Key: approvalKey(rec.ID), Kind: "approval", SiteNo: rec.SiteNo, ZoneNo: rec.ZoneNo, EntityID: rec.EntityID, Role: t.AsksRole, Severity: inbox.Today,
		Title: rec.Ref + " " + rec.Title, Detail: x.Title, Ref: ot.Ref{Kind: "record", ID: rec.ID}, Action: "approve",
	}
	if !q.SecondDue.IsZero() {
		item.Detail, item.Severity, item.Due = "Approved by one, second look due", inbox.ThisWeek, q.SecondDue.Time
	}
	return inbox.Put(ctx, tx, s.now(), item)
}

// reopen asks anew because what was approved, or waited for it, changed. The record
// goes back to where it was asked.
func (s *Service) reopen(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record) error {
	q, err := store.One[request](ctx, tx, "SELECT "+requestColumns+" FROM record_request WHERE record_id = ? AND state IN ('waiting', 'approved', 'rejected') ORDER BY requested_at DESC, request_id DESC LIMIT 1", rec.ID)
	if ot.CodeOf(err) == ot.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.now()
	if q.State == Rejected { // a new try begins with a new request
		rec.Approval = NoApproval
		return nil
	}
	if _, err := tx.Exec(ctx, "UPDATE record_request SET state = 'reopened', closed_at = ? WHERE request_id = ?", store.At(now), q.ID); err != nil {
		return err
	}
	x, ok := t.Transition(q.Transition)
	if !ok { // the type has changed since
		rec.Approval, rec.SecondDue = NoApproval, store.Time{}
		return nil
	}
	profile, err := profileOf(ctx, tx, rec.EntityID)
	if err != nil {
		return err
	}
	again := request{
		ID: store.NewID(), RecordID: rec.ID, Version: rec.Version, Transition: q.Transition, FromState: q.FromState, RequestedBy: actorOf(who), RequestedAt: store.At(now),
		Reason: q.Reason, Profile: profile, Needed: 1, State: Waiting,
	}
	if profile == GroupProfile {
		again.Needed = 2
	}
	rec.State, rec.Approval, rec.SecondDue, rec.ClosedAt = q.FromState, Waiting, store.Time{}, store.Time{}
	if err := store.Upsert(ctx, tx, "record_request", []request{again}, nil, nil); err != nil {
		return err
	}
	return s.ask(ctx, tx, t, rec, x, again)
}

// Decide approves or refuses what waits, or looks a second time at what one approved.
func (s *Service) Decide(ctx context.Context, tx *store.Tx, who auth.Principal, id string, d Decision) (*Record, error) {
	rec, t, err := s.load(ctx, tx, who.Scope, id)
	if err != nil {
		return nil, err
	}
	if d.Version != 0 && d.Version != rec.Version {
		return nil, ot.Errorf(ot.Conflict, "%s changed in the meantime (it is at version %d, not %d): look at it again", rec.Ref, rec.Version, d.Version)
	}
	if d.Decision != "approve" && d.Decision != "reject" {
		return nil, ot.Errorf(ot.Invalid, "decision is %q: approve or reject", ot.Printable(d.Decision))
	}
	if _, err := s.typeFor(who, t.ID, "approve"); err != nil {
		return nil, err
	}
	if err := mayWrite(ctx, tx, who.Scope, rec); err != nil {
		return nil, err
	}
	if who.TokenID != "" {
		return nil, ot.Errorf(ot.Forbidden, "a program approves nothing: sign in yourself")
	}
	q, err := store.One[request](ctx, tx, "SELECT "+requestColumns+" FROM record_request WHERE record_id = ? AND (state = 'waiting' OR state = 'approved' AND second_due IS NOT NULL AND second_at IS NULL) ORDER BY requested_at DESC, request_id DESC LIMIT 1", id)
	if ot.CodeOf(err) == ot.NotFound {
		return nil, ot.Errorf(ot.Conflict, "%s waits for no approval", rec.Ref)
	}
	if err != nil {
		return nil, err
	}
	comment, outside := multiline(d.Comment), ot.Printable(d.Outside)
	switch {
	case d.Decision == "reject" && comment == "":
		return nil, ot.Errorf(ot.Invalid, "say why not, in the comment")
	case len(comment) > maxLong || len(outside) > maxText:
		return nil, ot.Errorf(ot.Invalid, "the comment or the name is too long")
	case outside != "" && q.Profile != SmallProfile:
		return nil, ot.Errorf(ot.Forbidden, "a look from outside counts only in the approval profile small: let a colleague with an account approve")
	case outside != "" && comment == "":
		return nil, ot.Errorf(ot.Invalid, "write down in the comment how and when the person outside looked at it")
	}
	if err := s.vote(ctx, tx, who, q, d.Decision, comment, outside, rec.EntityID); err != nil {
		return nil, err
	}
	return rec, s.judge(ctx, tx, who, t, rec, q, d.Decision, comment)
}

// vote writes a decision down. That nobody approves what they asked for, also not in an
// earlier round since the last approval, is the database's to say.
func (s *Service) vote(ctx context.Context, tx *store.Tx, who auth.Principal, q request, decision, comment, outside, entityID string) error {
	by := actorOf(who)
	n, err := tx.Exec(ctx, `INSERT INTO record_approval (approval_id, request_id, record_id, version, requested_by, by_id, outside, whole, decision, comment, at)
		SELECT CAST(? AS TEXT), q.request_id, q.record_id, q.version, q.requested_by, CAST(? AS TEXT), CAST(? AS TEXT), ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT)
		FROM record_request q WHERE q.request_id = ? AND (CAST(? AS TEXT) <> '' OR q.requested_by <> ? AND NOT EXISTS (
			SELECT 1 FROM record_request o WHERE o.record_id = q.record_id AND o.requested_by = ? AND o.state = 'reopened' AND o.requested_at > COALESCE(
				(SELECT max(a.requested_at) FROM record_request a WHERE a.record_id = q.record_id AND a.state = 'approved' AND a.request_id <> q.request_id), 0)))`,
		store.NewID(), by, outside, wholeOf(tx, who.Scope.Entity(entityID)), decision, comment, store.At(s.now()), q.ID, outside, by, by)
	if ot.CodeOf(err) == ot.Conflict {
		return ot.Errorf(ot.Conflict, "you have decided on this version already: another person must look")
	}
	if err == nil && n == 0 {
		return ot.Errorf(ot.Forbidden, "you asked for this yourself, or changed it: four eyes means another person's")
	}
	return err
}

// wholeOf is a boolean as the engine's SELECT list wants it.
func wholeOf(tx *store.Tx, b bool) ot.SQL {
	if tx.Engine() == store.PostgreSQL {
		return ot.SQL{Text: "CAST(? AS BOOLEAN)", Args: []any{b}}
	}
	return ot.SQL{Text: "?", Args: []any{b}}
}

// judge looks at what the votes make of the request.
func (s *Service) judge(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, q request, decision, comment string) error {
	type vote struct {
		By    string `db:"by_id"`
		Whole bool   `db:"whole"`
	}
	votes, err := store.All[vote](ctx, tx, "SELECT by_id, whole FROM record_approval WHERE request_id = ? AND version = ? AND decision = 'approve'", q.ID, q.Version)
	if err != nil {
		return err
	}
	detail := map[string]string{"transition": q.Transition, "decision": decision, "comment": comment}
	whole := q.Profile != GroupProfile
	for _, v := range votes {
		whole = whole || v.Whole
	}
	if decision == "approve" && (int64(len(votes)) < q.Needed || !whole) {
		return s.tell(ctx, tx, who, rec, "record.approve", detail) // others must still look
	}
	x, ok := t.Transition(q.Transition)
	if !ok {
		return ot.Errorf(ot.Conflict, "the type %s has no transition %q any more: withdraw the request", t.ID, q.Transition)
	}
	now := s.now()
	old := *rec
	old.Data.V = maps.Clone(rec.Data.V)
	rec.Version, rec.UpdatedAt, rec.UpdatedBy = old.Version+1, store.At(now), actorOf(who)
	second := q.State == Approved
	switch {
	case decision == "approve" && second:
		rec.SecondDue = store.Time{}
		if err := s.write(ctx, tx, &old, rec, "second-look", comment); err != nil {
			return err
		}
	case decision == "approve":
		rec.Approval = Approved
		if err := s.carryOut(ctx, tx, who, t, &old, rec, x, q.Reason); err != nil {
			return err
		}
	default:
		rec.Approval, rec.SecondDue = Rejected, store.Time{}
		if err := s.refuse(ctx, tx, who, t, &old, rec, q, x, comment, second); err != nil {
			return err
		}
	}
	state := map[string]string{"approve": Approved, "reject": Rejected}[decision]
	if _, err := tx.Exec(ctx, "UPDATE record_request SET state = ?, closed_at = ?, second_at = CASE WHEN second_due IS NULL THEN NULL ELSE CAST(? AS BIGINT) END WHERE request_id = ?", state, store.At(now), store.At(now), q.ID); err != nil {
		return err
	}
	if err := inbox.Done(ctx, tx, now, actorOf(who), state, approvalKey(rec.ID), reminderKey("second", rec.ID)); err != nil {
		return err
	}
	return s.tell(ctx, tx, who, rec, "record."+decision, detail)
}

// refuse writes a refusal. After a second look the record goes back to where it was asked.
func (s *Service) refuse(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, old, rec *Record, q request, x Transition, comment string, second bool) error {
	if second {
		rec.State, rec.ClosedAt = q.FromState, store.Time{}
	}
	if x.OnReject != "" {
		rec.State = x.OnReject
		if st, _ := t.State(rec.State); st.Final() {
			rec.ClosedAt, rec.ReviewAt = store.At(s.now()), store.Time{}
		}
	}
	if err := s.write(ctx, tx, old, rec, "reject", comment); err != nil {
		return err
	}
	if q.RequestedBy == "system" {
		return nil
	}
	return inbox.Put(ctx, tx, s.now(), inbox.Item{
		Key: "record.rejected:" + q.ID, Kind: "rejected", SiteNo: rec.SiteNo, ZoneNo: rec.ZoneNo, EntityID: rec.EntityID, UserID: q.RequestedBy, Severity: inbox.Today,
		Title: rec.Ref + " " + rec.Title, Detail: comment, Ref: ot.Ref{Kind: "record", ID: rec.ID}, Action: "look",
	})
}

// Withdraw takes a request back.
func (s *Service) Withdraw(ctx context.Context, tx *store.Tx, who auth.Principal, id string) (*Record, error) {
	rec, _, err := s.forWriting(ctx, tx, who, id, 0)
	if err != nil {
		return nil, err
	}
	now := s.now()
	n, err := tx.Exec(ctx, "UPDATE record_request SET state = 'withdrawn', closed_at = ? WHERE record_id = ? AND state = 'waiting'", store.At(now), rec.ID)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ot.Errorf(ot.Conflict, "%s waits for no approval", rec.Ref)
	}
	old := *rec
	rec.Approval = NoApproval
	rec.Version, rec.UpdatedAt, rec.UpdatedBy = old.Version+1, store.At(now), actorOf(who)
	if err := s.write(ctx, tx, &old, rec, "withdraw", ""); err != nil {
		return nil, err
	}
	if err := inbox.Done(ctx, tx, now, actorOf(who), "withdrawn", approvalKey(rec.ID)); err != nil {
		return nil, err
	}
	return rec, s.tell(ctx, tx, who, rec, "record.withdraw", nil)
}
