package asset

import (
	"context"
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// places knows a site's zones.
type places struct {
	resolver *org.Resolver
	zones    map[int64]org.Zone
	types    types
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
	p.types, err = loadTypes(ctx, r, siteNo)
	return p, err
}

// zoneAt returns the zone of the first address that lies in one.
func (p *places) zoneAt(siteNo, realmNo int64, ips []string) int64 {
	for _, text := range ips {
		if ip, err := netip.ParseAddr(text); err == nil {
			if z := p.resolver.Zone(siteNo, realmNo, ip); z != 0 {
				return z
			}
		}
	}
	return 0
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
	w := &writer{tx: tx, d: d, now: store.At(d.Received), c: c, pl: pl, cat: s.cat, dirty: dirty, why: why}
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
	other, err := w.replan(ctx)
	if err != nil {
		return 0, nil, err
	}
	if err := w.flush(ctx, ev); err != nil {
		return 0, nil, err
	}
	if other {
		if err := s.askPlanned(ctx, tx, d.SiteNo, d.Received); err != nil {
			return 0, nil, err
		}
	}
	if w.newcomers() {
		if err := s.ask(ctx, tx, d.SiteNo, d.Received, "", ""); err != nil {
			return 0, nil, err
		}
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
	cat   *Catalogue
	dirty map[ot.Host]news
	why   because
	made  []string

	assets    map[string]*assetRow
	overrides map[string]map[string]overrideRow
	bound     map[string][]bindingRow
	parts     map[string][]moduleRow
	planned   map[string][]*plannedRow
	before    map[string]assetRow

	plannedWas map[*plannedRow]string // what differed before

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
	return w.adoptPlanned(ctx, devices, ids)
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
	return w.loadPlanned(ctx, all)
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
