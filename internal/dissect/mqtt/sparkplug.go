package mqtt

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Sparkplug B (Sparkplug 3.0, clauses 4 and 6):
//
//	topic    spBv1.0/group/type/edge node[/device], or spBv1.0/STATE/host
//	payload  protobuf: 1 time, 2 [ metric ], 3 sequence number
//	metric   1 name, 2 alias, 3 time, 4 data type, 7 null, 10 int, 11 long, 12 float, 13 double, 14 boolean, 15 string
const (
	maxMetrics = 256 // of a birth that are looked at
	maxModules = 64
)

// module is what speaks through a broker, or a device behind an edge node.
type module struct{ name string }

// split takes a Sparkplug topic apart.
func split(t []byte) (group, kind, edge, device []byte, ok bool) {
	rest, found := bytes.CutPrefix(t, []byte("spBv1.0/"))
	if !found {
		return nil, nil, nil, nil, false
	}
	group, rest, found = bytes.Cut(rest, []byte("/"))
	if !found {
		return nil, nil, nil, nil, false
	}
	if string(group) == "STATE" {
		return nil, group, rest, nil, len(rest) > 0
	}
	kind, rest, found = bytes.Cut(rest, []byte("/"))
	if !found {
		return nil, nil, nil, nil, false
	}
	edge, device, _ = bytes.Cut(rest, []byte("/"))
	switch string(kind) {
	case "NBIRTH", "NDEATH", "NDATA", "NCMD", "DBIRTH", "DDEATH", "DDATA", "DCMD":
		return group, kind, edge, device, len(edge) > 0
	}
	return nil, nil, nil, nil, false
}

// sparkplug reports one Sparkplug message; births say who speaks.
func (f *flow) sparkplug(dir ot.Dir, group, kind, edge, device, payload []byte, out *dissect.Sink) dissect.Fault {
	m := out.BeginAs(sparkplug)
	m.Kind, m.Text, m.Dir = kindSparkplug, kind, dir
	m.Name = f.path(group, edge, device)
	if string(kind) == "STATE" {
		out.End()
		return dissect.OK
	}
	birth := kind[1] == 'B'
	var about ot.Host
	if birth {
		about = f.about(dir, m.Name, device, out)
	}
	command := string(kind[1:]) == "CMD"
	fault := dissect.OK
	for b := payload; len(b) > 0; {
		field, value, rest, ok := field(b)
		if !ok {
			fault = dissect.Short
			break
		}
		b = rest
		if field != 2 || value == nil {
			continue
		}
		if m.N++; m.N > maxMetrics {
			continue
		}
		name, text, v, isNumber := metric(value)
		if birth && len(text) > 0 {
			f.said(about, name, text, out)
		}
		if command && m.N == 1 {
			if bytes.HasPrefix(name, []byte("Node Control/")) || bytes.HasPrefix(name, []byte("Device Control/")) {
				m.Class = ot.Control
			}
			if isNumber {
				m.Value = v
				m.Flags |= ot.HasValue
			}
		}
	}
	if birth && m.N > 0 {
		if len(device) == 0 {
			out.FactOf(about, "sparkplug.edge_node", edge)
			out.FactOf(about, "sparkplug.group", group)
		} else {
			out.FactOf(about, "sparkplug.device", device)
		}
	}
	out.End()
	return fault
}

func (f *flow) path(parts ...[]byte) []byte {
	p := f.name[:0]
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		if len(p) > 0 {
			p = append(p, '/')
		}
		p = append(p, part[:min(len(part), 128)]...)
	}
	return p
}

// about says whom a birth is about. What a client publishes is its own, or of
// the device behind it; what a broker hands on is of somebody else, whose
// address nobody knows.
func (f *flow) about(dir ot.Dir, path, device []byte, out *dissect.Sink) ot.Host {
	host := out.Src
	name := path
	if dir == ot.Request {
		name = device
	}
	if len(name) == 0 {
		return host
	}
	for i := range f.modules {
		if string(name) == f.modules[i].name {
			host.Module = f.modules[i].name
			return host
		}
	}
	if len(f.modules) < maxModules {
		f.modules = append(f.modules, module{string(name[:min(len(name), 80)])})
		host.Module = f.modules[len(f.modules)-1].name
	} else {
		host.Module = "Sparkplug"
	}
	return host
}

// metric returns what is asked of a metric.
func metric(b []byte) (name, text []byte, v float64, isNumber bool) {
	for len(b) > 0 {
		number, value, rest, ok := field(b)
		if !ok {
			return name, text, v, isNumber
		}
		switch number {
		case 1:
			name = value
		case 10, 11, 14:
			if value == nil {
				v, isNumber = float64(varint(b)), true
			}
		case 12:
			v, isNumber = float32At(b)
		case 13:
			v, isNumber = float64At(b)
		case 15:
			text = value
		}
		b = rest
	}
	return name, text, v, isNumber
}

// said takes a birth's properties, by the last part of their names, which are
// a custom and no rule: "Properties/Hardware Make", "Info/FW Version".
func (f *flow) said(about ot.Host, name, text []byte, out *dissect.Sink) {
	leaf := name[bytes.LastIndexByte(name, '/')+1:]
	var word [32]byte
	w := word[:0]
	for _, x := range leaf {
		if x >= 'A' && x <= 'Z' {
			x += 'a' - 'A'
		}
		if x >= 'a' && x <= 'z' && len(w) < len(word) {
			w = append(w, x)
		}
	}
	switch string(w) {
	case "hardwaremake", "make", "manufacturer", "vendor", "vendorname", "manufacturername":
		out.FactOf(about, "sparkplug.vendor", text)
	case "hardwaremodel", "model", "product", "productname", "modelname", "devicetype":
		out.FactOf(about, "sparkplug.model", text)
	case "serial", "serialnumber", "serialno":
		out.FactOf(about, "sparkplug.serial", text)
	case "fw", "fwversion", "firmware", "firmwareversion", "swversion", "softwareversion", "moduleversion":
		out.FactOf(about, "sparkplug.firmware", text)
	case "hwversion", "hardwareversion", "hardwarerevision":
		out.FactOf(about, "sparkplug.hardware_version", text)
	case "os", "osversion", "operatingsystem":
		out.FactOf(about, "sparkplug.os", text)
	}
}
