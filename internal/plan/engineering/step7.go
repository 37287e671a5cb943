package engineering

import (
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"

	"github.com/skanse/skanse/internal/plan"
)

// HW Config of STEP 7 V5 exports a station as text in Windows-1252, one record a
// component, each with a block:
//
//	FILEVERSION "3.2"
//	STATION S7300 , "SIMATIC 300(1)"
//	RACK 0, SLOT 2, "6ES7 315-2EH14-0AB0" "V3.2", "CPU 315-2 PN/DP"
//	BEGIN … END
//	RACK 0, SLOT 2, SUBSLOT 2, "CPU 315-2 PN/DP", "PN-IO"      the CPU's interface
//	  IPADDRESS "C0A80014"   or   IPADDRESS C0 A8 00 14
//	DPSUBSYSTEM 1, DPADDRESS 3, "6ES7 153-1AA03-0XB0", "IM 153-1"
//	IOSUBSYSTEM 100, IOADDRESS 1, "6ES7 151-3BA23-0AB0" "V7.0", "et200s-1"   the last text is its PROFINET name
//	IOSUBSYSTEM 100, IOADDRESS 1, SLOT 1, "6ES7 131-4BB01-0AA0", "2DI"
var (
	step7Part = regexp.MustCompile(`^(RACK|SLOT|SUBSLOT|SUBMODULE|DPSUBSYSTEM|DPADD?RESS|IOSUBSYSTEM|IOADDRESS)\s+(\d+)$`)
	step7Text = regexp.MustCompile(`"([^"]*)"`)
)

// step7Record is the place that a record is about, and its device.
type step7Record struct {
	kind, unit, slot string // RACK 0, IOSUBSYSTEM 100/IOADDRESS 1
	sub              bool   // an interface or port of the slot
	texts            []string
}

func readStep7(f *file, lines []string) error {
	at := map[string]int{} // place → device
	station, cpu := "", ""
	var devices []plan.Device
	current, depth := -1, 0
	for i, line := range lines {
		line = strings.TrimSpace(line)
		switch {
		case line == "BEGIN":
			depth++
		case line == "END" || line == "ENDE":
			depth = max(0, depth-1)
		case strings.HasPrefix(line, "STATION "):
			if t := step7Text.FindStringSubmatch(line); t != nil {
				station = t[1]
			}
			f.p.Name, current = first(station, f.p.Name), -1
		case strings.HasPrefix(line, "FILEVERSION"):
			f.p.Revision = first(strings.Trim(strings.TrimPrefix(line, "FILEVERSION"), ` "`))
		case strings.HasPrefix(line, "RACK ") || strings.HasPrefix(line, "DPSUBSYSTEM ") || strings.HasPrefix(line, "IOSUBSYSTEM "):
			r, ok := step7Header(line)
			if current = -1; !ok {
				continue
			}
			place := r.kind + r.unit + "." + r.slot
			if n, have := at[place]; have {
				current = n
				continue
			}
			if r.sub || r.kind == "RACK" && r.slot == "" {
				continue // a port of a slot that has no record, or the rail
			}
			d := r.device(i + 1)
			switch {
			case r.kind != "RACK" && r.slot != "":
				if head, have := at[r.kind+r.unit+"."]; have {
					d.Parent = devices[head].Name
					if r.slot == "0" { // the head's own interface
						at[place], current = head, head
						continue
					}
				}
			case r.kind == "RACK" && strings.HasPrefix(strings.ToUpper(d.Model), "CPU"):
				if cpu == "" {
					cpu = first(station, d.Name)
				}
				d.Name, d.Role = first(station, d.Name), "plc"
			default:
				d.Parent = cpu
			}
			current = len(devices)
			at[place] = current
			devices = append(devices, d)
		case current >= 0:
			step7Property(&devices[current], line)
		}
		if len(devices) > maxDevices {
			return f.wrong(i+1, "more than %d components in one file", maxDevices)
		}
	}
	if depth > 0 {
		return f.wrong(len(lines), "the file ends within a block (BEGIN without END): it is cut; export it again")
	}
	for _, d := range devices {
		d.Module = len(d.Addresses)+len(d.MACs) == 0
		if _, err := f.add(d); err != nil {
			return err
		}
	}
	return nil
}

// step7Header reads the places and texts of a record's first line.
func step7Header(line string) (r step7Record, ok bool) {
	places, _, _ := strings.Cut(line, `"`)
	for part := range strings.SplitSeq(places, ",") {
		m := step7Part.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			continue
		}
		switch m[1] {
		case "RACK", "DPSUBSYSTEM", "IOSUBSYSTEM":
			r.kind, r.unit = m[1], " "+m[2]
		case "DPADDRESS", "DPADRESS", "IOADDRESS":
			r.unit += "/" + m[2]
		case "SLOT":
			r.slot = strings.TrimLeft(m[2], "0")
			if r.slot == "" {
				r.slot = "0"
			}
		default:
			r.sub = true
		}
	}
	for _, t := range step7Text.FindAllStringSubmatch(line, -1) {
		r.texts = append(r.texts, t[1])
	}
	// "DPSUBSYSTEM 1" and "IOSUBSYSTEM 100" alone are the bus itself.
	return r, r.kind == "RACK" || r.kind != "" && strings.Contains(r.unit, "/")
}

func (r *step7Record) device(line int) plan.Device {
	d := plan.Device{Line: line, Fit: plan.FitPart}
	switch r.kind {
	case "RACK":
		d.Where = "rack" + r.unit + " slot " + r.slot
	case "DPSUBSYSTEM":
		d.Where = "PROFIBUS" + strings.Replace(r.unit, "/", " address ", 1)
	default:
		d.Where = "PROFINET" + strings.Replace(r.unit, "/", " device ", 1)
	}
	if r.kind != "RACK" && r.slot != "" {
		d.Where += " slot " + r.slot
	}
	if n := len(r.texts); n > 0 {
		code := r.texts[0]
		d.Vendor = siemensOr(code, "")
		if d.Vendor != "" {
			d.OrderCode = code
		} else if n > 1 {
			d.Model = code // a GSD file or a maker's own name
		}
		d.Name = r.texts[n-1]
		if n > 2 && strings.HasPrefix(r.texts[1], "V") {
			d.Firmware = r.texts[1]
		}
		if r.kind == "RACK" {
			d.Model = d.Name
		}
	}
	return d
}

// step7Property takes what a record's block says of the network.
func step7Property(d *plan.Device, line string) {
	key, value, ok := strings.Cut(line, " ")
	if !ok {
		return
	}
	value = strings.ReplaceAll(strings.Trim(strings.TrimSpace(value), `"`), " ", "")
	switch key {
	case "IPADDRESS":
		raw, err := hex.DecodeString(value)
		if err != nil || len(raw) != 4 {
			return
		}
		if a, ok := address(netip.AddrFrom4([4]byte(raw)).String()); ok {
			d.Addresses = appendOnce(d.Addresses, a)
		}
	case "MACADDRESS":
		if m, ok := hardware(value); ok && len(d.MACs) == 0 {
			d.MACs = append(d.MACs, m)
		}
	case "CAPABLE_F_SAFETY":
		d.Safety = d.Safety || value == "1"
	}
}
