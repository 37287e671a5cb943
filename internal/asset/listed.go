package asset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/store"
)

// listPart matches lines with assets, by MAC, then IP, then the name of another
// expected asset, and writes them; tx nil: only says what it would do.
func (s *Service) listPart(ctx context.Context, r store.Reader, tx *store.Tx, siteNo int64, who Person, part []expected) ([]ListLine, error) {
	var out []ListLine
	pl, err := loadPlaces(ctx, r, siteNo)
	if err != nil {
		return nil, err
	}
	for i := range part {
		e := &part[i]
		l := ListLine{Line: e.line, Name: e.words["name"], Sets: []string{}, Keeps: []string{}, Differs: []Difference{}}
		if l.Name == "" {
			l.Name = strings.TrimSpace(e.ip + " " + e.mac)
		}
		m, err := s.matchLine(ctx, r, siteNo, e)
		if err != nil {
			return nil, err
		}
		if m.problem != "" {
			l.Result, l.Why = "problem", m.problem
			out = append(out, l)
			continue
		}
		l.Result = "new"
		if m.asset != nil {
			l.Result, l.ID, l.Is, l.Why = "known", m.asset.ID, m.asset.label(), m.by
		}
		var p Patch
		p, l.Sets, l.Keeps = e.says(m.asset, pl)
		if tx != nil {
			if l.ID, err = s.writeLine(ctx, tx, siteNo, who, m.asset, e, p); err != nil {
				return nil, err
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// matched is the asset that a line means, if there is one, and by what it was recognised.
type matched struct {
	asset   *assetRow
	by      string
	problem string
}

func (s *Service) matchLine(ctx context.Context, r store.Reader, siteNo int64, e *expected) (m matched, err error) {
	if m.problem = e.problem; m.problem != "" {
		return m, nil
	}
	take := func(by, query string, args ...any) error {
		rows, err := store.All[assetRow](ctx, r, "SELECT "+assetColumns+" FROM asset_asset WHERE site_no = ? AND "+query, append([]any{siteNo}, args...)...)
		switch {
		case err != nil || len(rows) == 0:
		case m.asset == nil && len(rows) == 1:
			m.asset, m.by = &rows[0], by
		case m.asset == nil || !slices.ContainsFunc(rows, func(a assetRow) bool { return a.ID == m.asset.ID }):
			other := rows[0].label()
			if m.asset == nil {
				m.asset = &rows[1]
			}
			m.problem = fmt.Sprintf("two assets have its addresses, %s and %s: correct the line, or merge the two first", m.asset.label(), other)
		}
		return err
	}
	const bound = "asset_id IN (SELECT asset_id FROM asset_binding WHERE site_no = ? AND realm_no = ? AND kind = ? AND address = ? AND to_at IS NULL) ORDER BY asset_id LIMIT 20"
	if e.mac != "" {
		if err := take("mac", bound, siteNo, e.realm, "mac", e.mac); err != nil {
			return m, err
		}
	}
	if e.ip != "" && m.problem == "" {
		if err := take("ip", bound, siteNo, e.realm, "ip", e.ip); err != nil {
			return m, err
		}
	}
	if name := e.words["name"]; name != "" && e.mac == "" && e.ip == "" {
		rows, err := store.All[assetRow](ctx, r, "SELECT "+assetColumns+" FROM asset_asset WHERE site_no = ? AND name = ? ORDER BY asset_id LIMIT 2", siteNo, name)
		if err != nil {
			return m, err
		}
		switch len(rows) {
		case 1:
			m.asset, m.by = &rows[0], "name"
		case 2:
			m.problem = fmt.Sprintf("several assets are called %s: give its IP or MAC address", name)
		}
	}
	return m, nil
}

// says is what a line decides of an asset, nil for a new one: what is measured
// stands above a list's vendor, model and codes.
func (e *expected) says(a *assetRow, pl *places) (p Patch, sets, keeps []string) {
	sets, keeps = []string{}, []string{}
	p.Reason = "asset list"
	for field, to := range map[string]**string{
		"name": &p.Name, "vendor": &p.Vendor, "model": &p.Model, "order_code": &p.OrderCode, "serial": &p.Serial, "firmware": &p.Firmware,
		"role": &p.Role, "level": &p.Level, "zone": &p.Zone,
	} {
		v, before := e.words[field], ""
		if v == "" {
			continue
		}
		if a != nil {
			before = *emptyIfNil(a.column(field))
		}
		if before != "" && field != "name" && field != "zone" && field != "role" {
			if before != v {
				keeps = append(keeps, field)
			}
			continue
		}
		*to = new(v)
		if field == "zone" && a != nil && zoneByID(pl, v) == a.ZoneNo {
			continue
		}
		if before != v {
			sets = append(sets, field)
		}
	}
	if e.owner != "" {
		p.Owner = new(e.owner)
		if a == nil || a.Owner != e.owner {
			sets = append(sets, "owner")
		}
	}
	if e.criticality != 0 {
		p.Criticality = new(e.criticality)
		if a == nil || a.Criticality != e.criticality {
			sets = append(sets, "criticality")
		}
	}
	if a != nil && a.State == StateNew {
		p.State = new(StateAccepted)
		sets = append(sets, "state")
	}
	slices.Sort(sets)
	slices.Sort(keeps)
	return p, sets, keeps
}

func (s *Service) writeLine(ctx context.Context, tx *store.Tx, siteNo int64, who Person, known *assetRow, e *expected, p Patch) (string, error) {
	now := store.At(s.now())
	var a assetRow
	if known == nil {
		a = assetRow{ID: store.NewID(), SiteNo: siteNo, State: StateAccepted, DecidedAt: now, Role: "unknown", RoleReason: "never heard", LevelReason: "its role is not known", CreatedAt: now, Managed: true}
		a.IPs.V, a.MACs.V = []string{}, []string{}
		if err := store.Upsert(ctx, tx, "asset_change", []changeRow{{ID: store.NewID(), AssetID: a.ID, SiteNo: siteNo, At: now, Kind: "appeared", After: e.words["name"], DecidedBy: who.Name, Reason: "stands in an asset list"}}, nil, nil); err != nil {
			return "", err
		}
	} else {
		a = *known
	}
	a.Expected = true
	var bound []bindingRow
	for _, b := range [][2]string{{"mac", e.mac}, {"ip", e.ip}} {
		if b[1] == "" || (slices.Contains(a.IPs.V, b[1]) || slices.Contains(a.MACs.V, b[1])) {
			continue
		}
		bound = append(bound, bindingRow{SiteNo: siteNo, RealmNo: e.realm, Kind: b[0], Address: b[1], AssetID: a.ID, Person: true})
		if b[0] == "ip" {
			a.IPs.V = append(a.IPs.V, b[1])
		} else {
			a.MACs.V = append(a.MACs.V, b[1])
		}
	}
	if err := store.Upsert(ctx, tx, "asset_binding", bound, []string{"site_no", "realm_no", "kind", "address", "asset_id", "from_at"}, []string{"to_at"}); err != nil {
		return "", err
	}
	return a.ID, s.decide(ctx, tx, who, &a, p)
}

func emptyIfNil(s *string) *string {
	if s == nil {
		return new("")
	}
	return s
}
