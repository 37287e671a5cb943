package record

import (
	"context"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

type requestKey struct{}

// InRequest is for another part whose route changes records: the request's audit entry
// names the record, and no second one is written.
func InRequest(ctx context.Context) context.Context { return ownRequest(ctx) }

// ownRequest marks a context whose request is about one record: its audit entry is
// then filled in, instead of a second one written.
func ownRequest(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, true)
}

// tell audits and publishes a change in its transaction.
func (s *Service) tell(ctx context.Context, tx *store.Tx, who auth.Principal, rec *Record, action string, detail map[string]string) error {
	siteID := ""
	if rec.SiteNo != 0 {
		var err error
		if siteID, err = store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", rec.SiteNo); err != nil {
			return err
		}
	}
	if detail == nil {
		detail = map[string]string{}
	}
	detail["ref"], detail["hash"] = rec.Ref, rec.Hash
	ref := ot.Ref{Kind: "record", ID: rec.ID}
	if mine, _ := ctx.Value(requestKey{}).(bool); mine {
		rest.Target(ctx, siteID, ref)
		for k, v := range detail {
			rest.Detail(ctx, k, v)
		}
	} else if err := audit.Append(ctx, tx, audit.Entry{Actor: actorOf(who), Action: action, Site: siteID, Target: ref, Detail: detail}); err != nil {
		return err
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicRecord, SiteNo: rec.SiteNo, Refs: []ot.Ref{ref, {Kind: "record-type", ID: rec.Type}}})
}

func actorOf(who auth.Principal) string {
	if who.UserID == "" {
		return "system"
	}
	return who.UserID
}
