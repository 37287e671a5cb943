package asset

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// The decisions about a new device.
const (
	decideAccept  = "accept"
	decideVisitor = "visitor"
	decideAsk     = "ask"
	decideBlock   = "block"
)

// Decision is what a person says of new devices, in one form.
type Decision struct {
	IDs      []string  `json:"ids" minItems:"1" maxItems:"500"`
	Decision string    `json:"decision" enum:"accept,visitor,ask,block" doc:"accept: it belongs here; visitor: until a day; ask: a colleague knows; block: it must not be here"`
	Until    time.Time `json:"until,omitzero" doc:"Of a visitor"`
	Person   string    `json:"person,omitempty" doc:"Id of who is asked"`
	Question string    `json:"question,omitempty" maxLength:"500"`
	Reason   string    `json:"reason,omitempty" maxLength:"500"`
}

// maxVisit is how long a visitor stays at most; who stays longer belongs there.
const maxVisit = 180 * 24 * time.Hour

// DecideNew carries out what a person said of new devices. An id that the scope
// does not let see refuses all of them.
func (s *Service) DecideNew(ctx context.Context, scope Scope, who Person, d Decision) (out Decided, err error) {
	now := s.now()
	d.Reason, d.Question = ot.Printable(d.Reason), ot.Printable(d.Question)
	state := StateAccepted
	switch d.Decision {
	case decideAccept:
	case decideVisitor:
		if !d.Until.After(now) || d.Until.After(now.Add(maxVisit)) {
			return out, ot.Errorf(ot.Invalid, "until: say until when the device may stay, half a year at most")
		}
	case decideAsk:
		if d.Person == "" || d.Question == "" {
			return out, ot.Errorf(ot.Invalid, "question: say whom you ask (person), and what")
		}
		return out, s.askColleague(ctx, scope, who, d)
	case decideBlock:
		if d.Reason == "" {
			return out, ot.Errorf(ot.Invalid, "reason: say why the device must not be here")
		}
		state = StateRejected
	default:
		return out, ot.Errorf(ot.Invalid, "decision: %q is none of accept, visitor, ask, block", ot.Printable(d.Decision))
	}
	if len(d.IDs) == 0 || len(d.IDs) > decidedPerTx {
		return out, ot.Errorf(ot.Invalid, "ids: name 1 to %d devices", decidedPerTx)
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		ids, err := present(ctx, tx, scope, d.IDs)
		if err != nil {
			return err
		}
		if err := auditSites(ctx, tx, ids); err != nil {
			return err
		}
		rest.Detail(ctx, "assets", strconv.Itoa(len(ids)))
		rest.Detail(ctx, "decision", d.Decision)
		reasonDetail(ctx, d.Reason)
		reason := d.Reason
		if d.Decision == decideVisitor {
			reason = strings.TrimSpace("Visitor until " + d.Until.UTC().Format(time.DateOnly) + ". " + reason)
		}
		n, err := s.decidePart(ctx, tx, scope, who, ids, state, reason)
		if err != nil {
			return err
		}
		out = Decided{Changed: n, Unchanged: len(ids) - n}
		if _, err := tx.Exec(ctx, "DELETE FROM asset_visitor WHERE asset_id IN (?)", ids); err != nil {
			return err
		}
		switch d.Decision {
		case decideVisitor:
			if err := s.welcome(ctx, tx, who, ids, d); err != nil {
				return err
			}
		case decideBlock:
			if err := s.block(ctx, tx, who, ids, d.Reason); err != nil {
				return err
			}
		}
		if d.Decision != decideBlock { // what belongs here is no longer unwanted
			if _, err := tx.Exec(ctx, "UPDATE asset_block SET lifted_at = ?, lifted_by = ? WHERE asset_id IN (?) AND lifted_at IS NULL", store.At(now), who.Name, ids); err != nil {
				return err
			}
		}
		keys := make([]string, 0, 2*len(ids))
		for _, id := range ids {
			keys = append(keys, "asset.question:"+id, "asset.blocked:"+id)
		}
		return inbox.Done(ctx, tx, now, who.ID, d.Decision, keys...)
	})
	return out, err
}

// auditSites says in the audit entry at which site it was, where it was one.
func auditSites(ctx context.Context, r store.Reader, ids []string) error {
	sites, err := store.All[string](ctx, r, "SELECT DISTINCT s.site_id FROM asset_asset a JOIN org_site s ON s.site_no = a.site_no WHERE a.asset_id IN (?)", ids)
	if err == nil && len(sites) == 1 {
		ref := ot.Ref{Kind: "site", ID: sites[0]}
		if len(ids) == 1 {
			ref = ot.Ref{Kind: "asset", ID: ids[0]}
		}
		rest.Target(ctx, sites[0], ref)
	}
	return err
}

type visitorRow struct {
	AssetID   string     `db:"asset_id"`
	SiteNo    int64      `db:"site_no"`
	UntilAt   store.Time `db:"until_at"`
	DecidedBy string     `db:"decided_by"`
	DecidedAt store.Time `db:"decided_at"`
	Reason    string     `db:"reason"`
}

func (s *Service) welcome(ctx context.Context, tx *store.Tx, who Person, ids []string, d Decision) error {
	type at struct {
		ID     string `db:"asset_id"`
		SiteNo int64  `db:"site_no"`
	}
	rows, err := store.All[at](ctx, tx, "SELECT asset_id, site_no FROM asset_asset WHERE asset_id IN (?)", ids)
	if err != nil {
		return err
	}
	visitors := make([]visitorRow, 0, len(rows))
	for _, a := range rows {
		visitors = append(visitors, visitorRow{a.ID, a.SiteNo, store.At(d.Until), who.Name, store.At(s.now()), d.Reason})
	}
	return store.Upsert(ctx, tx, "asset_visitor", visitors, []string{"asset_id"}, []string{"until_at", "decided_by", "decided_at", "reason"})
}

type blockRow struct {
	SiteNo    int64      `db:"site_no"`
	RealmNo   int64      `db:"realm_no"`
	Kind      string     `db:"kind"`
	Address   string     `db:"address"`
	AssetID   string     `db:"asset_id"`
	Reason    string     `db:"reason"`
	BlockedBy string     `db:"blocked_by"`
	BlockedAt store.Time `db:"blocked_at"`
	SeenAt    store.Time `db:"seen_at"`
	Times     int64      `db:"times"`
	LiftedAt  store.Time `db:"lifted_at"`
	LiftedBy  string     `db:"lifted_by"`
}

// block writes the devices' addresses on the list: cards where they are known,
// since an IP address may belong to another device tomorrow.
func (s *Service) block(ctx context.Context, tx *store.Tx, who Person, ids []string, reason string) error {
	bound, err := store.All[bindingRow](ctx, tx, "SELECT site_no, realm_no, kind, address, asset_id, from_at, to_at, person FROM asset_binding WHERE asset_id IN (?) AND to_at IS NULL ORDER BY asset_id, kind", ids)
	if err != nil {
		return err
	}
	carded := map[string]bool{}
	for _, b := range bound {
		carded[b.AssetID] = carded[b.AssetID] || b.Kind == "mac"
	}
	var rows []blockRow
	type key struct {
		realm         int64
		address, kind string
		asset         string
	}
	seen := map[key]bool{}
	for _, b := range bound {
		k := key{b.RealmNo, b.Address, b.Kind, b.AssetID}
		if carded[b.AssetID] && b.Kind != "mac" || seen[k] {
			continue
		}
		seen[k] = true
		rows = append(rows, blockRow{SiteNo: b.SiteNo, RealmNo: b.RealmNo, Kind: b.Kind, Address: b.Address, AssetID: b.AssetID, Reason: reason, BlockedBy: who.Name, BlockedAt: store.At(s.now())})
	}
	return store.Upsert(ctx, tx, "asset_block", rows, []string{"site_no", "realm_no", "kind", "address", "asset_id"}, []string{"reason", "blocked_by", "blocked_at", "seen_at", "times", "lifted_at", "lifted_by"})
}

// askColleague puts a question about devices of one site into a colleague's inbox. The
// decision stays with who asks.
func (s *Service) askColleague(ctx context.Context, scope Scope, who Person, d Decision) error {
	now := s.now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		ids, err := present(ctx, tx, scope, d.IDs)
		if err != nil {
			return err
		}
		rows, err := store.All[assetRow](ctx, tx, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id IN (?) ORDER BY asset_id", ids)
		if err != nil {
			return err
		}
		var names []string
		var changes []changeRow
		for i := range rows {
			a := &rows[i]
			if a.SiteNo != rows[0].SiteNo {
				return ot.Errorf(ot.Invalid, "ids: ask about the devices of one site at a time")
			}
			names = append(names, a.label())
			changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: a.SiteNo, At: store.At(now), Kind: "asked", DecidedBy: who.Name, Reason: d.Question})
		}
		to, err := inbox.CanBeAsked(ctx, tx, now, d.Person, rows[0].SiteNo)
		if err != nil {
			return err
		}
		if err := auditSites(ctx, tx, ids); err != nil {
			return err
		}
		rest.Detail(ctx, "to", to.Name)
		rest.Detail(ctx, "question", d.Question)
		text := strings.Join(names[:min(len(names), namedInItem)], ", ")
		if more := len(names) - namedInItem; more > 0 {
			text += " and " + strconv.Itoa(more) + " more"
		}
		if err := store.Upsert(ctx, tx, "asset_change", changes, nil, nil); err != nil {
			return err
		}
		return inbox.Put(ctx, tx, now, inbox.Item{
			Key: "asset.question:" + ids[0], Kind: "question", SiteNo: rows[0].SiteNo, UserID: to.UserID, Severity: inbox.Today, Action: inbox.ActionAnswer,
			Title: who.Name + " asks about " + text, Detail: d.Question, Ref: ot.Ref{Kind: "asset", ID: ids[0]}, Due: now.Add(24 * time.Hour),
		})
	})
}

// Unblock takes a device's addresses off the list; the device waits for a decision again.
func (s *Service) Unblock(ctx context.Context, scope Scope, who Person, id, reason string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		a, err := find(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := auditSites(ctx, tx, []string{a.ID}); err != nil {
			return err
		}
		reasonDetail(ctx, reason)
		n, err := tx.Exec(ctx, "UPDATE asset_block SET lifted_at = ?, lifted_by = ? WHERE asset_id = ? AND lifted_at IS NULL", store.At(s.now()), who.Name, a.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return ot.Errorf(ot.Conflict, "the device is not on the block list")
		}
		if _, err := s.decidePart(ctx, tx, scope, who, []string{a.ID}, StateNew, ot.Printable(reason)); err != nil {
			return err
		}
		return inbox.Done(ctx, tx, s.now(), who.ID, "unblocked", "asset.blocked:"+a.ID)
	})
}

// publishAsset tells the others that assets of a site changed.
func publishAsset(ctx context.Context, tx *store.Tx, siteNo int64, ids ...string) error {
	refs := make([]ot.Ref, len(ids))
	for i, id := range ids {
		refs[i] = ot.Ref{Kind: "asset", ID: id}
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: siteNo, Refs: refs})
}
