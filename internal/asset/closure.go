package asset

import (
	"context"
	"net/netip"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// closure is the part of a site's inventory that a few changed hosts can move:
// whoever shares an address, an asset or a stated identity with them. The rest
// is not read, so that a plant of 10,000 assets takes a new host as fast as one of ten.
type closure struct {
	siteNo  int64
	hosts   map[ot.Host]*hostRow
	facts   map[string]*factRow
	routers map[ot.Host]int
	pins    map[ot.Host]string // realm+MAC or realm+IP → asset
}

// Bounds of a closure. sharers is how many others one stated identity may bring.
const (
	closureRounds = 4
	sharers       = 50
	maxSharing    = 4000 // hosts with the addresses of one batch: only a flood has more
)

func loadClosure(ctx context.Context, tx *store.Tx, siteNo int64, seeds []ot.Host) (*closure, error) {
	c := &closure{siteNo: siteNo, hosts: map[ot.Host]*hostRow{}, facts: map[string]*factRow{}, routers: map[ot.Host]int{}, pins: map[ot.Host]string{}}
	frontier, seeded := seeds, map[ot.Host]bool{}
	for _, h := range seeds {
		seeded[h] = true
	}
	assets := map[string]bool{}
	for round := 0; len(frontier) > 0 && round < closureRounds; round++ {
		found := map[ot.Host]bool{}
		add := func(h hostRow) {
			k := h.key()
			if c.hosts[k] == nil {
				c.hosts[k] = &h
				found[k] = true
			}
		}
		if err := c.byAddress(ctx, tx, frontier, add); err != nil {
			return nil, err
		}
		newAssets := []string{}
		for k := range found {
			if id := c.hosts[k].AssetID; id != "" && !assets[id] {
				assets[id] = true
				newAssets = append(newAssets, id)
			}
		}
		for h, err := range store.Select[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE asset_id IN (?)", newAssets) {
			if err != nil {
				return nil, err
			}
			add(h)
		}
		fresh, err := c.loadFacts(ctx, tx, newAssets, frontier, found)
		if err != nil {
			return nil, err
		}
		frontier, err = c.sharing(ctx, tx, fresh)
		if err != nil {
			return nil, err
		}
		for k := range found {
			if !seeded[k] {
				frontier = append(frontier, k)
			}
		}
	}
	return c, c.loadPins(ctx, tx)
}

// byAddress reads who has the frontier's MACs and IPs. A router's MAC leads nowhere: everybody behind it has it.
func (c *closure) byAddress(ctx context.Context, tx *store.Tx, frontier []ot.Host, add func(hostRow)) error {
	macs, ips := map[string]bool{}, map[int64]map[string]bool{}
	for _, k := range frontier {
		if !virtual(k.MAC) {
			macs[k.MAC.String()] = true
		}
		if ip := ipText(k); ip != "" {
			if ips[realmNo(k.Realm)] == nil {
				ips[realmNo(k.Realm)] = map[string]bool{}
			}
			ips[realmNo(k.Realm)][ip] = true
		}
	}
	type router struct {
		RealmNo int64  `db:"realm_no"`
		MAC     string `db:"mac"`
		Hosts   int64  `db:"hosts"`
	}
	routers, err := store.All[router](ctx, tx, "SELECT realm_no, mac, hosts FROM asset_router WHERE site_no = ? AND mac IN (?)", c.siteNo, sortedKeys(macs))
	if err != nil {
		return err
	}
	for _, r := range routers {
		h := hostRow{RealmNo: r.RealmNo, MAC: r.MAC}
		c.routers[h.key()] = int(r.Hosts)
		delete(macs, r.MAC)
		own, err := store.All[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE site_no = ? AND realm_no = ? AND mac = ? AND behind = ? ORDER BY ip LIMIT ?", c.siteNo, r.RealmNo, r.MAC, false, sharers)
		if err != nil {
			return err
		}
		for _, h := range own {
			add(h)
		}
	}
	realms, err := store.All[int64](ctx, tx, "SELECT realm_no FROM org_realm WHERE site_no = ?", c.siteNo)
	if err != nil {
		return err
	}
	for no := range ips {
		realms = append(realms, no)
	}
	done := map[int64]bool{}
	for _, no := range realms { // the primary key begins with site and realm
		if done[no] {
			continue
		}
		done[no] = true
		for h, err := range store.Select[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE site_no = ? AND realm_no = ? AND mac IN (?)", c.siteNo, no, sortedKeys(macs)) {
			if err != nil {
				return err
			}
			add(h)
		}
	}
	for no, list := range ips {
		for h, err := range store.Select[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE site_no = ? AND realm_no = ? AND ip IN (?) ORDER BY last_at DESC LIMIT ?", c.siteNo, no, sortedKeys(list), maxSharing) {
			if err != nil {
				return err
			}
			add(h)
		}
	}
	return nil
}

// loadFacts reads the facts of assets and of hosts that have none yet; it returns those not read before.
func (c *closure) loadFacts(ctx context.Context, tx *store.Tx, assets []string, frontier []ot.Host, found map[ot.Host]bool) ([]*factRow, error) {
	var fresh []*factRow
	read := func(where string, args ...any) error {
		for f, err := range store.Select[factRow](ctx, tx, "SELECT "+factColumns+" FROM asset_fact WHERE "+where, args...) {
			if err != nil {
				return err
			}
			if c.facts[f.ID] == nil {
				c.facts[f.ID] = &f
				fresh = append(fresh, &f)
			}
		}
		return nil
	}
	if err := read("asset_id IN (?)", assets); err != nil {
		return nil, err
	}
	loose := map[int64]map[string]bool{} // realm → MACs
	byIP := map[int64]map[string]bool{}
	note := func(m map[int64]map[string]bool, no int64, s string) {
		if m[no] == nil {
			m[no] = map[string]bool{}
		}
		m[no][s] = true
	}
	look := func(k ot.Host) {
		if r := c.hosts[k]; r != nil && r.AssetID != "" {
			if len(found) == 0 || !found[k] {
				return
			}
		}
		if ip := ipText(k); ip != "" {
			note(byIP, realmNo(k.Realm), ip)
		}
		note(loose, realmNo(k.Realm), k.MAC.String())
	}
	for _, k := range frontier {
		look(k)
	}
	for k := range found {
		if c.hosts[k].AssetID == "" {
			look(k)
		}
	}
	for no, macs := range loose {
		ips := append(sortedKeys(byIP[no]), "")
		withNone := append(sortedKeys(macs), "")
		if err := read("asset_id = '' AND site_no = ? AND realm_no = ? AND mac IN (?) AND ip IN (?)", c.siteNo, no, withNone, ips); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// sharing returns the hosts that state the same identity as the given facts, or whose address the facts name.
func (c *closure) sharing(ctx context.Context, tx *store.Tx, fresh []*factRow) ([]ot.Host, error) {
	serials, names := map[string]bool{}, map[string]bool{}
	var out []ot.Host
	for _, f := range fresh {
		a := ot.Attr(f.Attr)
		switch {
		case serialAttr(a) && inRack(f.Module):
			serials[f.Value] = true
		case uniqueName(a) && f.Module == "" && !genericName(f.Value):
			names[f.Value] = true
			names[strings.ToLower(f.Value)] = true
			names[strings.ToUpper(f.Value)] = true
		case a == "lldp.chassis_mac":
			names[f.Value] = true
			fallthrough
		case a == "lldp.mgmt_mac", a == "lldp.port_mac", a == "lldp.profinet_mac":
			h := hostRow{RealmNo: f.RealmNo, MAC: f.Value}
			out = append(out, h.key())
		case a == "lldp.mgmt_ip", a == "lldp.chassis_ip", a == "cdp.address", a == "cdp.mgmt_ip", a == "profinet-dcp.ip":
			if ip, err := netip.ParseAddr(f.Value); err == nil {
				out = append(out, ot.Host{Realm: realmName(f.RealmNo), IP: ip.Unmap()})
			}
		}
	}
	find := func(values []string, want func(ot.Attr) bool) error {
		per := map[string]int{}
		for f, err := range store.Select[factRow](ctx, tx, "SELECT "+factColumns+" FROM asset_fact WHERE site_no = ? AND attr IN (?) AND value IN (?)", c.siteNo, identityAttrs(want), values) {
			if err != nil {
				return err
			}
			if per[f.Value]++; per[f.Value] > sharers {
				continue
			}
			h := hostRow{RealmNo: f.RealmNo, MAC: f.MAC, IP: f.IP}
			if c.hosts[h.key()] == nil {
				out = append(out, h.key())
			}
		}
		return nil
	}
	if len(serials) > 0 {
		if err := find(sortedKeys(serials), serialAttr); err != nil {
			return nil, err
		}
	}
	if len(names) > 0 {
		if err := find(sortedKeys(names), func(a ot.Attr) bool { return uniqueName(a) || a == "lldp.chassis_mac" }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// identityAttrs lists the attributes by which devices are joined.
func identityAttrs(want func(ot.Attr) bool) []string {
	var out []string
	for _, a := range []ot.Attr{
		"s7comm.serial", "cip.serial", "enip.serial", "bacnet.serial-number", "bacnet.serial_number", "dnp3.serial", "lldp.serial", "lldp.med_serial",
		"mdns.serial", "snmp.entphysicalserialnum", "umas.serial", "opcua.serial_number",
		"netbios.name", "ntlmssp.nb_computer_name", "ntlmssp.dns_computer_name", "ntlmssp.hostname", "browser.server", "smb.name", "ntlm.computer",
		"lldp.system_name", "cdp.device_id", "snmp.sysname", "mdns.name", "lldp.chassis_mac",
	} {
		if want(a) {
			out = append(out, string(a))
		}
	}
	return out
}

type pinRow struct {
	SiteNo  int64  `db:"site_no"`
	RealmNo int64  `db:"realm_no"`
	Kind    string `db:"kind"`
	Address string `db:"address"`
	AssetID string `db:"asset_id"`
}

func (c *closure) loadPins(ctx context.Context, tx *store.Tx) error {
	var addresses []string
	seen := map[string]bool{}
	for k := range c.hosts {
		for _, a := range []string{k.MAC.String(), ipText(k)} {
			if a != "" && !seen[a] {
				seen[a] = true
				addresses = append(addresses, a)
			}
		}
	}
	pins, err := store.All[pinRow](ctx, tx, "SELECT site_no, realm_no, kind, address, asset_id FROM asset_pin WHERE site_no = ? AND address IN (?)", c.siteNo, addresses)
	if err != nil {
		return err
	}
	for _, p := range pins {
		h := hostRow{RealmNo: p.RealmNo}
		if p.Kind == "mac" {
			h.MAC = p.Address
		} else {
			h.IP = p.Address
		}
		c.pins[h.key()] = p.AssetID
	}
	return nil
}

// evidence turns the closure into what the pure part works on.
func (c *closure) evidence() *Evidence {
	ev := &Evidence{Routers: c.routers}
	for k, h := range c.hosts {
		s := h.sighting()
		if pin := c.pins[addressOf(k)]; pin != "" && k.IP.IsValid() {
			s.Pin = pin
		} else if pin := c.pins[linkOf(k)]; pin != "" {
			s.Pin = pin
		}
		ev.Sightings = append(ev.Sightings, s)
	}
	for _, f := range c.facts {
		ev.Facts = append(ev.Facts, f.fact())
	}
	ev.sort()
	return ev
}
