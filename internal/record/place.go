package record

import (
	"context"
	"slices"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// ownKinds are the things that this package can name by itself: the tables of the
// packages below it, and its own.
func ownKinds() map[string]Lookup {
	type named struct {
		ID     string `db:"id"`
		Label  string `db:"label"`
		State  string `db:"state"`
		SiteNo int64  `db:"site_no"`
		ZoneNo int64  `db:"zone_no"`
	}
	ask := func(text string, where func(scope auth.Scope) ot.SQL) Lookup {
		return func(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) (map[string]Thing, error) {
			rows, err := store.All[named](ctx, r, text, ids, where(scope))
			if err != nil {
				return nil, err
			}
			out := make(map[string]Thing, len(rows))
			for _, x := range rows {
				out[x.ID] = Thing{Label: x.Label, State: x.State, SiteNo: x.SiteNo, ZoneNo: x.ZoneNo}
			}
			return out, nil
		}
	}
	everybody := func(auth.Scope) ot.SQL { return ot.SQL{Text: "1 = 1"} }
	return map[string]Lookup{
		"record": ask("SELECT record_id AS id, ref || ' ' || title AS label, state, site_no, zone_no FROM record_record WHERE record_id IN (?) AND ?",
			func(scope auth.Scope) ot.SQL { return Visible(scope, "") }),
		"zone": ask("SELECT zone_id AS id, name AS label, '' AS state, site_no, zone_no FROM org_zone WHERE zone_id IN (?) AND ?",
			func(scope auth.Scope) ot.SQL { return scope.Where("site_no", "zone_no") }),
		"site": ask("SELECT site_id AS id, name AS label, '' AS state, site_no, CAST(0 AS BIGINT) AS zone_no FROM org_site WHERE site_id IN (?) AND ?",
			func(scope auth.Scope) ot.SQL { return scope.Where("site_no", "") }),
		"person": ask("SELECT user_id AS id, name AS label, CASE WHEN disabled THEN 'disabled' ELSE '' END AS state, CAST(0 AS BIGINT) AS site_no, CAST(0 AS BIGINT) AS zone_no FROM auth_user WHERE user_id IN (?) AND ?", everybody),
	}
}

// thing finds one thing in scope.
func (s *Service) thing(ctx context.Context, r store.Reader, scope auth.Scope, kind, id string) (Thing, bool, error) {
	l := s.kinds[kind]
	if l == nil || id == "" {
		return Thing{}, false, nil
	}
	found, err := l(ctx, r, scope, []string{id})
	x, ok := found[id]
	return x, ok, err
}

// place is where a record stands.
type place struct {
	EntityID string
	SiteNo   int64
	ZoneNo   int64
	AssetID  string
}

// placeOf finds where a new record shall stand, in scope of the person. The narrowest
// that is named counts; what is around it follows.
func (s *Service) placeOf(ctx context.Context, r store.Reader, scope auth.Scope, t *Type, entityID, siteID, zoneID, assetID string) (p place, err error) {
	if assetID != "" {
		x, ok, err := s.thing(ctx, r, scope, "asset", assetID)
		if err != nil || !ok {
			return p, orMissing(err, "asset")
		}
		p = place{SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, AssetID: assetID}
	}
	if zoneID != "" {
		x, ok, err := s.thing(ctx, r, scope, "zone", zoneID)
		if err != nil || !ok {
			return p, orMissing(err, "zone")
		}
		if p.SiteNo != 0 && p.SiteNo != x.SiteNo {
			return p, ot.Errorf(ot.Invalid, "the asset stands on another site than the zone")
		}
		p.SiteNo, p.ZoneNo = x.SiteNo, x.ZoneNo
	}
	if siteID != "" {
		x, ok, err := s.thing(ctx, r, scope, "site", siteID)
		if err != nil || !ok && p.SiteNo == 0 {
			return p, orMissing(err, "site")
		}
		if p.SiteNo != 0 && p.SiteNo != x.SiteNo {
			return p, ot.Errorf(ot.Invalid, "the zone or asset is not on that site")
		}
		p.SiteNo = x.SiteNo
	}
	standing := "entity"
	switch {
	case p.AssetID != "":
		standing = "asset"
	case p.ZoneNo != 0:
		standing = "zone"
	case p.SiteNo != 0:
		standing = "site"
	}
	if !t.Standing(standing) && !(standing == "asset" && t.Standing("site")) {
		return p, ot.Errorf(ot.Invalid, "a record of type %s stands at: %s; name one", t.ID, join(t.Scope))
	}
	if p.SiteNo != 0 {
		p.EntityID, err = store.One[string](ctx, r, "SELECT entity_id FROM org_site WHERE site_no = ?", p.SiteNo)
		return p, err
	}
	all, err := store.All[string](ctx, r, "SELECT entity_id FROM org_entity")
	if err != nil {
		return p, err
	}
	mine := slices.DeleteFunc(all, func(id string) bool { return entityID != "" && id != entityID || !scope.Entity(id) })
	switch len(mine) {
	case 1:
		p.EntityID = mine[0]
		return p, nil
	case 0:
		return p, ot.Errorf(ot.NotFound, "there is no such company that you answer for: name a site")
	}
	return p, ot.Errorf(ot.Invalid, "there are %d companies: name the site, or the company by entity", len(mine))
}

func orMissing(err error, what string) error {
	if err != nil {
		return err
	}
	return ot.Errorf(ot.NotFound, "there is no such %s", what)
}

func join(list []string) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += ", "
		}
		out += s
	}
	return out
}

// checkRefs wants the people, assets and zones that fields newly name to exist, in scope.
func (s *Service) checkRefs(ctx context.Context, r store.Reader, scope auth.Scope, t *Type, old, data map[string]any) error {
	for _, f := range t.Fields {
		if f.Kind != Person && f.Kind != Asset && f.Kind != Zone {
			continue
		}
		id, _ := data[f.ID].(string)
		if id == "" || old[f.ID] == any(id) {
			continue
		}
		_, ok, err := s.thing(ctx, r, scope, string(f.Kind), id)
		if err != nil {
			return err
		}
		if !ok {
			return ot.Errorf(ot.Invalid, "%s: there is no such %s", f.Title, f.Kind)
		}
	}
	return nil
}

// checkOwner wants an account that can still sign in.
func (s *Service) checkOwner(ctx context.Context, r store.Reader, id string) error {
	if id == "" || id == "system" {
		return nil
	}
	x, ok, err := s.thing(ctx, r, auth.Scope{All: true}, "person", id)
	if err != nil {
		return err
	}
	if !ok || x.State == "disabled" {
		return ot.Errorf(ot.Invalid, "the owner is no account that can sign in: choose somebody from the list")
	}
	return nil
}
