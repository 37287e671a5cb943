package asset

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// AssetDetail is one asset with everything that we know and how we know it.
type AssetDetail struct {
	Asset
	RoleReason        string                 `json:"role_reason"`
	LevelReason       string                 `json:"level_reason"`
	CriticalityHint   *int64                 `json:"criticality_hint" doc:"What we suggest; null: nothing"`
	CriticalityReason string                 `json:"criticality_reason"`
	Fields            map[string]FieldDetail `json:"fields" nullable:"false"`
	Bindings          []BindingDetail        `json:"bindings" nullable:"false"`
	Facts             []FactDetail           `json:"facts" nullable:"false"`
	ModuleList        []ModuleDetail         `json:"modules" nullable:"false"`
	Clashes           []ClashDetail          `json:"clashes" nullable:"false"`
	Traffic           []UseDetail            `json:"traffic" nullable:"false"`
	Plans             []PlanDetail           `json:"plans" nullable:"false" doc:"What engineering projects say of it"`
	Version           int64                  `json:"version"`
}

// FieldDetail is one readable field: its value, who says so, and what speaks against it.
type FieldDetail struct {
	Value    string             `json:"value"`
	Source   string             `json:"source" enum:"measured,person,project,none"`
	Reason   string             `json:"reason"`
	By       string             `json:"by,omitempty"`
	At       store.Time         `json:"at" nullable:"true" doc:"When a person said so"`
	Trust    int                `json:"trust" doc:"1: the device's own identity record … 6: the maker of the network card; 0: a person, or unknown"`
	Facts    []string           `json:"facts" nullable:"false"`
	Conflict []ConflictDetail   `json:"conflict" nullable:"false"`
	Measured *MeasuredUnderWord `json:"measured,omitempty" doc:"What is measured under a person's word"`
}

// MeasuredUnderWord is the measurement that a person overruled.
type MeasuredUnderWord struct {
	Value string   `json:"value"`
	Facts []string `json:"facts" nullable:"false"`
}

// ConflictDetail is another value of equal trust.
type ConflictDetail struct {
	Value string   `json:"value"`
	Facts []string `json:"facts" nullable:"false"`
}

// BindingDetail is an address over time.
type BindingDetail struct {
	RealmID string     `json:"realm_id"`
	Realm   string     `json:"realm"`
	Kind    string     `json:"kind"`
	Address string     `json:"address"`
	From    store.Time `json:"from" nullable:"true" doc:"null: not heard yet"`
	To      store.Time `json:"to" nullable:"true" doc:"null: still"`
	Person  bool       `json:"person" doc:"Said by a person, not heard"`
}

// FactDetail is one statement with its proof.
type FactDetail struct {
	ID         string     `json:"id"`
	Attr       string     `json:"attr"`
	Value      string     `json:"value"`
	Protocol   string     `json:"protocol"`
	Module     string     `json:"module,omitempty"`
	IP         string     `json:"ip,omitempty"`
	MAC        string     `json:"mac,omitempty"`
	SaidBy     string     `json:"said_by,omitempty" doc:"Address of the speaker, where it is another host"`
	FirstAt    store.Time `json:"first_at"`
	LastAt     store.Time `json:"last_at"`
	Ref        FactRef    `json:"ref"`
	Proof      string     `json:"proof" doc:"Head of the proving frame, hexadecimal"`
	SourceName string     `json:"source_name"`
}

// FactRef leads back to a packet.
type FactRef struct {
	Source string     `json:"source"`
	Number int64      `json:"number"`
	Seen   store.Time `json:"seen"`
	Offset int64      `json:"offset"`
	Kind   string     `json:"source_kind" doc:"capture or sensor: number is a packet's; else another sensor's kind, and number is a line or record of it"`
}

// ModuleDetail is a part of the asset.
type ModuleDetail struct {
	Module    string `json:"module"`
	Name      string `json:"name"`
	Vendor    string `json:"vendor"`
	Model     string `json:"model"`
	OrderCode string `json:"order_code"`
	Firmware  string `json:"firmware"`
	Serial    string `json:"serial"`
}

// ClashDetail is an address that another device uses at the same time.
type ClashDetail struct {
	IP   string     `json:"ip"`
	With string     `json:"with" doc:"MAC address of the other device"`
	At   store.Time `json:"at"`
}

// UseDetail is one side of one protocol, from which the role is read.
type UseDetail struct {
	Protocol string   `json:"protocol"`
	Side     string   `json:"side" enum:"serves,asks"`
	Ports    []uint16 `json:"ports" nullable:"false"`
	Peers    []string `json:"peers" nullable:"false"`
	More     bool     `json:"more"`
	Classes  []string `json:"classes" nullable:"false"`
}

// SourceNames says what people call the sources of packets; package network knows.
type SourceNames interface {
	SourceNames(ctx context.Context, r store.Reader, ids []string) (map[string]SourceName, error)
}

// SourceName is what people call a source, and what it is.
type SourceName = ot.SourceName

// Detail returns one asset with its facts, addresses, modules and ETag, now or at an earlier moment.
func (s *Service) Detail(ctx context.Context, scope Scope, id string, at time.Time) (d AssetDetail, etag string, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		a, err := find(ctx, r, scope, id)
		if err != nil {
			return err
		}
		etag = a.etag()
		rows, err := store.All[listRow](ctx, r, "SELECT "+listColumns()+listFrom+" WHERE a.asset_id = ?", AsOf(at), a.ID)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ot.Errorf(ot.NotFound, "there was no asset %s then: it was first known on %s", id, a.CreatedAt.UTC().Format(time.DateOnly))
		}
		if err := addressesAt(ctx, r, rows, at); err != nil {
			return err
		}
		row := rows[0]
		a = row.assetRow
		d = AssetDetail{
			Asset: row.item(), RoleReason: a.RoleReason, LevelReason: a.LevelReason, CriticalityReason: a.CriticalityReason, Version: a.Version,
			Fields: map[string]FieldDetail{}, Bindings: []BindingDetail{}, Facts: []FactDetail{}, ModuleList: []ModuleDetail{}, Clashes: []ClashDetail{}, Traffic: []UseDetail{}, Plans: []PlanDetail{},
		}
		if a.CriticalityHint != 0 {
			d.CriticalityHint = &a.CriticalityHint
		}
		facts, err := store.All[factRow](ctx, r, "SELECT "+factColumns+" FROM asset_fact WHERE asset_id = ? AND first_at <= ? ORDER BY module, attr, first_at, fact_id LIMIT 2000", a.ID, latest(at))
		if err != nil {
			return err
		}
		if d.Plans, err = plans(ctx, r, a.ID); err != nil {
			return err
		}
		if err := s.knowledge(ctx, r, &d, &a, facts); err != nil {
			return err
		}
		return s.rest(ctx, r, &d, &a, facts, at)
	})
	return d, etag, err
}

// knowledge fills the readable fields: the same resolution as at ingest, with what people said on top.
func (s *Service) knowledge(ctx context.Context, r store.Reader, d *AssetDetail, a *assetRow, facts []factRow) error {
	list := make([]Fact, 0, len(facts))
	for i := range facts {
		list = append(list, facts[i].fact())
	}
	ptrs := make([]*Fact, 0, len(list))
	for i := range list {
		ptrs = append(ptrs, &list[i])
	}
	dev := Device{Facts: ptrs}
	own, parts := split(ptrs)
	dev.Fields = s.cat.attributes.resolve(own)
	for _, name := range sortedKeys(parts) {
		dev.Modules = append(dev.Modules, Module{Module: name, Fields: s.cat.attributes.resolve(parts[name])})
	}
	s.cat.fromModules(&dev)
	kinds, err := loadTypes(ctx, r, a.SiteNo)
	if err != nil {
		return err
	}
	kinds.name(&dev)
	over, err := store.All[overrideRow](ctx, r, "SELECT asset_id, field, value, decided_by, decided_at, reason FROM asset_override WHERE asset_id = ?", a.ID)
	if err != nil {
		return err
	}
	word := map[string]overrideRow{}
	for _, o := range over {
		word[o.Field] = o
	}
	for _, name := range [...]string{"name", "vendor", "model", "order_code", "firmware", "serial", "role", "level"} {
		f := FieldDetail{Value: *a.column(name), Source: "none", Facts: []string{}, Conflict: []ConflictDetail{}}
		m, measured := dev.Fields[name]
		switch name {
		case "role":
			f.Reason, measured = a.RoleReason, a.Role != "unknown"
		case "level":
			f.Reason, measured = a.LevelReason, a.Level != ""
		}
		if measured {
			f.Source, f.Trust = "measured", m.Trust
			f.Facts = append(f.Facts, m.Facts...)
			for _, c := range m.Conflict {
				f.Conflict = append(f.Conflict, ConflictDetail(c))
			}
		} else if name == "vendor" && f.Value != "" {
			f.Source, f.Trust, f.Reason = "measured", 6, "the maker of its network card ("+first(a.MACs.V)+")"
		}
		if p := d.planOf(name); p != "" && f.Value != "" && f.Value == p && (!measured || m.Value == "") && (f.Source == "none" || f.Trust == 6) {
			f.Source, f.Trust, f.Reason = "project", 0, d.Plans[0].Project
		}
		if o, ok := word[name]; ok {
			if measured && m.Value != "" {
				f.Measured = &MeasuredUnderWord{Value: m.Value, Facts: append([]string{}, m.Facts...)}
			}
			f.Source, f.Reason, f.By, f.At, f.Trust, f.Facts = "person", o.Reason, o.DecidedBy, o.DecidedAt, 0, []string{}
		}
		d.Fields[name] = f
	}
	if o, ok := word["zone"]; ok {
		d.Fields["zone"] = FieldDetail{Value: d.zoneName(), Source: "person", Reason: o.Reason, By: o.DecidedBy, At: o.DecidedAt, Facts: []string{}, Conflict: []ConflictDetail{}}
	} else if d.Zone != nil {
		d.Fields["zone"] = FieldDetail{Value: d.Zone.Name, Source: "measured", Reason: "its address lies in one of the zone's networks", Facts: []string{}, Conflict: []ConflictDetail{}}
	}
	return nil
}

func (d *AssetDetail) zoneName() string {
	if d.Zone == nil {
		return ""
	}
	return d.Zone.Name
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// rest fills addresses, facts with their sources' names, modules, clashes and traffic.
func (s *Service) rest(ctx context.Context, r store.Reader, d *AssetDetail, a *assetRow, facts []factRow, at time.Time) error {
	type bound struct {
		bindingRow
		RealmID string `db:"realm_id"`
		Realm   string `db:"realm"`
	}
	rows, err := store.All[bound](ctx, r, `SELECT b.site_no, b.realm_no, b.kind, b.address, b.asset_id, b.from_at, b.to_at, b.person, COALESCE(o.realm_id, '') AS realm_id, COALESCE(o.name, '') AS realm
		FROM asset_binding b LEFT JOIN org_realm o ON o.realm_no = b.realm_no WHERE b.asset_id = ? AND b.from_at <= ? ORDER BY b.kind DESC, b.from_at, b.address`, a.ID, latest(at))
	if err != nil {
		return err
	}
	for _, b := range rows {
		x := BindingDetail{RealmID: b.RealmID, Realm: b.Realm, Kind: b.Kind, Address: b.Address, To: b.ToAt, Person: b.Person}
		if b.FromAt != 0 {
			x.From = store.Micros(b.FromAt)
		}
		d.Bindings = append(d.Bindings, x)
	}
	var sources []string
	for _, f := range facts {
		if !slices.Contains(sources, f.SourceID) {
			sources = append(sources, f.SourceID)
		}
	}
	called := map[string]SourceName{}
	if s.sources != nil {
		if called, err = s.sources.SourceNames(ctx, r, sources); err != nil {
			return err
		}
	}
	for _, f := range facts {
		d.Facts = append(d.Facts, FactDetail{
			ID: f.ID, Attr: f.Attr, Value: f.Value, Protocol: f.Protocol, Module: f.Module, IP: f.IP, MAC: f.MAC, SaidBy: f.SaidBy,
			FirstAt: store.Micros(f.FirstAt), LastAt: store.Micros(f.LastAt), Ref: FactRef{Source: f.SourceID, Number: f.Packet, Seen: store.Micros(f.SeenAt), Offset: f.Offset, Kind: called[f.SourceID].Kind},
			Proof: hex.EncodeToString(f.Proof), SourceName: called[f.SourceID].Name,
		})
	}
	modules, err := store.All[moduleRow](ctx, r, "SELECT "+moduleColumns+" FROM asset_module WHERE asset_id = ? ORDER BY module", a.ID)
	if err != nil {
		return err
	}
	for _, m := range modules {
		d.ModuleList = append(d.ModuleList, ModuleDetail{m.Module, m.Name, m.Vendor, m.Model, m.OrderCode, m.Firmware, m.Serial})
	}
	hosts, err := store.All[hostRow](ctx, r, "SELECT "+hostColumns+" FROM asset_host WHERE asset_id = ? LIMIT 500", a.ID)
	if err != nil {
		return err
	}
	var t Traffic
	for i := range hosts {
		t.Add(hosts[i].Traffic.V)
	}
	d.uses("serves", t.Serves)
	d.uses("asks", t.Asks)
	return s.clashes(ctx, r, d, a, hosts)
}

func (d *AssetDetail) uses(side string, m map[string]*Use) {
	for _, p := range sortedNames(m) {
		u := m[p]
		x := UseDetail{Protocol: p, Side: side, Ports: append([]uint16{}, u.Ports...), Peers: append([]string{}, u.Peers...), More: u.More, Classes: []string{}}
		for i, name := range ot.ClassNames {
			if u.Classes&(1<<i) != 0 {
				x.Classes = append(x.Classes, name)
			}
		}
		d.Traffic = append(d.Traffic, x)
	}
}

// clashes finds who else had one of the asset's addresses while it had it.
func (s *Service) clashes(ctx context.Context, r store.Reader, d *AssetDetail, a *assetRow, hosts []hostRow) error {
	for i := range hosts {
		h := &hosts[i]
		if h.IP == "" || h.Behind {
			continue
		}
		others, err := store.All[hostRow](ctx, r, "SELECT "+hostColumns+" FROM asset_host WHERE site_no = ? AND realm_no = ? AND ip = ? AND asset_id <> ? AND asset_id <> '' AND first_at <= ? AND last_at >= ? LIMIT 20",
			h.SiteNo, h.RealmNo, h.IP, a.ID, h.LastAt, h.FirstAt)
		if err != nil {
			return err
		}
		for _, o := range others {
			d.Clashes = append(d.Clashes, ClashDetail{IP: h.IP, With: o.MAC, At: store.Micros(max(o.FirstAt, h.FirstAt))})
		}
	}
	return nil
}
