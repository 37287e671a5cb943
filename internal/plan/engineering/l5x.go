package engineering

import (
	"net/netip"
	"strings"

	"github.com/skanse/skanse/internal/plan"
)

// L5X is what Studio 5000 and RSLogix 5000 save ("Logix 5000 Controllers
// Import/Export", Rockwell publication 1756-RM084):
//
//	RSLogix5000Content  TargetType: Controller, Module …
//	  Controller        Name, ProcessorType, MajorRev, MinorRev, CommPath
//	    SafetyInfo      there on a safety controller
//	    Modules
//	      Module        Name, CatalogNumber, Vendor, ProductType, ProductCode, Major, Minor, ParentModule, SafetyNetwork
//	        EKey        State: ExactMatch, CompatibleModule, Disabled
//	        Ports/Port  Type: ICP, Ethernet, PointIO …; Address: slot or IP address; Upstream: towards the controller
//
// The module "Local" is the controller itself. Firmware is Major.Minor; what EKey
// says of it is kept, since "compatible module" takes later revisions.
func readL5X(f *file, root *node) error {
	controller := root.kid("Controller")
	f.p.Name, f.p.Revision = first(controller.attr("Name"), root.attr("TargetName")), root.attr("SoftwareRevision")
	modules := controller.kid("Modules").kids
	if len(modules) == 0 { // one module exported by itself
		modules = root.kids
	}
	called := map[string]string{}
	safety := len(controller.kid("SafetyInfo").attrs) > 0
	local := false
	for _, m := range modules {
		if m.name != "Module" {
			continue
		}
		d := l5xModule(m)
		own := d.Name == "Local" && m.attr("ParentModule") == "Local"
		if own {
			local = true
			d.Name, d.Role, d.Parent, d.Module = first(controller.attr("Name"), d.Name), "plc", "", false
			d.Safety = safety
			d.Addresses = appendOnce(d.Addresses, commPath(controller.attr("CommPath")))
			if len(d.Addresses) == 0 {
				d.Module = true // reached through a communication module only
			}
		}
		if parent := called[m.attr("ParentModule")]; parent != "" {
			d.Parent = parent
		}
		name, err := f.add(d)
		if err != nil {
			return err
		}
		called[m.attr("Name")] = name
	}
	if !local && controller.attr("ProcessorType") != "" {
		d := plan.Device{
			Name: controller.attr("Name"), Vendor: "Rockwell Automation", OrderCode: controller.attr("ProcessorType"), Firmware: revision(controller.attr("MajorRev"), controller.attr("MinorRev")),
			Role: "plc", Fit: plan.FitLater, Safety: safety, Line: controller.line, Addresses: appendOnce(nil, commPath(controller.attr("CommPath"))),
		}
		d.Module = len(d.Addresses) == 0
		if _, err := f.add(d); err != nil {
			return err
		}
	}
	return nil
}

func l5xModule(m *node) plan.Device {
	d := plan.Device{
		Name: m.attr("Name"), OrderCode: m.attr("CatalogNumber"), Vendor: cipMaker(m.attr("Vendor")), Firmware: revision(m.attr("Major"), m.attr("Minor")),
		Role: cipRole(m.attr("ProductType")), Line: m.line, Module: true, Safety: m.attr("SafetyNetwork") != "" && strings.Trim(m.attr("SafetyNetwork"), "16#0_") != "",
	}
	switch m.kid("EKey").attr("State") {
	case "CompatibleModule":
		d.Fit = plan.FitLater
	case "Disabled":
		d.Fit = plan.FitAny
	}
	for _, p := range m.kid("Ports").kids {
		switch {
		case p.attr("Type") == "Ethernet":
			if a, ok := address(p.attr("Address")); ok {
				d.Addresses, d.Module = appendOnce(d.Addresses, a), false
			} else if p.attr("Upstream") == "true" {
				d.Module = false // on the network, at an address that is a name or not set
			}
		case p.attr("Address") != "" && d.Where == "":
			d.Where = p.attr("Type") + " slot " + p.attr("Address")
		}
	}
	return d
}

// revision is Major.Minor as the wire says it, 33.11, not 33.011 as tools show it.
func revision(major, minor string) string {
	a, ok1 := number(major)
	b, ok2 := number(minor)
	if !ok1 || !ok2 || a == 0 {
		return ""
	}
	return itoa(int(a)) + "." + itoa(int(b))
}

// commPath gives the controller's own address out of "AB_ETHIP-1\10.1.1.5"; a
// path that goes on ("…\Backplane\0") names a bridge on the way.
func commPath(path string) (none netip.Addr) {
	parts := strings.Split(path, `\`)
	if len(parts) != 2 {
		return none
	}
	a, _ := address(parts[1])
	return a
}

func appendOnce(list []netip.Addr, a netip.Addr) []netip.Addr {
	if !a.IsValid() {
		return list
	}
	for _, have := range list {
		if have == a {
			return list
		}
	}
	return append(list, a)
}
