package record

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// Request is a question for approval and its answers.
type Request struct {
	ID          string     `json:"id"`
	Transition  string     `json:"transition"`
	Title       string     `json:"title"`
	Version     int64      `json:"version" doc:"Of the record that was asked about"`
	RequestedBy Name       `json:"requested_by"`
	RequestedAt store.Time `json:"requested_at"`
	Reason      string     `json:"reason"`
	Profile     string     `json:"profile" enum:"small,normal,group"`
	Needed      int64      `json:"needed"`
	State       string     `json:"state" enum:"waiting,approved,rejected,reopened,withdrawn"`
	SecondDue   store.Time `json:"second_due" nullable:"true"`
	SecondAt    store.Time `json:"second_at" nullable:"true"`
	Text        string     `json:"text" doc:"In words: Approved by one, second look due 2026-11-30" say:"true"`
	Votes       []Vote     `json:"votes" nullable:"false"`
}

// Vote is one answer.
type Vote struct {
	By       Name       `json:"by"`
	Outside  string     `json:"outside,omitempty" doc:"Who looked, without an account; by wrote it down"`
	Decision string     `json:"decision" enum:"approve,reject"`
	Comment  string     `json:"comment"`
	At       store.Time `json:"at"`
}

// mayNotDecide says beforehand what Decide would say; the database has the last word.
func (s *Service) mayNotDecide(who auth.Principal, t *Type, requests []Request, cannot string) string {
	switch {
	case cannot != "":
		return cannot
	case !who.Permissions.Has(t.Approve):
		return "it takes the permission " + string(t.Approve)
	case who.TokenID != "":
		return "a program approves nothing"
	}
	for _, q := range requests {
		if q.State == Approved && q.SecondDue.IsZero() {
			break
		}
		mine := q.RequestedBy.ID == actorOf(who)
		if mine && (q.State == Waiting || q.State == "reopened" || q.State == Approved && q.SecondAt.IsZero()) {
			return "you asked for this yourself, or changed it: four eyes means another person's"
		}
		if q.State == Waiting && slices.ContainsFunc(q.Votes, func(v Vote) bool { return v.By.ID == actorOf(who) }) {
			return "you have decided already"
		}
	}
	return ""
}

func (s *Service) fillRequests(ctx context.Context, r store.Reader, t *Type, id string, until time.Time, out *Detail) error {
	rows, err := store.All[request](ctx, r, "SELECT "+requestColumns+" FROM record_request WHERE record_id = ? AND requested_at <= ? ORDER BY requested_at DESC, request_id DESC LIMIT 100", id, store.At(until))
	if err != nil {
		return err
	}
	type vote struct {
		RequestID string     `db:"request_id"`
		By        string     `db:"by_id"`
		Outside   string     `db:"outside"`
		Decision  string     `db:"decision"`
		Comment   string     `db:"comment"`
		At        store.Time `db:"at"`
	}
	votes, err := store.All[vote](ctx, r, "SELECT request_id, by_id, outside, decision, comment, at FROM record_approval WHERE record_id = ? AND at <= ? ORDER BY at, approval_id", id, store.At(until))
	if err != nil {
		return err
	}
	ids := []string{}
	for _, q := range rows {
		ids = append(ids, q.RequestedBy)
	}
	for _, v := range votes {
		ids = append(ids, v.By)
	}
	names, err := peopleNames(ctx, r, ids)
	if err != nil {
		return err
	}
	out.Requests = []Request{}
	for _, q := range rows {
		x, _ := t.Transition(q.Transition)
		show := Request{
			ID: q.ID, Transition: q.Transition, Title: x.Title, Version: q.Version, RequestedBy: names(q.RequestedBy), RequestedAt: q.RequestedAt, Reason: q.Reason,
			Profile: q.Profile, Needed: q.Needed, State: q.State, SecondDue: q.SecondDue, SecondAt: q.SecondAt, Votes: []Vote{},
		}
		for _, v := range votes {
			if v.RequestID == q.ID {
				show.Votes = append(show.Votes, Vote{names(v.By), v.Outside, v.Decision, v.Comment, v.At})
			}
		}
		show.Text = show.words()
		out.Requests = append(out.Requests, show)
	}
	return nil
}

// words say how the request stands.
func (q Request) words() string {
	switch {
	case q.State == Approved && !q.SecondDue.IsZero() && q.SecondAt.IsZero():
		return "Approved by one, second look due " + q.SecondDue.Format(time.DateOnly)
	case q.State == Approved && !q.SecondDue.IsZero():
		return "Approved by one, looked at by a second"
	case q.State == Approved:
		return "Approved"
	case q.State == Rejected:
		return "Refused"
	case q.State == "reopened":
		return "It changed: asked anew"
	case q.State == "withdrawn":
		return "Withdrawn"
	case q.Needed > 1:
		return "Waits for two people, one of whom answers for the whole company"
	}
	return "Waits for another person"
}
