package engineering

import (
	"strings"

	"github.com/skanse/skanse/internal/plan"
)

// CODESYS exports its device tree in two ways.
//
// PLCopen XML (TC6) has no hardware; CODESYS adds its own in addData:
//
//	project > instances > configurations > configuration (name) … addData > data > Device
//	  DeviceType > DeviceIdentification: Type, Id, Version (ModuleId)
//	  … Parameter with the name IPAddress
//
// Its own export is a dump of objects:
//
//	ExportFile > StructuredView > Single > List2 EntryList > Single, one an object
//	  Single Name="MetaObject": Single Name="Name", Name="TypeGuid"
//	  Single Name="Object" of the type 225bfe47-… (a device): somewhere below Type, Id and Version side by side,
//	  and parameters with an IP address
//
// Both are written by the published schema and what users of CODESYS publish.
const codesysDevice = "225bfe47-7336-4dbc-9419-4105a7c831fa"

func readPLCopen(f *file, root *node) error {
	f.p.Name = root.kid("contentHeader").attr("name")
	f.p.Revision = strings.TrimSpace(root.kid("fileHeader").attr("productName") + " " + root.kid("fileHeader").attr("productVersion"))
	return plcopenWalk(f, root, "", "")
}

// plcopenWalk finds device identifications; name is the nearest one around, parent the nearest device.
func plcopenWalk(f *file, n *node, name, parent string) error {
	switch n.name {
	case "configuration", "resource", "Device", "Object", "device":
		name = first(n.attr("name"), n.attr("Name"), name)
	}
	id := n.kid("DeviceIdentification")
	if len(id.kids) == 0 {
		id = n.kid("ModuleIdentification")
	}
	if len(id.kids) > 0 {
		d := plan.Device{Name: name, Parent: parent, Firmware: id.kid("Version").text, Fit: plan.FitAny, Line: n.line}
		d.Where = codesysType(id.kid("Type").text, id.kid("Id").text)
		d.Model = first(n.kid("DeviceInfo").kid("Name").text, id.kid("ModuleId").text)
		d.Vendor = n.kid("DeviceInfo").kid("Vendor").text
		d.OrderCode = n.kid("DeviceInfo").kid("OrderNumber").text
		_ = n.all("Parameter", func(p *node) error {
			if strings.EqualFold(strings.ReplaceAll(first(p.attr("name"), p.attr("ParameterName"), p.kid("Name").text), " ", ""), "ipaddress") {
				if a, ok := addressOf(first(p.attr("value"), p.kid("Value").text, p.kid("Value").attr("value"), p.text)); ok {
					d.Addresses = appendOnce(d.Addresses, a)
				}
			}
			return nil
		})
		d.Module = len(d.Addresses) == 0
		got, err := f.add(d)
		if err != nil {
			return err
		}
		parent = got
	}
	for _, k := range n.kids {
		if err := plcopenWalk(f, k, name, parent); err != nil {
			return err
		}
	}
	return nil
}

func codesysType(kind, id string) string {
	if kind = strings.TrimSpace(kind); kind == "" {
		return ""
	}
	return "device type " + kind + ", id " + strings.TrimSpace(id)
}

func readExport(f *file, root *node) error {
	return root.all("List2", func(list *node) error {
		if list.attr("Name") != "EntryList" {
			return nil
		}
		return list.each("Single", f.exported)
	})
}

// exported takes one object of a CODESYS export, if it is a device.
func (f *file) exported(entry *node) error {
	meta, object := named(entry, "MetaObject"), named(entry, "Object")
	if meta == nil || object == nil {
		return nil
	}
	kind := strings.Trim(strings.ToLower(first(value(meta, "TypeGuid"), object.attr("Type"))), "{}")
	if kind != codesysDevice {
		return nil
	}
	d := plan.Device{Name: value(meta, "Name"), Fit: plan.FitAny, Line: entry.line}
	if path := entry.kid("Array"); path.attr("Name") == "Path" && len(path.kids) > 0 {
		d.Parent = path.kids[0].text
	}
	codesysObject(object, &d)
	if d.Where == "" && len(d.Addresses) == 0 {
		return nil
	}
	d.Module = len(d.Addresses) == 0
	_, err := f.add(d)
	return err
}

// codesysObject looks for an identification and addresses anywhere in an object.
func codesysObject(n *node, d *plan.Device) {
	if kind, id, version := value(n, "Type"), value(n, "Id"), value(n, "Version"); d.Where == "" && kind != "" && id != "" && version != "" {
		d.Where, d.Firmware = codesysType(kind, id), version
	}
	for _, x := range []struct {
		name string
		to   *string
	}{{"Vendor", &d.Vendor}, {"OrderNumber", &d.OrderCode}, {"DeviceName", &d.Model}} {
		if *x.to == "" {
			*x.to = value(n, x.name)
		}
	}
	if strings.Contains(strings.ToLower(strings.ReplaceAll(first(value(n, "VisibleName"), value(n, "Name"), value(n, "Identifier")), " ", "")), "ipaddress") {
		for _, name := range []string{"Value", "DefaultValue", "Data"} {
			if a, ok := addressOf(value(n, name)); ok {
				d.Addresses = appendOnce(d.Addresses, a)
				break
			}
		}
	}
	for _, k := range n.kids {
		codesysObject(k, d)
	}
}

// named returns the child with that Name.
func named(n *node, name string) *node {
	for _, k := range n.kids {
		if k.attr("Name") == name {
			return k
		}
	}
	return nil
}

// value is the text of the child with that Name; one that has children has none.
func value(n *node, name string) string {
	if k := named(n, name); k != nil && len(k.kids) == 0 {
		return strings.TrimSpace(k.text)
	}
	return ""
}
