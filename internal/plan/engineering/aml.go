package engineering

import (
	"regexp"
	"strings"

	"github.com/skanse/skanse/internal/plan"
)

// TIA Portal exports hardware ("CAx data") as AutomationML, CAEX 2.15 or 3.0,
// after the recommendation "AR APC" of AutomationML e.V.:
//
//	InstanceHierarchy > InternalElement (project) > … > InternalElement (Device) > (Rack) > (DeviceItem: CPU, head, module)
//	  Attribute TypeIdentifier  "OrderNumber:6ES7 516-3AN02-0AB0/V2.9", "GSD:GSDML-….XML/DAP/…", "System:Rack.ET200SP"
//	  Attribute TypeName, FirmwareVersion, PositionNumber, BuiltIn
//	  InternalElement (CommunicationInterface) > InternalElement (Node): Attribute NetworkAddress, ProfinetDeviceName
//
// What an element is stands in SupportedRoleClass or RoleRequirements.
func readAML(f *file, root *node) error {
	_ = root.all("WriterHeader", func(n *node) error {
		f.p.Revision = first(f.p.Revision, strings.TrimSpace(n.kid("WriterName").text+" "+n.kid("WriterVersion").text))
		f.p.Name = first(f.p.Name, n.kid("WriterProjectTitle").text)
		return nil
	})
	r := amlReader{f: f}
	for _, h := range root.kids {
		if h.name != "InstanceHierarchy" {
			continue
		}
		for _, e := range h.kids {
			if e.name == "InternalElement" {
				f.p.Name = first(f.p.Name, e.attr("Name"))
				r.walk(e, amlPlace{})
			}
		}
	}
	for i := range r.items {
		d := r.items[i].Device
		d.Module = len(d.Addresses)+len(d.MACs) == 0
		if p := r.items[i].head; p >= 0 {
			d.Parent = r.items[p].Name
		}
		if _, err := f.add(d); err != nil {
			return err
		}
	}
	return nil
}

type amlItem struct {
	plan.Device
	head int // the item of its device that has an address; -1: this is it, or there is none
}

type amlReader struct {
	f     *file
	items []amlItem
}

// amlPlace is where a walk stands.
type amlPlace struct {
	device, rack string
	item         int // the item around, one more than its index; 0: none
}

// failsafe are the types that TIA marks as failsafe in their names.
var failsafe = regexp.MustCompile(`^(F-|CPU \d{3,4}[A-Z]*F|IM 15\d-\d+ F)`)

func (r *amlReader) walk(e *node, at amlPlace) {
	kind := amlRole(e)
	values := map[string]string{}
	_ = e.each("Attribute", func(a *node) error {
		values[a.attr("Name")] = strings.TrimSpace(a.kid("Value").text)
		return nil
	})
	id := values["TypeIdentifier"]
	start := -1
	switch {
	case kind == "Device":
		at, start = amlPlace{device: e.attr("Name")}, len(r.items)
	case at.item > 0 && values["NetworkAddress"] != "" && (kind == "" || strings.HasPrefix(kind, "Node")):
		r.items[at.item-1].node(values)
	case strings.HasPrefix(id, "System:Rack") || strings.Contains(id, "590-1"): // a rail has an order number, too
		at.rack = e.attr("Name")
	case strings.HasPrefix(id, "OrderNumber:") || strings.HasPrefix(id, "GSD:"):
		r.items = append(r.items, amlItem{amlDevice(e, id, values, at), -1})
		at.item = len(r.items)
	}
	for _, k := range e.kids {
		if k.name == "InternalElement" && len(r.items) <= maxDevices {
			r.walk(k, at)
		}
	}
	if start >= 0 {
		r.together(start)
	}
}

// node takes the address of an interface.
func (i *amlItem) node(values map[string]string) {
	if a, ok := address(values["NetworkAddress"]); ok {
		i.Addresses = appendOnce(i.Addresses, a)
	}
	if n := values["ProfinetDeviceName"]; n != "" && len(i.Aliases) < 4 {
		i.Aliases = append(i.Aliases, n)
	}
	if m, ok := hardware(values["MacAddress"]); ok && len(i.MACs) == 0 {
		i.MACs = append(i.MACs, m)
	}
}

// together says of a device's items to which of them they belong: in a rack the
// CPU, which has the address, and its modules stand side by side.
func (r *amlReader) together(start int) {
	head := start
	for i := start; i < len(r.items); i++ {
		if len(r.items[i].Addresses) > 0 {
			head = i
			break
		}
	}
	for i := start; i < len(r.items); i++ {
		if i != head {
			r.items[i].head = head
		}
	}
}

func amlRole(e *node) string {
	for _, k := range e.kids {
		path := first(k.attr("RefRoleClassPath"), k.attr("RefBaseRoleClassPath"))
		if k.name == "SupportedRoleClass" || k.name == "RoleRequirements" {
			return path[strings.LastIndexByte(path, '/')+1:]
		}
	}
	return ""
}

func amlDevice(e *node, id string, values map[string]string, at amlPlace) plan.Device {
	d := plan.Device{
		Name: first(e.attr("Name"), at.device), Model: values["TypeName"], Firmware: values["FirmwareVersion"], Fit: plan.FitPart, Line: e.line,
		Vendor: values["Manufacturer"], Safety: failsafe.MatchString(values["TypeName"]),
	}
	kind, code, _ := strings.Cut(id, ":")
	if kind == "OrderNumber" {
		var version string
		d.OrderCode, version, _ = strings.Cut(code, "/")
		d.Firmware = first(d.Firmware, version)
		d.Vendor = first(d.Vendor, siemensOr(d.OrderCode, ""))
	}
	if strings.HasPrefix(d.Model, "CPU") || values["DeviceItemType"] == "CPU" {
		d.Role = "plc"
	}
	if p := values["PositionNumber"]; p != "" {
		d.Where = strings.TrimSpace(at.rack + " slot " + p)
	}
	return d
}
