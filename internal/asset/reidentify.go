package asset

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// places knows a site's zones.
type places struct {
	resolver *org.Resolver
	zones    map[int64]org.Zone
}

func loadPlaces(ctx context.Context, r store.Reader, siteNo int64) (*places, error) {
	subnets, err := store.All[org.Subnet](ctx, r, "SELECT site_no, realm_no, prefix, zone_no FROM org_subnet WHERE site_no = ?", siteNo)
	if err != nil {
		return nil, err
	}
	p := &places{zones: map[int64]org.Zone{}}
	if p.resolver, err = org.NewResolver(subnets); err != nil {
		return nil, err
	}
	for z, err := range store.Select[org.Zone](ctx, r, "SELECT zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway FROM org_zone WHERE site_no = ?", siteNo) {
		if err != nil {
			return nil, err
		}
		p.zones[z.No] = z
	}
	return p, nil
}

// zoneOf returns the zone of the first of a device's addresses that lies in one.
func (p *places) zoneOf(siteNo int64, d *Device) int64 {
	for _, s := range d.Sightings {
		if !nobody(s.IP) {
			if z := p.resolver.Zone(siteNo, realmNo(s.Realm), s.IP); z != 0 {
				return z
			}
		}
	}
	return 0
}

// because says who had the inventory looked at anew, where it was a person.
type because struct{ by, reason string }

// reidentify looks anew at who the seeds are, and writes what that changes.
// dirty are the hosts that were just heard.
func (s *Service) reidentify(ctx context.Context, tx *store.Tx, d sensor.Delivery, seeds []ot.Host, dirty map[ot.Host]news, why because) (made int, changed []ot.Ref, err error) {
	c, err := loadClosure(ctx, tx, d.SiteNo, seeds)
	if err != nil {
		return 0, nil, err
	}
	pl, err := loadPlaces(ctx, tx, d.SiteNo)
	if err != nil {
		return 0, nil, err
	}
	for h, n := range dirty {
		if link := linkOf(h); n&born != 0 && c.routers[link] > 0 {
			c.routers[link]++
		}
	}
	ev := c.evidence()
	devices := s.cat.Devices(ev)
	ids, merged := assign(devices)
	w := &writer{tx: tx, d: d, now: store.At(d.Received), c: c, pl: pl, dirty: dirty, why: why}
	if err := w.adopt(ctx, devices, ids); err != nil {
		return 0, nil, err
	}
	for n := range devices {
		dev := &devices[n]
		if ids[n] == "" && dev.Seen && (!dev.Outside || pl.zoneOf(d.SiteNo, dev) != 0) {
			ids[n] = store.NewID()
			w.made = append(w.made, ids[n])
		}
	}
	if err := w.load(ctx, ids, merged); err != nil {
		return 0, nil, err
	}
	w.merge(merged)
	for n := range devices {
		w.device(&devices[n], ids[n])
	}
	if err := w.flush(ctx, ev); err != nil {
		return 0, nil, err
	}
	return len(w.made), w.refs(), nil
}

// writer gathers what a new look changes and writes it at the end, many rows a statement.
type writer struct {
	tx    *store.Tx
	d     sensor.Delivery
	now   store.Time
	c     *closure
	pl    *places
	dirty map[ot.Host]news
	why   because
	made  []string

	assets    map[string]*assetRow
	overrides map[string]map[string]overrideRow
	bound     map[string][]bindingRow
	parts     map[string][]moduleRow
	before    map[string]assetRow

	bindings []bindingRow
	unbound  []bindingRow // rows to delete
	modules  map[string][]moduleRow
	changes  []changeRow
	hosts    []hostRow
	factsTo  map[string][]string // asset → facts
	moved    map[string]string   // merged asset → asset
}

type moduleRow struct {
	AssetID   string `db:"asset_id"`
	Module    string `db:"module"`
	SiteNo    int64  `db:"site_no"`
	Name      string `db:"name"`
	Vendor    string `db:"vendor"`
	Model     string `db:"model"`
	OrderCode string `db:"order_code"`
	Firmware  string `db:"firmware"`
	Serial    string `db:"serial"`
}

const moduleColumns = "asset_id, module, site_no, name, vendor, model, order_code, firmware, serial"

// adopt finds, for devices without an asset, the one that a person announced at one of their addresses.
func (w *writer) adopt(ctx context.Context, devices []Device, ids []string) error {
	type at struct {
		realm         int64
		kind, address string
	}
	want := map[at][]int{}
	var addresses []string
	for n := range devices {
		if ids[n] != "" || !devices[n].Seen {
			continue
		}
		for _, b := range devices[n].Bindings {
			k := at{realmNo(b.Realm), b.Kind, b.Address}
			if want[k] == nil {
				addresses = append(addresses, b.Address)
			}
			want[k] = append(want[k], n)
		}
	}
	if len(want) == 0 {
		return nil
	}
	rows, err := store.All[bindingRow](ctx, w.tx, "SELECT site_no, realm_no, kind, address, asset_id, from_at, to_at, person FROM asset_binding WHERE site_no = ? AND person = ? AND to_at IS NULL AND address IN (?) ORDER BY kind DESC, asset_id", w.d.SiteNo, true, addresses)
	if err != nil {
		return err
	}
	for _, b := range rows { // a MAC says more than an IP
		for _, n := range want[at{b.RealmNo, b.Kind, b.Address}] {
			if ids[n] == "" && !slices.Contains(ids, b.AssetID) {
				ids[n] = b.AssetID
			}
		}
	}
	return nil
}

func (w *writer) load(ctx context.Context, ids []string, merged map[string]string) error {
	w.assets, w.before, w.overrides, w.bound, w.parts = map[string]*assetRow{}, map[string]assetRow{}, map[string]map[string]overrideRow{}, map[string][]bindingRow{}, map[string][]moduleRow{}
	w.modules, w.factsTo, w.moved = map[string][]moduleRow{}, map[string][]string{}, merged
	var all []string
	for _, id := range append(slices.Clone(ids), sortedKeys(merged)...) {
		if id != "" {
			all = append(all, id)
		}
	}
	rows, err := store.All[assetRow](ctx, w.tx, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id IN (?)", all)
	if err != nil {
		return err
	}
	for i := range rows {
		w.assets[rows[i].ID] = &rows[i]
		w.before[rows[i].ID] = rows[i]
	}
	over, err := store.All[overrideRow](ctx, w.tx, "SELECT asset_id, field, value, decided_by, decided_at, reason FROM asset_override WHERE asset_id IN (?)", all)
	if err != nil {
		return err
	}
	for _, o := range over {
		if w.overrides[o.AssetID] == nil {
			w.overrides[o.AssetID] = map[string]overrideRow{}
		}
		w.overrides[o.AssetID][o.Field] = o
	}
	bound, err := store.All[bindingRow](ctx, w.tx, "SELECT site_no, realm_no, kind, address, asset_id, from_at, to_at, person FROM asset_binding WHERE asset_id IN (?)", all)
	if err != nil {
		return err
	}
	for _, b := range bound {
		w.bound[b.AssetID] = append(w.bound[b.AssetID], b)
	}
	parts, err := store.All[moduleRow](ctx, w.tx, "SELECT "+moduleColumns+" FROM asset_module WHERE asset_id IN (?)", all)
	if err != nil {
		return err
	}
	for _, m := range parts {
		w.parts[m.AssetID] = append(w.parts[m.AssetID], m)
	}
	return nil
}

func (w *writer) change(id, kind, field, before, after, by, reason string) {
	w.changes = append(w.changes, changeRow{ID: store.NewID(), AssetID: id, SiteNo: w.d.SiteNo, At: w.now, Kind: kind, Field: field, Before: before, After: after, DecidedBy: by, Reason: reason})
}

// merge hands what people said of an asset that is gone to the one it went into.
func (w *writer) merge(merged map[string]string) {
	for _, old := range sortedKeys(merged) {
		from, into := w.assets[old], w.assets[merged[old]]
		if from == nil || into == nil {
			continue
		}
		inherit(into, from)
		for field, o := range w.overrides[old] {
			if _, ok := w.overrides[into.ID][field]; !ok {
				if w.overrides[into.ID] == nil {
					w.overrides[into.ID] = map[string]overrideRow{}
				}
				o.AssetID = into.ID
				w.overrides[into.ID][field] = o
			}
		}
		reason := w.why.reason
		if w.why.by == "" {
			reason = "they are one device: " + mergeReason(w.c, old, into.ID)
		}
		w.change(into.ID, "merged", "", from.label(), into.label(), w.why.by, reason)
		delete(w.assets, old)
	}
}

// inherit takes over from another asset what a person said and this one lacks.
func inherit(into, from *assetRow) {
	into.Expected = into.Expected || from.Expected
	if into.Owner == "" {
		into.Owner = from.Owner
	}
	if into.Criticality == 0 {
		into.Criticality, into.CriticalityAt = from.Criticality, from.CriticalityAt
	}
	if into.State == StateNew && from.State != StateNew {
		into.State, into.DecidedAt = from.State, from.DecidedAt
	}
	if into.EndOfSale.IsZero() {
		into.EndOfSale = from.EndOfSale
	}
	if into.EndOfSupport.IsZero() {
		into.EndOfSupport = from.EndOfSupport
	}
	if into.Spare == "" {
		into.Spare = from.Spare
	}
}

// mergeReason says what two assets have in common, for the history.
func mergeReason(c *closure, a, b string) string {
	holder := func(f *factRow) string {
		h := hostRow{RealmNo: f.RealmNo, MAC: f.MAC, IP: f.IP}
		if host := c.hosts[h.key()]; f.AssetID == "" && host != nil {
			return host.AssetID // just learned
		}
		return f.AssetID
	}
	values := map[string]string{}
	for _, f := range c.facts {
		if holder(f) == a && (serialAttr(ot.Attr(f.Attr)) || uniqueName(ot.Attr(f.Attr))) {
			values[f.Value] = f.Attr
		}
	}
	for _, f := range c.facts {
		if attr, ok := values[f.Value]; ok && holder(f) == b {
			return "both state " + attr + " " + f.Value
		}
	}
	return "their addresses belong together"
}

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
	fill(a, d, w.overrides[id], w.pl)
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
func fill(a *assetRow, d *Device, over map[string]overrideRow, pl *places) {
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
	a.Identified = (a.Identified || vendor) && (a.Model != "" || a.OrderCode != "") || vendor && (model || code)
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
		rows = append(rows, moduleRow{AssetID: a.ID, Module: m.Module, SiteNo: a.SiteNo, Name: m.Fields["name"].Value, Vendor: m.Fields["vendor"].Value, Model: m.Fields["model"].Value,
			OrderCode: m.Fields["order_code"].Value, Firmware: m.Fields["firmware"].Value, Serial: m.Fields["serial"].Value})
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

// refs names the assets that are new or different.
func (w *writer) refs() []ot.Ref {
	var out []ot.Ref
	for _, id := range sortedKeys(w.assets) {
		if len(out) < 100 {
			out = append(out, ot.Ref{Kind: "asset", ID: id})
		}
	}
	return out
}

// diff notes in the history how an asset's fields changed.
func (w *writer) diff(a *assetRow) (different bool) {
	was, ok := w.before[a.ID]
	if !ok {
		w.change(a.ID, "appeared", "", "", a.label(), w.why.by, w.why.reason)
		return true
	}
	for _, name := range [...]string{"name", "vendor", "model", "order_code", "firmware", "serial", "role", "level"} {
		before, after := *was.column(name), *a.column(name)
		if before != after && was.Seen {
			reason := ""
			if name == "role" {
				reason = a.RoleReason
			} else if name == "level" {
				reason = a.LevelReason
			}
			w.change(a.ID, "field", name, before, after, "", reason)
		}
	}
	if was.ZoneNo != a.ZoneNo && was.Seen {
		w.change(a.ID, "field", "zone", w.pl.zones[was.ZoneNo].Name, w.pl.zones[a.ZoneNo].Name, "", "")
	}
	x, y := was, *a
	x.IPs.V, x.MACs.V, y.IPs.V, y.MACs.V = nil, nil, nil, nil
	return !equalRows(x, y) || !slices.Equal(was.IPs.V, a.IPs.V) || !slices.Equal(was.MACs.V, a.MACs.V)
}

func equalRows(x, y assetRow) bool {
	x.Version, y.Version = 0, 0
	for _, p := range []*store.Time{&x.CriticalityAt, &x.LastLiveAt, &x.EndOfSale, &x.EndOfSupport, &x.CreatedAt, &x.DecidedAt, &y.CriticalityAt, &y.LastLiveAt, &y.EndOfSale, &y.EndOfSupport, &y.CreatedAt, &y.DecidedAt} {
		if !p.IsZero() {
			*p = store.Time{Time: time.UnixMicro(p.UnixMicro()).UTC()}
		}
	}
	return assetKey(x) == assetKey(y)
}

// assetKey is a comparable copy of a row without its lists.
func assetKey(a assetRow) any {
	type flat struct {
		zone, crit, hint, first, last, conflicts, modules int64
		text                                              string
		critAt, live, sale, support, created, decided     time.Time
		managed, expected, seen, liveB, identified        bool
	}
	return flat{a.ZoneNo, a.Criticality, a.CriticalityHint, a.FirstAt, a.LastAt, a.Conflicts, a.Modules,
		strings.Join([]string{a.Name, a.Vendor, a.Model, a.OrderCode, a.Firmware, a.Serial, a.Role, a.Level, a.RoleReason, a.LevelReason, a.CriticalityReason, a.Owner, a.State, a.Spare, a.Search}, "\x00"),
		a.CriticalityAt.Time, a.LastLiveAt.Time, a.EndOfSale.Time, a.EndOfSupport.Time, a.CreatedAt.Time, a.DecidedAt.Time,
		a.Managed, a.Expected, a.Seen, a.Live, a.Identified}
}

// flush writes everything, in an order that never shows an asset without its row.
func (w *writer) flush(ctx context.Context, ev *Evidence) error {
	var rows []assetRow
	for _, id := range sortedKeys(w.assets) {
		if a := w.assets[id]; w.diff(a) {
			a.Version++
			rows = append(rows, *a)
		} else {
			delete(w.assets, id)
		}
	}
	if err := store.Upsert(ctx, w.tx, "asset_asset", rows, []string{"asset_id"}, assetSet()); err != nil {
		return err
	}
	if err := w.dropMerged(ctx); err != nil {
		return err
	}
	for _, b := range w.unbound {
		if _, err := w.tx.Exec(ctx, "DELETE FROM asset_binding WHERE site_no = ? AND realm_no = ? AND kind = ? AND address = ? AND asset_id = ? AND from_at = ?",
			b.SiteNo, b.RealmNo, b.Kind, b.Address, b.AssetID, b.FromAt); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, w.tx, "asset_binding", dedup(w.bindings), []string{"site_no", "realm_no", "kind", "address", "asset_id", "from_at"}, []string{"to_at", "person"}); err != nil {
		return err
	}
	for _, id := range sortedKeys(w.modules) {
		if _, err := w.tx.Exec(ctx, "DELETE FROM asset_module WHERE asset_id = ?", id); err != nil {
			return err
		}
		if err := store.Upsert(ctx, w.tx, "asset_module", w.modules[id], nil, nil); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, w.tx, "asset_host", w.hosts, []string{"site_no", "realm_no", "mac", "ip"}, []string{"asset_id", "behind"}); err != nil {
		return err
	}
	for _, id := range sortedKeys(w.factsTo) {
		if _, err := w.tx.Exec(ctx, "UPDATE asset_fact SET asset_id = ? WHERE fact_id IN (?)", id, w.factsTo[id]); err != nil {
			return err
		}
	}
	if err := w.flushRouters(ctx, ev); err != nil {
		return err
	}
	return store.Upsert(ctx, w.tx, "asset_change", w.changes, nil, nil)
}

func dedup(rows []bindingRow) []bindingRow {
	type k struct {
		realm             int64
		kind, address, id string
		from              int64
	}
	at := map[k]int{}
	var out []bindingRow
	for _, r := range rows {
		key := k{r.RealmNo, r.Kind, r.Address, r.AssetID, r.FromAt}
		if i, ok := at[key]; ok {
			out[i] = r
			continue
		}
		at[key] = len(out)
		out = append(out, r)
	}
	return out
}

// dropMerged removes assets that went into others; their ids keep working.
func (w *writer) dropMerged(ctx context.Context) error {
	for _, old := range sortedKeys(w.moved) {
		into := w.moved[old]
		if _, ok := w.before[old]; !ok {
			continue
		}
		for _, q := range []ot.SQL{
			{Text: "UPDATE asset_alias SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "INSERT INTO asset_alias (old_id, asset_id) VALUES (?, ?) ON CONFLICT (old_id) DO UPDATE SET asset_id = excluded.asset_id", Args: []any{old, into}},
			{Text: "DELETE FROM asset_asset WHERE asset_id = ?", Args: []any{old}},
			{Text: "DELETE FROM asset_module WHERE asset_id = ?", Args: []any{old}},
			{Text: "DELETE FROM asset_override WHERE asset_id = ?", Args: []any{old}},
			{Text: "UPDATE asset_pin SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "UPDATE asset_fact SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "UPDATE asset_host SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
		} {
			if _, err := w.tx.Exec(ctx, q.Text, q.Args...); err != nil {
				return err
			}
		}
		for _, o := range w.overrides[into] {
			if err := store.Upsert(ctx, w.tx, "asset_override", []overrideRow{o}, []string{"asset_id", "field"}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushRouters remembers MACs that carry a crowd.
func (w *writer) flushRouters(ctx context.Context, ev *Evidence) error {
	behind := map[ot.Host]int{}
	for i := range ev.Sightings {
		if s := &ev.Sightings[i]; s.Behind && !virtual(s.MAC) {
			behind[linkOf(s.Host)]++
		}
	}
	type row struct {
		SiteNo  int64  `db:"site_no"`
		RealmNo int64  `db:"realm_no"`
		MAC     string `db:"mac"`
		Hosts   int64  `db:"hosts"`
	}
	var rows []row
	for link, n := range behind {
		if known := w.c.routers[link]; known > 0 {
			n = known // as read, plus those just born
		} else if n <= crowd {
			continue
		}
		rows = append(rows, row{w.d.SiteNo, realmNo(link.Realm), link.MAC.String(), int64(n)})
	}
	return store.Upsert(ctx, w.tx, "asset_router", rows, []string{"site_no", "realm_no", "mac"}, []string{"hosts"})
}
