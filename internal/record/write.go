package record

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Draft is a record as somebody writes it down first. Ids are public ones.
type Draft struct {
	Type, Title               string
	Entity, Site, Zone, Asset string // the narrowest counts; all empty: the person's one company
	Owner                     string
	Data                      map[string]any
	ValidFrom, ValidUntil     time.Time
	DueAt                     time.Time
	Links                     []NewLink

	taken func(rec *Record) // what Adopt sets beside
}

// NewLink names the other end of a link.
type NewLink struct {
	Rel  string `json:"rel"`
	Kind string `json:"kind" doc:"record, asset, requirement, check, conversation, zone, site, event"`
	ID   string `json:"id"`
}

// Patch is a change of a record; nil leaves as it is. An empty text or zero time empties.
type Patch struct {
	Title, Zone, Asset, Owner    *string
	ValidFrom, ValidUntil, DueAt *time.Time
	Data                         map[string]any // fields that change
	Version                      int64          // that the person looked at; 0: whatever is there
}

// Create writes a record down, in the transaction of what makes it necessary.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who auth.Principal, n Draft) (*Record, error) {
	t, err := s.typeFor(who, n.Type, "write")
	if err != nil {
		return nil, err
	}
	now := s.now()
	at, err := s.placeOf(ctx, tx, who.Scope, t, n.Entity, n.Site, n.Zone, n.Asset)
	if err != nil {
		return nil, err
	}
	rec := &Record{
		ID: store.NewID(), Type: t.ID, EntityID: at.EntityID, SiteNo: at.SiteNo, ZoneNo: at.ZoneNo, AssetID: at.AssetID, OwnerID: n.Owner, State: t.Initial,
		DataVersion: int64(t.DataVersion), Version: 1, ValidFrom: store.At(n.ValidFrom), ValidUntil: store.At(n.ValidUntil), DueAt: store.At(n.DueAt),
		CreatedAt: store.At(now), CreatedBy: actorOf(who), UpdatedAt: store.At(now), UpdatedBy: actorOf(who), Approval: NoApproval,
	}
	if rec.Title, err = titleOf(n.Title); err != nil {
		return nil, err
	}
	if rec.Data.V, err = t.merge(nil, t.withDefaults(n.Data)); err != nil {
		return nil, err
	}
	if n.taken != nil {
		n.taken(rec)
	}
	if err := s.checked(ctx, tx, who, t, nil, rec); err != nil {
		return nil, err
	}
	if rec.Ref, err = nextRef(ctx, tx, t, now); err != nil {
		return nil, err
	}
	if t.ReviewMonths > 0 {
		if st, _ := t.State(t.Initial); st.Kind == "active" {
			rec.ReviewAt = store.At(AddMonths(now, t.ReviewMonths))
		}
	}
	if err := s.write(ctx, tx, nil, rec, "create", ""); err != nil {
		return nil, err
	}
	for _, l := range n.Links {
		if _, err := s.link(ctx, tx, who, t, rec, l); err != nil {
			return nil, err
		}
	}
	return rec, s.tell(ctx, tx, who, rec, "record.create", map[string]string{"type": t.ID, "title": rec.Title})
}

// Update changes a record in scope of the person.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who auth.Principal, id string, p Patch) (*Record, error) {
	rec, t, err := s.forWriting(ctx, tx, who, id, p.Version)
	if err != nil {
		return nil, err
	}
	changed, err := s.apply(ctx, tx, who, t, rec, p, "change", "")
	if err != nil || !changed {
		return rec, err
	}
	return rec, s.tell(ctx, tx, who, rec, "record.update", nil)
}

// forWriting loads a record that the person may change.
func (s *Service) forWriting(ctx context.Context, tx *store.Tx, who auth.Principal, id string, version int64) (*Record, *Type, error) {
	rec, t, err := s.load(ctx, tx, who.Scope, id)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.typeFor(who, t.ID, "write"); err != nil {
		return nil, nil, err
	}
	if err := mayWrite(ctx, tx, who.Scope, rec); err != nil {
		return nil, nil, err
	}
	if version != 0 && version != rec.Version {
		return nil, nil, ot.Errorf(ot.Conflict, "somebody else changed %s in the meantime (it is at version %d, not %d): load it again", rec.Ref, rec.Version, version)
	}
	return rec, t, nil
}

// apply writes a change of content. Changing what was approved, or waits for it, asks anew.
func (s *Service) apply(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, p Patch, action, reason string) (bool, error) {
	old := *rec
	old.Data.V = maps.Clone(rec.Data.V)
	if err := s.patch(ctx, tx, who, t, rec, p); err != nil {
		return false, err
	}
	touched := differs(t, &old, rec)
	if len(touched) == 0 {
		*rec = old
		return false, nil
	}
	bound := t.bound(touched)
	if st, _ := t.State(old.State); st.Final() && bound {
		return false, ot.Errorf(ot.Conflict, "%s is closed (%s): what it says cannot change any more", old.Ref, st.Title)
	}
	rec.Version, rec.UpdatedAt, rec.UpdatedBy = old.Version+1, store.At(s.now()), actorOf(who)
	rec.DataVersion = int64(t.DataVersion)
	if bound && old.Approval != NoApproval {
		if err := s.reopen(ctx, tx, who, t, rec); err != nil {
			return false, err
		}
	}
	if err := s.checked(ctx, tx, who, t, &old, rec); err != nil {
		return false, err
	}
	return true, s.write(ctx, tx, &old, rec, action, reason)
}

// patch puts a change into the record.
func (s *Service) patch(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, p Patch) (err error) {
	if p.Title != nil {
		if rec.Title, err = titleOf(*p.Title); err != nil {
			return err
		}
	}
	if p.Owner != nil {
		rec.OwnerID = *p.Owner
	}
	for _, d := range []struct {
		to *store.Time
		v  *time.Time
	}{{&rec.ValidFrom, p.ValidFrom}, {&rec.ValidUntil, p.ValidUntil}, {&rec.DueAt, p.DueAt}} {
		if d.v != nil {
			*d.to = store.At(*d.v)
		}
	}
	if err := s.move(ctx, tx, who, t, rec, p); err != nil {
		return err
	}
	rec.Data.V, err = t.merge(rec.Data.V, p.Data)
	return err
}

// move puts a record to another zone or asset of its site.
func (s *Service) move(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, p Patch) error {
	if p.Zone == nil && p.Asset == nil {
		return nil
	}
	if rec.SiteNo == 0 {
		return ot.Errorf(ot.Invalid, "%s is for the whole company: write a record of the site instead", rec.Ref)
	}
	siteID, err := store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", rec.SiteNo)
	if err != nil {
		return err
	}
	zoneID, assetID := "", rec.AssetID
	if rec.ZoneNo != 0 {
		if zoneID, err = store.One[string](ctx, tx, "SELECT zone_id FROM org_zone WHERE zone_no = ?", rec.ZoneNo); err != nil && ot.CodeOf(err) != ot.NotFound {
			return err
		}
	}
	if p.Asset != nil {
		assetID = *p.Asset
	}
	if p.Zone != nil {
		zoneID = *p.Zone
	}
	at, err := s.placeOf(ctx, tx, who.Scope, t, rec.EntityID, siteID, zoneID, assetID)
	if err != nil {
		return err
	}
	rec.ZoneNo, rec.AssetID = at.ZoneNo, at.AssetID
	return nil
}

// checked refuses a record that may not be stored as it is.
func (s *Service) checked(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, old, rec *Record) error {
	var before map[string]any
	if old != nil {
		before = old.Data.V
	}
	if err := s.checkRefs(ctx, tx, who.Scope, t, before, rec.Data.V); err != nil {
		return err
	}
	if old == nil || old.OwnerID != rec.OwnerID {
		if err := s.checkOwner(ctx, tx, rec.OwnerID); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		name string
		t    store.Time
	}{{"valid from", rec.ValidFrom}, {"valid until", rec.ValidUntil}, {"due", rec.DueAt}} {
		if !d.t.IsZero() && !plausible(d.t.Time) {
			return ot.Errorf(ot.Invalid, "%s %s: give a year from 1900 to 2199", d.name, d.t.Format(time.DateOnly))
		}
	}
	if !rec.ValidFrom.IsZero() && !rec.ValidUntil.IsZero() && !rec.ValidUntil.After(rec.ValidFrom.Time) {
		return ot.Errorf(ot.Invalid, "it ends (%s) before it begins (%s)", rec.ValidUntil.Format(time.RFC3339), rec.ValidFrom.Format(time.RFC3339))
	}
	if b := s.behaviours[t.ID]; b != nil {
		if err := b.Check(ctx, tx, rec); err != nil {
			return err
		}
	}
	return t.filled(rec.Data.V)
}

// differs names what changed between two states of a record: fields and heads.
func differs(t *Type, a, b *Record) []string {
	var out []string
	for _, f := range t.Fields {
		if !reflect.DeepEqual(a.Data.V[f.ID], b.Data.V[f.ID]) {
			out = append(out, f.ID)
		}
	}
	for _, h := range []struct {
		name string
		same bool
	}{
		{"title", a.Title == b.Title},
		{"zone", a.ZoneNo == b.ZoneNo},
		{"asset", a.AssetID == b.AssetID},
		{"owner", a.OwnerID == b.OwnerID},
		{"valid_from", micros(a.ValidFrom) == micros(b.ValidFrom)},
		{"valid_until", micros(a.ValidUntil) == micros(b.ValidUntil)},
		{"due_at", micros(a.DueAt) == micros(b.DueAt)},
	} {
		if !h.same {
			out = append(out, h.name)
		}
	}
	return out
}

// typeFor finds a type that the person may read, write or approve.
func (s *Service) typeFor(who auth.Principal, id, what string) (*Type, error) {
	t := s.types.Type(id)
	if t == nil || !who.Permissions.Has(t.Read) {
		return nil, ot.Errorf(ot.NotFound, "there is no record type %q", ot.Printable(id))
	}
	switch {
	case what == "write" && !who.Permissions.Has(t.Write):
		return nil, ot.Errorf(ot.Forbidden, "writing %s takes the permission %s, which you (%s) have not", strings.ToLower(t.Plural), t.Write, who.Role)
	case what == "approve" && !who.Permissions.Has(t.Approve):
		return nil, ot.Errorf(ot.Forbidden, "approving %s takes the permission %s, which you (%s) have not", strings.ToLower(t.Plural), t.Approve, who.Role)
	}
	return t, nil
}

// nextRef gives the next reference of a type and year; one that was given is never given again.
func nextRef(ctx context.Context, tx *store.Tx, t *Type, now time.Time) (string, error) {
	series := fmt.Sprintf("%s-%d", t.Prefix, now.Year())
	n, err := store.One[int64](ctx, tx, `INSERT INTO record_number (series, last) VALUES (?, 1)
		ON CONFLICT (series) DO UPDATE SET last = record_number.last + 1 RETURNING last`, series)
	return fmt.Sprintf("%s-%04d", series, n), err
}

// AddMonths counts calendar months; the 31st becomes the last day of a shorter month.
func AddMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
