package asset

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
	"github.com/skanse/skanse/internal/store"
)

// What projects say of an asset, beside what was heard of it.
const (
	PlannedAgrees  = "agrees"
	PlannedDiffers = "differs"
	PlannedUnseen  = "unseen"
)

// plannedRow is asset_planned.
type plannedRow struct {
	ProjectID string                   `db:"project_id"`
	Item      int64                    `db:"item"`
	SiteNo    int64                    `db:"site_no"`
	AssetID   string                   `db:"asset_id"`
	Name      string                   `db:"name"`
	Aliases   store.JSON[[]string]     `db:"aliases"`
	Parent    string                   `db:"parent"`
	Place     string                   `db:"place"`
	Vendor    string                   `db:"vendor"`
	Model     string                   `db:"model"`
	OrderCode string                   `db:"order_code"`
	Firmware  string                   `db:"firmware"`
	Fit       string                   `db:"fit"`
	Serial    string                   `db:"serial"`
	Role      string                   `db:"role"`
	Config    string                   `db:"config"`
	Safety    bool                     `db:"safety"`
	Part      bool                     `db:"part"`
	IPs       store.JSON[[]string]     `db:"ips"`
	MACs      store.JSON[[]string]     `db:"macs"`
	Kin       store.JSON[[]kin]        `db:"kin"`
	Line      int64                    `db:"line"`
	BoundBy   string                   `db:"bound_by"`
	Differs   store.JSON[[]Difference] `db:"differs"`
}

const plannedColumns = "project_id, item, site_no, asset_id, name, aliases, parent, place, vendor, model, order_code, firmware, fit, serial, role, config, safety, part, ips, macs, kin, line, bound_by, differs"

// kin is a module in the same rack: it may answer at the device's address.
type kin struct {
	OrderCode string `json:"o"`
	Firmware  string `json:"f"`
	Fit       string `json:"t"`
}

// maxKin bounds the modules that stand beside one device.
const maxKin = 64

// Difference is where what was heard is other than planned.
type Difference struct {
	Field   string `json:"field" enum:"ip,mac,order_code,firmware,serial"`
	Planned string `json:"planned"`
	Found   string `json:"found"`
}

// plannedOf turns a file's devices into rows.
func plannedOf(p *plan.Project, projectID string, siteNo int64) []plannedRow {
	racks := map[string][]kin{} // by the device that its modules stand with
	rackOf := func(d *plan.Device) string {
		if d.Parent != "" {
			return d.Parent
		}
		return d.Name
	}
	for i := range p.Devices {
		if d := &p.Devices[i]; strings.Contains(d.Where, "slot") && d.OrderCode != "" && len(racks[rackOf(d)]) < maxKin {
			racks[rackOf(d)] = append(racks[rackOf(d)], kin{d.OrderCode, d.Firmware, string(d.Fit)})
		}
	}
	out := make([]plannedRow, 0, len(p.Devices))
	for i := range p.Devices {
		d := &p.Devices[i]
		row := plannedRow{
			ProjectID: projectID, Item: int64(i + 1), SiteNo: siteNo, Name: d.Name, Parent: d.Parent, Place: d.Where, Vendor: d.Vendor, Model: d.Model, OrderCode: d.OrderCode,
			Firmware: d.Firmware, Fit: string(d.Fit), Serial: d.Serial, Role: d.Role, Config: d.Config, Safety: d.Safety, Part: d.Module, Line: int64(d.Line),
		}
		row.Aliases.V, row.IPs.V, row.MACs.V, row.Kin.V, row.Differs.V = append([]string{}, d.Aliases...), []string{}, []string{}, []kin{}, []Difference{}
		for _, a := range d.Addresses {
			row.IPs.V = append(row.IPs.V, a.String())
		}
		for _, m := range d.MACs {
			row.MACs.V = append(row.MACs.V, m.String())
		}
		if !d.Module && strings.Contains(d.Where, "slot") {
			row.Kin.V = append(row.Kin.V, racks[rackOf(d)]...)
		}
		out = append(out, row)
	}
	return out
}

// against says where an asset that was heard is other than planned. What nobody said is no difference.
func (p *plannedRow) against(a *assetRow) []Difference {
	out := []Difference{}
	if !a.Seen {
		return out
	}
	add := func(field, planned, found string) {
		out = append(out, Difference{field, planned, found})
	}
	if len(p.IPs.V) > 0 && len(a.IPs.V) > 0 && !overlap(p.IPs.V, a.IPs.V) {
		add("ip", strings.Join(p.IPs.V, ", "), strings.Join(a.IPs.V, ", "))
	}
	if len(p.MACs.V) > 0 && len(a.MACs.V) > 0 && !overlap(p.MACs.V, a.MACs.V) {
		add("mac", strings.Join(p.MACs.V, ", "), strings.Join(a.MACs.V, ", "))
	}
	firmware, fit := p.Firmware, plan.Fit(p.Fit)
	if p.OrderCode != "" && a.OrderCode != "" && !plan.CodeAgrees(p.OrderCode, a.OrderCode) {
		i := slices.IndexFunc(p.Kin.V, func(k kin) bool { return plan.CodeAgrees(k.OrderCode, a.OrderCode) })
		if i < 0 {
			add("order_code", p.OrderCode, a.OrderCode)
		} else {
			firmware, fit = p.Kin.V[i].Firmware, plan.Fit(p.Kin.V[i].Fit)
		}
	}
	if firmware != "" && a.Firmware != "" && !plan.FirmwareAgrees(firmware, a.Firmware, fit) {
		add("firmware", firmware, a.Firmware)
	}
	if p.Serial != "" && a.Serial != "" && !plan.Alike(p.Serial, a.Serial) {
		add("serial", p.Serial, a.Serial)
	}
	return out
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// underlay fills what nobody measured with what is planned: a project says less
// than the wire, and more than the maker of a network card. A planned firmware is
// no installed one, so that it names an asset only until that was heard.
func underlay(a *assetRow, d *Device, rows []*plannedRow, cat *Catalogue) {
	a.Planned = ""
	for _, p := range rows {
		if !a.Seen {
			a.Planned = PlannedUnseen
		} else if len(p.Differs.V) > 0 {
			a.Planned = PlannedDiffers
		} else if a.Planned == "" {
			a.Planned = PlannedAgrees
		}
		if slices.ContainsFunc(p.Differs.V, func(x Difference) bool { return x.Field == "order_code" || x.Field == "serial" }) {
			continue // another device stands there than was planned
		}
		if d != nil && d.Fields["vendor"].Trust == 6 && p.Vendor != "" {
			a.Vendor = p.Vendor
		}
		for _, f := range []struct{ to, from *string }{{&a.Name, &p.Name}, {&a.Vendor, &p.Vendor}, {&a.Model, &p.Model}, {&a.OrderCode, &p.OrderCode}, {&a.Serial, &p.Serial}} {
			if *f.to == "" {
				*f.to = *f.from
			}
		}
		if !a.Seen {
			if a.Firmware == "" {
				a.Firmware = p.Firmware
			}
			p.role(a, cat)
		}
	}
}

// role gives an asset that nobody heard the role that its project or its make says.
func (p *plannedRow) role(a *assetRow, cat *Catalogue) {
	var d Device
	cat.heed(&d, map[string]overrideRow{"name": {Value: a.Name}, "vendor": {Value: a.Vendor}, "model": {Value: a.Model}, "order_code": {Value: a.OrderCode}})
	if d.Role == "" || d.Role == "unknown" || p.Role != "" && p.Role != d.Role {
		if p.Role == "" {
			return
		}
		d.Role, d.RoleReason = p.Role, "its engineering project says so"
		d.Level, d.LevelWhy = cat.roles.level(&d.profile, d.Role, d.RoleReason)
	}
	a.Role, a.RoleReason, a.Level, a.LevelReason = d.Role, d.RoleReason, d.Level, d.LevelWhy
}

// typeRow is asset_type.
type typeRow struct {
	SiteNo    int64  `db:"site_no"`
	Key       string `db:"type_key"`
	ProjectID string `db:"project_id"`
	Vendor    string `db:"vendor"`
	Model     string `db:"model"`
	OrderCode string `db:"order_code"`
	Revision  string `db:"revision"`
}

// types are the device descriptions of a site, by key.
type types map[string]typeRow

// typeKeys are the numbers that a device states of its kind, as descriptions are
// found by them, each with the facts behind it.
func typeKeys(own []*Fact) (keys []string, facts map[string][]string) {
	said := map[string]*Fact{}
	for _, f := range own {
		if said[string(f.Attr)] == nil {
			said[string(f.Attr)] = f
		}
	}
	facts = map[string][]string{}
	join := func(kind string, hex bool, attrs ...string) {
		var parts, ids []string
		for _, a := range attrs {
			f := said[a]
			if f == nil {
				return
			}
			v := f.Value
			if hex {
				v = strings.ToLower(strings.TrimPrefix(v, "0x"))
			}
			parts, ids = append(parts, v), append(ids, f.ID)
		}
		key := kind + " " + strings.Join(parts, "/")
		if facts[key] == nil {
			keys = append(keys, key)
			facts[key] = ids
		}
	}
	for _, p := range []string{"enip", "cip"} {
		join("cip", false, p+".vendor_id", p+".device_type", p+".product_code")
	}
	for _, p := range []string{"pn_io", "pn_dcp"} {
		join("pn", true, p+".vendor_id", p+".device_id")
	}
	return keys, facts
}

// name fills what a device did not say itself from the description of its kind. It says whether it did.
func (t types) name(d *Device) bool {
	if len(t) == 0 {
		return false
	}
	own, _ := split(d.Facts)
	keys, facts := typeKeys(own)
	named := false
	for _, key := range keys {
		row, ok := t[key]
		if !ok {
			continue
		}
		for _, f := range []struct{ field, value string }{{"vendor", row.Vendor}, {"model", row.Model}, {"order_code", row.OrderCode}} {
			have := d.Fields[f.field]
			if f.value == "" || have.Value != "" && have.Trust < 6 {
				continue
			}
			if d.Fields == nil {
				d.Fields = map[string]Field{}
			}
			d.Fields[f.field] = Field{Value: f.value, Trust: 3, Facts: facts[key]}
			named = true
		}
	}
	return named
}

// nobodys says whether an address cannot be one device's.
func nobodys(text string) bool {
	ip, err := netip.ParseAddr(text)
	return err != nil || nobody(ip)
}

// ownCard says whether a MAC can be a device's own.
func ownCard(text string) bool {
	var m ot.MAC
	return m.UnmarshalText([]byte(text)) == nil && !m.Group() && !virtual(m)
}
