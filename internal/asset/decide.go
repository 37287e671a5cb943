package asset

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Person is who decides.
type Person struct{ ID, Name string }

// Patch is what a person sets; nil leaves a field as it is. An empty text
// withdraws the person's word on a measured field.
type Patch struct {
	Name         *string `json:"name,omitempty" maxLength:"120"`
	Vendor       *string `json:"vendor,omitempty" maxLength:"120"`
	Model        *string `json:"model,omitempty" maxLength:"120"`
	OrderCode    *string `json:"order_code,omitempty" maxLength:"120"`
	Firmware     *string `json:"firmware,omitempty" maxLength:"120"`
	Serial       *string `json:"serial,omitempty" maxLength:"120"`
	Role         *string `json:"role,omitempty"`
	Level        *string `json:"level,omitempty"`
	Zone         *string `json:"zone,omitempty" doc:"Id of a zone of the asset's site"`
	Managed      *bool   `json:"managed,omitempty" doc:"Is it ours to look after"`
	Criticality  *int64  `json:"criticality,omitempty" minimum:"0" maximum:"4"`
	Owner        *string `json:"owner,omitempty" maxLength:"120"`
	State        *string `json:"state,omitempty" enum:"new,accepted,rejected,retired"`
	EndOfSale    *string `json:"end_of_sale,omitempty" doc:"A date, 2027-12-31, or empty"`
	EndOfSupport *string `json:"end_of_support,omitempty" doc:"A date, 2027-12-31, or empty"`
	Spare        *string `json:"spare,omitempty" enum:",held,none"`
	Reason       string  `json:"reason,omitempty" maxLength:"500"`
}

// words are the measured fields on which a person may have the last word.
func (p *Patch) words() map[string]*string {
	m := map[string]*string{
		"name": p.Name, "vendor": p.Vendor, "model": p.Model, "order_code": p.OrderCode, "firmware": p.Firmware, "serial": p.Serial,
		"role": p.Role, "level": p.Level, "zone": p.Zone,
	}
	if p.Managed != nil {
		m["managed"] = new(strconv.FormatBool(*p.Managed))
	}
	return m
}

func (p *Patch) check(pl *places) error {
	if p.Role != nil && *p.Role != "" && !slices.Contains(Roles(), *p.Role) {
		return ot.Errorf(ot.Invalid, "role: there is no role %q; one of %v", ot.Printable(*p.Role), Roles())
	}
	if p.Level != nil && *p.Level != "" && !slices.Contains(Levels(), *p.Level) {
		return ot.Errorf(ot.Invalid, "level: there is no level %q; one of %v", ot.Printable(*p.Level), Levels())
	}
	if p.Zone != nil && *p.Zone != "" && zoneByID(pl, *p.Zone) == 0 {
		return ot.Errorf(ot.Invalid, "zone: the asset's site has no such zone")
	}
	if p.State != nil && !slices.Contains([]string{StateNew, StateAccepted, StateRejected, StateRetired}, *p.State) {
		return ot.Errorf(ot.Invalid, "state: there is no state %q; one of new, accepted, rejected, retired", ot.Printable(*p.State))
	}
	if p.Criticality != nil && (*p.Criticality < 0 || *p.Criticality > 4) {
		return ot.Errorf(ot.Invalid, "criticality: give 1 (little) to 4 (people or the plant), or 0 for not set")
	}
	return nil
}

// Get returns one asset.
func (s *Service) Get(ctx context.Context, scope Scope, id string) (a assetRow, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		a, err = find(ctx, r, scope, id)
		return err
	})
	return a, err
}

// Update applies what a person decided. match is the If-Match header of the
// version that the person saw.
func (s *Service) Update(ctx context.Context, scope Scope, who Person, id string, p Patch, match string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		a, err := find(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := rest.IfMatch(match, a.etag()); err != nil {
			return err
		}
		siteID, err := store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", a.SiteNo)
		if err != nil {
			return err
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "asset", ID: a.ID})
		return s.decide(ctx, tx, who, &a, p)
	})
}

func (a *assetRow) etag() string { return rest.ETag(a.ID, strconv.FormatInt(a.Version, 10)) }

// decide writes a person's word on one asset and lays it over what is measured.
func (s *Service) decide(ctx context.Context, tx *store.Tx, who Person, a *assetRow, p Patch) error {
	pl, err := loadPlaces(ctx, tx, a.SiteNo)
	if err != nil {
		return err
	}
	if err := p.check(pl); err != nil {
		return err
	}
	now := store.At(s.now())
	var changes []changeRow
	note := func(kind, field, before, after string) {
		if before != after {
			changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: a.SiteNo, At: now, Kind: kind, Field: field, Before: before, After: after, DecidedBy: who.Name, Reason: p.Reason})
		}
	}
	if err := p.direct(a, now, note); err != nil {
		return err
	}
	over, err := store.All[overrideRow](ctx, tx, "SELECT asset_id, field, value, decided_by, decided_at, reason FROM asset_override WHERE asset_id = ?", a.ID)
	if err != nil {
		return err
	}
	set := map[string]overrideRow{}
	for _, o := range over {
		set[o.Field] = o
	}
	words := p.words()
	for _, field := range sortedKeys(words) {
		v := words[field]
		if v == nil {
			continue
		}
		value := ot.Printable(*v)
		if value == "" {
			if _, err := tx.Exec(ctx, "DELETE FROM asset_override WHERE asset_id = ? AND field = ?", a.ID, field); err != nil {
				return err
			}
			note("decided", field, set[field].Value, "")
			delete(set, field)
			continue
		}
		note("decided", field, set[field].Value, value)
		o := overrideRow{AssetID: a.ID, Field: field, Value: value, DecidedBy: who.Name, DecidedAt: now, Reason: p.Reason}
		set[field] = o
		if err := store.Upsert(ctx, tx, "asset_override", []overrideRow{o}, []string{"asset_id", "field"}, []string{"value", "decided_by", "decided_at", "reason"}); err != nil {
			return err
		}
	}
	if !a.Seen {
		var d Device
		s.cat.heed(&d, set)
		if d.Role != "" {
			a.Role, a.RoleReason, a.Level, a.LevelReason = d.Role, d.RoleReason, d.Level, d.LevelWhy
			a.CriticalityHint, a.CriticalityReason = int64(d.Criticality), d.CriticalityWhy
		}
		overlay(a, nil, set, pl)
	}
	a.Version++
	if err := store.Upsert(ctx, tx, "asset_asset", []assetRow{*a}, []string{"asset_id"}, assetSet()); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "asset_change", changes, nil, nil); err != nil {
		return err
	}
	if p.State != nil || p.Managed != nil {
		if err := s.askAgain(ctx, tx, who, a.State, a.SiteNo); err != nil {
			return err
		}
	}
	if a.Seen {
		if err := s.again(ctx, tx, a.SiteNo, because{}, a.ID); err != nil {
			return err
		}
	}
	events := []bus.Event{{Topic: ot.TopicAsset, SiteNo: a.SiteNo, Refs: []ot.Ref{{Kind: "asset", ID: a.ID}}}}
	if p.Zone != nil { // conversations follow
		events = append(events, bus.Event{Topic: ot.TopicOrg, SiteNo: a.SiteNo, Refs: []ot.Ref{{Kind: "asset", ID: a.ID}}})
	}
	return bus.Publish(ctx, tx, events...)
}

// direct sets the fields that nobody measures.
func (p *Patch) direct(a *assetRow, now store.Time, note func(kind, field, before, after string)) error {
	if p.Owner != nil {
		owner := ot.Printable(*p.Owner)
		note("decided", "owner", a.Owner, owner)
		a.Owner = owner
	}
	if p.Criticality != nil {
		note("decided", "criticality", strconv.FormatInt(a.Criticality, 10), strconv.FormatInt(*p.Criticality, 10))
		a.Criticality, a.CriticalityAt = *p.Criticality, now // saying the same again confirms it
		if *p.Criticality == 0 {
			a.CriticalityAt = store.Time{}
		}
	}
	if p.State != nil && *p.State != a.State {
		note("state", "state", a.State, *p.State)
		a.State, a.DecidedAt = *p.State, now
	}
	if p.Spare != nil {
		note("decided", "spare", a.Spare, *p.Spare)
		a.Spare = *p.Spare
	}
	for _, d := range []struct {
		field string
		text  *string
		at    *store.Time
	}{{"end_of_sale", p.EndOfSale, &a.EndOfSale}, {"end_of_support", p.EndOfSupport, &a.EndOfSupport}} {
		if d.text == nil {
			continue
		}
		t, err := date(*d.text)
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s: %w", d.field, err)
		}
		note("decided", d.field, dateText(*d.at), dateText(t))
		*d.at = t
	}
	return nil
}

func date(s string) (store.Time, error) {
	if s == "" {
		return store.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			return store.Time{}, ot.Errorf(ot.Invalid, "%q is not a date: write it as 2027-12-31", ot.Printable(s))
		}
	}
	return store.At(t), nil
}

func dateText(t store.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// again looks anew at the hosts of assets, for instance because a person said something.
func (s *Service) again(ctx context.Context, tx *store.Tx, siteNo int64, why because, ids ...string) error {
	hosts, err := store.All[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE asset_id IN (?) LIMIT 2000", ids)
	if err != nil || len(hosts) == 0 {
		return err
	}
	seeds := make([]ot.Host, 0, len(hosts))
	for i := range hosts {
		seeds = append(seeds, hosts[i].key())
	}
	_, _, err = s.reidentify(ctx, tx, sensor.Delivery{SiteNo: siteNo, Received: s.now()}, seeds, nil, why)
	return err
}
