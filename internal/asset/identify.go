package asset

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Device is one physical thing, as far as its traffic shows. Times are ns.
type Device struct {
	Sightings  []Sighting // its pairings of MAC and IP, own ones first
	Facts      []*Fact    // about it and its modules, in order
	Fields     map[string]Field
	Modules    []Module
	Bindings   []Binding
	Clashes    []Clash
	Role       string
	RoleReason string
	Level      string
	LevelWhy   string

	Criticality    int // what we suggest, 1 to 4; 0: nothing
	CriticalityWhy string

	First, Last int64
	Router      bool
	Outside     bool // on the internet: no MAC of its own, a public address, no OT service
	Seen        bool // heard itself; otherwise only others spoke of it
	Live        bool
	Traffic     Traffic

	profile profile // what its role was read from
}

// Module is a part of a device: a slot, a unit behind a gateway, a routed BACnet device.
type Module struct {
	Module string
	Fields map[string]Field
}

// Binding says that the device had an address for a time. To 0: still.
type Binding struct {
	Realm, Kind, Address string
	From, To             int64
}

// Clash is an address that two devices used at the same time.
type Clash struct {
	Realm, IP string
	With      ot.MAC
	At        int64
}

// Field returns the value of a field, empty if unknown.
func (d *Device) Field(name string) string { return d.Fields[name].Value }

// MACs returns the device's own hardware addresses.
func (d *Device) MACs() []ot.MAC {
	var out []ot.MAC
	for _, s := range d.Sightings {
		if !s.Behind && !virtual(s.MAC) && !slices.Contains(out, s.MAC) {
			out = append(out, s.MAC)
		}
	}
	return out
}

// IPs returns the device's addresses, in order.
func (d *Device) IPs() []netip.Addr {
	var out []netip.Addr
	for _, s := range d.Sightings {
		if !nobody(s.IP) && !slices.Contains(out, s.IP) {
			out = append(out, s.IP)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// Catalogue is what Identify knows of vendors, attributes and roles. It is
// immutable and shared.
type Catalogue struct {
	attributes attributeTable
	roles      *roleTable
	vendor     func([6]byte) string
}

// LoadCatalogue reads the embedded tables. vendor names the holder of a MAC
// address (vendors.OUI), empty if unknown; nil knows none.
func LoadCatalogue(vendor func(mac [6]byte) string) (*Catalogue, error) {
	a, err := readAttributes(attributesYAML)
	if err != nil {
		return nil, err
	}
	r, err := readRoles(rolesYAML)
	if err != nil {
		return nil, err
	}
	if vendor == nil {
		vendor = func([6]byte) string { return "" }
	}
	return &Catalogue{attributes: a, roles: r, vendor: vendor}, nil
}

// Identify turns what sensors heard into devices, in a stable order. It is pure.
func (c *Catalogue) Identify(sums ...*sensor.Summary) []Device {
	ev := Collect(sums...)
	return c.Devices(&ev)
}

// Devices turns evidence into devices. It reorders ev and marks who is behind a router.
func (c *Catalogue) Devices(ev *Evidence) []Device {
	ev.sort()
	sets, whose := group(ev)
	facts := make([][]*Fact, len(ev.Sightings))
	for i, s := range whose {
		if s >= 0 {
			facts[s] = append(facts[s], &ev.Facts[i])
		}
	}
	forwards := map[ot.Host]int{}
	for i := range ev.Sightings {
		if s := &ev.Sightings[i]; s.Behind && !virtual(s.MAC) {
			forwards[linkOf(s.Host)]++
		}
	}
	owners, heard := ownersOf(ev, sets), words{}
	out := make([]Device, 0, len(sets))
	for n, set := range sets {
		d := Device{}
		forward := 0
		for _, i := range set {
			s := &ev.Sightings[i]
			d.Sightings = append(d.Sightings, *s)
			d.Facts = append(d.Facts, facts[i]...)
			if !s.Behind {
				forward = max(forward, forwards[linkOf(s.Host)], ev.Routers[linkOf(s.Host)])
			}
		}
		slices.SortStableFunc(d.Sightings, func(a, b Sighting) int { return cmp.Compare(order(a), order(b)) })
		c.describe(&d, forward, heard)
		d.Bindings, d.Clashes = bindings(&d, owners, n)
		out = append(out, d)
	}
	return out
}

func order(s Sighting) int {
	switch {
	case s.mute:
		return 2
	case s.Behind:
		return 1
	}
	return 0
}

// describe fills what follows from a device's sightings and facts.
func (c *Catalogue) describe(d *Device, forward int, heard words) {
	d.First = d.Sightings[0].First
	for i := range d.Sightings {
		s := &d.Sightings[i]
		d.First, d.Last = min(d.First, s.First), max(d.Last, s.Last)
		d.Seen = d.Seen || !s.mute
		d.Live = d.Live || s.Live
		if len(d.Sightings) == 1 {
			d.Traffic = s.Traffic // nobody changes either from here on
		} else {
			d.Traffic.Add(s.Traffic)
		}
	}
	d.Router = forward > 0
	own, parts := split(d.Facts)
	d.Fields = c.attributes.resolve(own)
	for _, name := range sortedKeys(parts) {
		d.Modules = append(d.Modules, Module{Module: name, Fields: c.attributes.resolve(parts[name])})
	}
	c.cardVendor(d)
	c.fromModules(d)
	p := &d.profile
	*p = profile{fields: d.Fields, facts: d.Facts, traffic: d.Traffic, forward: forward, words: heard}
	for _, f := range d.Facts {
		if f.About.Module == "" && computerFact(f.Attr) {
			p.pc = string(f.Attr) + " " + f.Value
			break
		}
	}
	d.Outside = c.outside(d)
	p.outside = d.Outside
	c.judge(d, p)
	p.words = nil
}

// judge reads role, level and criticality out of a profile.
func (c *Catalogue) judge(d *Device, p *profile) {
	p.windows = strings.Contains(strings.ToLower(p.fields["model"].Value), "windows")
	d.Role, d.RoleReason = c.roles.classify(p)
	d.Level, d.LevelWhy = c.roles.level(p, d.Role, d.RoleReason)
	d.Criticality, d.CriticalityWhy = 0, ""
	if s, ok := c.roles.Criticality[d.Role]; ok && !p.outside {
		d.Criticality, d.CriticalityWhy = s.Value, s.Because
	}
}

// heed reads the role anew where a person named the device or its make: a list
// that says "750-8212" says that it is a PLC.
func (c *Catalogue) heed(d *Device, over map[string]overrideRow) {
	fields := maps.Clone(d.profile.fields)
	if fields == nil {
		fields = map[string]Field{}
	}
	said := false
	for _, name := range [...]string{"name", "vendor", "model", "order_code"} {
		if o, ok := over[name]; ok {
			fields[name], said = Field{Value: o.Value}, true
		}
	}
	if said {
		p := d.profile
		p.fields = fields
		c.judge(d, &p)
	}
}

// computerFact says whether only computers state such a thing.
func computerFact(a ot.Attr) bool {
	switch a {
	case "smb.native_os", "browser.server", "browser.os_version", "ntlmssp.os_version", "ntlmssp.nb_computer_name", "rdp.client_name":
		return true
	}
	return false
}

// split parts facts about the device itself from those about its modules.
func split(facts []*Fact) (own []*Fact, parts map[string][]*Fact) {
	parts = map[string][]*Fact{}
	for _, f := range facts {
		if f.About.Module == "" {
			own = append(own, f)
		} else {
			parts[f.About.Module] = append(parts[f.About.Module], f)
		}
	}
	return own, parts
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// cardVendor names the maker of the network card where nothing better is known.
func (c *Catalogue) cardVendor(d *Device) {
	if d.Fields["vendor"].Value != "" {
		return
	}
	for _, m := range d.MACs() {
		if v := c.vendor(m); v != "" && !m.Local() {
			d.Fields["vendor"] = Field{Value: shortVendor(v), Trust: 6}
			return
		}
	}
}

// shortVendor drops the legal form, so that the maker of a card and the maker
// that a device names are one in a list: "Siemens AG" and "Siemens".
func shortVendor(s string) string {
	for _, form := range [...]string{" AG", " GmbH", " GmbH & Co. KG", " Inc.", ", Inc.", " Inc", " Corp.", " Corporation", " Ltd.", " Co., Ltd.", " LLC", " A/S", " AB", " Oy", " B.V.", " SE", " S.p.A."} {
		if short, ok := strings.CutSuffix(s, form); ok && len(short) > 2 {
			return strings.TrimRight(short, ", ")
		}
	}
	return s
}

// fromModules fills fields that only the CPU in the rack states: a controller
// behind two communication cards is known by its CPU.
func (c *Catalogue) fromModules(d *Device) {
	for _, m := range d.Modules {
		if !inRack(m.Module) {
			continue
		}
		p := &profile{fields: m.Fields, facts: nil}
		role, _ := c.roles.classify(p)
		if role != "plc" && role != "safety" {
			continue
		}
		for _, name := range fieldNames {
			f, ok := m.Fields[name]
			have := d.Fields[name]
			if ok && (have.Value == "" || have.Trust >= f.Trust && name != "name" && len(d.Modules) > 1) {
				f.Conflict = nil // the card's own value stays with the card
				d.Fields[name] = f
			}
		}
		return
	}
}

// outside says whether the device is somewhere on the internet: heard only
// through a router, with public addresses only, serving no OT protocol.
func (c *Catalogue) outside(d *Device) bool {
	public := false
	for _, s := range d.Sightings {
		if !s.Behind && !virtual(s.MAC) {
			return false
		}
		if nobody(s.IP) {
			continue
		}
		if !Public(s.IP) {
			return false
		}
		public = true
	}
	return public && len(c.roles.otUses(d.Traffic.Serves)) == 0
}

// Public says whether an address belongs to the internet.
func Public(ip netip.Addr) bool {
	return ip.IsValid() && ip.IsGlobalUnicast() && !ip.IsPrivate() && !netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(ip)
}
