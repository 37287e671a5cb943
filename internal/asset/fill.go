package asset

import (
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/store"
)

// device writes one device's asset.
func (w *writer) device(d *Device, id string) {
	if id == "" {
		w.take(d, "")
		return
	}
	a := w.assets[id]
	if a == nil {
		a = &assetRow{ID: id, SiteNo: w.d.SiteNo, State: StateNew, Managed: true, CreatedAt: w.now, Version: 0, FirstAt: micros(d.First)}
		w.assets[id] = a
	}
	fill(a, d, w.overrides[id], w.planned[id], w.pl, w.cat)
	if w.heardNow(d) && w.live(d) {
		a.Live, a.LastLiveAt = true, w.now
	}
	w.bind(a, d)
	w.part(a, d)
	w.take(d, id)
}

func (w *writer) live(d *Device) bool {
	return slices.ContainsFunc(d.Sightings, func(s Sighting) bool { return s.Live && w.dirty[s.Host] != 0 })
}

func (w *writer) heardNow(d *Device) bool {
	return slices.ContainsFunc(d.Sightings, func(s Sighting) bool { return w.dirty[s.Host] != 0 })
}

// fill sets what is measured, and lays a person's word over it.
func fill(a *assetRow, d *Device, over map[string]overrideRow, planned []*plannedRow, pl *places, cat *Catalogue) {
	if pl.types.name(d) {
		d.profile.fields = d.Fields
		cat.judge(d, &d.profile)
	}
	cat.heed(d, over)
	for _, name := range fieldNames {
		if v := d.Field(name); v != "" || a.Seen {
			*a.column(name) = v
		}
	}
	a.Identified = d.Fields["vendor"].Trust > 0 && d.Fields["vendor"].Trust < 6 && (d.Field("model") != "" || d.Field("order_code") != "")
	a.Role, a.RoleReason, a.Level, a.LevelReason = d.Role, d.RoleReason, d.Level, d.LevelWhy
	if z := pl.zoneOf(a.SiteNo, d); z != 0 || a.ZoneNo != 0 && pl.zones[a.ZoneNo].No == 0 {
		a.ZoneNo = z
	}
	a.Conflicts = int64(len(d.Clashes))
	for _, f := range d.Fields {
		if len(f.Conflict) > 0 {
			a.Conflicts++
		}
	}
	a.CriticalityHint, a.CriticalityReason = int64(d.Criticality), d.CriticalityWhy
	if a.FirstAt == 0 || micros(d.First) < a.FirstAt {
		a.FirstAt = micros(d.First)
	}
	a.LastAt = max(a.LastAt, micros(d.Last))
	a.Seen = a.Seen || d.Seen
	a.Modules = int64(len(d.Modules))
	a.IPs.V, a.MACs.V = current(d)
	for _, p := range planned {
		p.Differs.V = p.against(a)
	}
	underlay(a, d, planned, cat)
	overlay(a, d, over, pl)
}

// overlay lays a person's word over what is measured, and what the zone implies under it.
func overlay(a *assetRow, d *Device, over map[string]overrideRow, pl *places) {
	if o, ok := over["zone"]; ok {
		a.ZoneNo = zoneByID(pl, o.Value)
	}
	z := pl.zones[a.ZoneNo]
	if z.Gateway && a.Role != "switch" && a.Role != "router" {
		a.Role, a.RoleReason = "remote-gateway", "it stands in the zone "+z.Name+", whose hosts are the remote access gateway"
		a.Level, a.LevelReason = "3.5", "remote access ends in the DMZ, level 3.5"
	}
	a.Managed = !z.External && (d == nil || !d.Outside)
	if o, ok := over["managed"]; ok {
		a.Managed = o.Value == "true"
	}
	for _, name := range [...]string{"name", "vendor", "model", "order_code", "firmware", "serial", "role", "level"} {
		o, ok := over[name]
		if !ok {
			continue
		}
		*a.column(name) = o.Value
		switch name {
		case "role":
			a.RoleReason = "set by " + o.DecidedBy + reasonTail(o.Reason)
		case "level":
			a.LevelReason = "set by " + o.DecidedBy + reasonTail(o.Reason)
		}
	}
	_, vendor := over["vendor"]
	_, model := over["model"]
	_, code := over["order_code"]
	// A person who names the model may leave the maker to the network card.
	a.Identified = (a.Identified || vendor) && (a.Model != "" || a.OrderCode != "") || a.Vendor != "" && (model || code)
	a.Search = strings.ToLower(strings.Join(append(append([]string{a.Name, a.Vendor, a.Model, a.OrderCode, a.Serial, a.Owner, a.Role}, a.IPs.V...), a.MACs.V...), " "))
}

func reasonTail(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func zoneByID(pl *places, id string) int64 {
	for _, z := range pl.zones {
		if z.ID == id {
			return z.No
		}
	}
	return 0
}

// current returns the addresses that the device has now, for lists.
func current(d *Device) (ips, macs []string) {
	ips, macs = []string{}, []string{}
	for _, b := range d.Bindings {
		list := &ips
		if b.Kind == "mac" {
			list = &macs
		}
		if b.To == 0 && !slices.Contains(*list, b.Address) && len(*list) < 32 {
			*list = append(*list, b.Address)
		}
	}
	return ips, macs
}

// bind compares the device's addresses over time with what is stored.
func (w *writer) bind(a *assetRow, d *Device) {
	type at struct {
		realm         int64
		kind, address string
	}
	old, announced := map[at]bindingRow{}, map[at]bindingRow{}
	var ids []string
	for from, into := range w.moved {
		if into == a.ID {
			ids = append(ids, from)
		}
	}
	for _, id := range append([]string{a.ID}, ids...) {
		for _, b := range w.bound[id] {
			k := at{b.RealmNo, b.Kind, b.Address}
			if id != a.ID {
				w.unbound = append(w.unbound, b)
				if b.AssetID = a.ID; !b.Person {
					continue
				}
				w.bindings = append(w.bindings, b)
			}
			if b.Person {
				announced[k] = b
			} else {
				old[k] = b
			}
		}
	}
	fresh := map[at]bool{}
	for _, b := range d.Bindings {
		k := at{realmNo(b.Realm), b.Kind, b.Address}
		fresh[k] = true
		if said, ok := announced[k]; ok { // heard now: the person's entry has done its work
			w.unbound = append(w.unbound, said)
			w.bindings = slices.DeleteFunc(w.bindings, func(x bindingRow) bool {
				return x.Person && x.AssetID == a.ID && x.RealmNo == k.realm && x.Kind == k.kind && x.Address == k.address
			})
		}
		row := bindingRow{SiteNo: a.SiteNo, RealmNo: k.realm, Kind: b.Kind, Address: b.Address, AssetID: a.ID, FromAt: micros(b.From)}
		if b.To != 0 {
			row.ToAt = store.Micros(micros(b.To))
		}
		have, ok := old[k]
		switch {
		case !ok:
			w.bindings = append(w.bindings, row)
			if w.before[a.ID].Seen {
				w.change(a.ID, "address", b.Kind, "", b.Address, "", "")
			}
		case have.FromAt != row.FromAt:
			w.unbound = append(w.unbound, have)
			w.bindings = append(w.bindings, row)
		case have.ToAt != row.ToAt:
			w.bindings = append(w.bindings, row)
			if have.ToAt.IsZero() {
				w.change(a.ID, "address", b.Kind, b.Address, "", "", "no longer its own")
			}
		}
	}
	for k, b := range old {
		if !fresh[k] { // the sighting belongs to another asset now
			w.unbound = append(w.unbound, b)
		}
	}
}

// part compares the device's modules with what is stored.
func (w *writer) part(a *assetRow, d *Device) {
	var rows []moduleRow
	for _, m := range d.Modules {
		rows = append(rows, moduleRow{
			AssetID: a.ID, Module: m.Module, SiteNo: a.SiteNo, Name: m.Fields["name"].Value, Vendor: m.Fields["vendor"].Value, Model: m.Fields["model"].Value,
			OrderCode: m.Fields["order_code"].Value, Firmware: m.Fields["firmware"].Value, Serial: m.Fields["serial"].Value,
		})
	}
	old := w.parts[a.ID]
	slices.SortFunc(old, func(x, y moduleRow) int { return strings.Compare(x.Module, y.Module) })
	if !slices.Equal(old, rows) {
		w.modules[a.ID] = rows
	}
}

// take gives the device's hosts and facts to the asset.
func (w *writer) take(d *Device, id string) {
	for i := range d.Sightings {
		s := &d.Sightings[i]
		if h := w.c.hosts[s.Host]; h != nil && (h.AssetID != id || h.Behind != s.Behind) {
			h.AssetID, h.Behind = id, s.Behind
			w.hosts = append(w.hosts, *h)
		}
	}
	for _, f := range d.Facts {
		if row := w.c.facts[f.ID]; row != nil && row.AssetID != id {
			w.factsTo[id] = append(w.factsTo[id], f.ID)
		}
	}
}
