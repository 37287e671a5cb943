// Package engineering reads what engineering tools export, as a plan: Rockwell L5X,
// STEP 7 and TIA Portal hardware, IEC 61850 SCL, CODESYS, and the device
// descriptions EDS, GSD and GSDML. It takes devices, addresses and versions, never
// programs; a file is known by its content, not by its name.
package engineering

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
)

// MaxFile bounds a file: it is held in memory while it is read.
const MaxFile = 64 << 20

// maxDevices bounds what one file plans.
const maxDevices = 50_000

// Format is one kind of file.
type Format struct {
	Name string // as an API calls it
	What string // for people
	root string // of XML; empty: text
	mark string // what the text holds
	read func(f *file, n *node) error
	text func(f *file, lines []string) error
	skip []string // parts of the XML that say nothing of hardware
}

// Formats lists what can be read.
func Formats() []Format {
	return []Format{
		{Name: "l5x", What: "Rockwell L5X project", root: "RSLogix5000Content", read: readL5X, skip: []string{"DataTypes", "AddOnInstructionDefinitions", "Tags", "Programs", "Tasks", "Communications", "ExtendedProperties", "Trends", "QuickWatchLists", "EncodedData"}},
		{Name: "step7", What: "STEP 7 hardware configuration (.cfg)", mark: "FILEVERSION", text: readStep7},
		{Name: "aml", What: "TIA Portal CAx export (AutomationML)", root: "CAEXFile", read: readAML, skip: []string{"RoleClassLib", "SystemUnitClassLib", "InterfaceClassLib", "AttributeTypeLib"}},
		{Name: "scl", What: "IEC 61850 SCL file", root: "SCL", read: readSCL, skip: []string{"DataTypeTemplates", "Substation", "Process", "Line", "DOI", "DataSet", "SettingControl"}},
		{Name: "plcopen", What: "PLCopen XML project", root: "project", read: readPLCopen, skip: []string{"pou", "types"}},
		{Name: "codesys", What: "CODESYS export", root: "ExportFile", read: readExport},
		{Name: "gsdml", What: "PROFINET device description (GSDML)", root: "ISO15745Profile", read: readGSDML, skip: []string{"ModuleList", "SubmoduleList", "ChannelDiagList", "GraphicsList", "UseableModules", "VirtualSubmoduleList", "SystemDefinedSubmoduleList", "ValueList"}},
		{Name: "eds", What: "EtherNet/IP device description (EDS)", mark: "[Device]", text: readEDS},
		{Name: "gsd", What: "PROFIBUS device description (GSD)", mark: "#Profibus_DP", text: readGSD},
	}
}

// file is one that is being read.
type file struct {
	name  string
	p     *plan.Project
	names map[string]int // taken names of devices, in lower case
}

// Read reads a plan from a file of any known kind; what is none of them is read as a project.yaml.
func Read(name string, r io.Reader) (*plan.Project, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "read %s: %w", name, err)
	}
	return Parse(name, raw)
}

// Parse is Read of bytes.
func Parse(name string, raw []byte) (*plan.Project, error) {
	shown := ot.Printable(name)
	if len(raw) > MaxFile {
		return nil, ot.Errorf(ot.Invalid, "%s has more than %d MiB; export the hardware configuration without programs and pictures", shown, MaxFile>>20)
	}
	if err := foreign(shown, raw); err != nil {
		return nil, err
	}
	text, err := decode(shown, raw)
	if err != nil {
		return nil, err
	}
	f := &file{name: shown, p: &plan.Project{Source: shown, Covers: []string{}}, names: map[string]int{}}
	format, root := recognise(text)
	switch {
	case format == nil && root == "" && containsLine(text[:min(len(text), 64<<10)], "[DeviceInfo]"):
		return nil, ot.Errorf(ot.Invalid, "%s is a device description of CANopen, which no sensor on Ethernet hears: only those of EtherNet/IP are read", shown)
	case format == nil && root == "":
		p, err := plan.Parse(shown, text)
		if err != nil && bytes.IndexByte(text, 0) >= 0 {
			err = ot.Errorf(ot.Invalid, "%s is neither text nor XML; known are: %s", shown, known())
		}
		return p, err
	case format == nil:
		return nil, ot.Errorf(ot.Invalid, "%s is XML with the root %q, which is none of the known kinds: %s", shown, ot.Printable(root), known())
	}
	f.p.Format = format.What
	if format.text != nil {
		err = format.text(f, splitLines(text))
	} else {
		var n *node
		if n, err = f.tree(text, format.skip); err == nil {
			err = format.read(f, n)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(f.p.Devices)+len(f.p.Types) == 0 {
		return nil, ot.Errorf(ot.Invalid, "%s is a %s, and no device stands in it; export the whole project or its hardware", shown, format.What)
	}
	if f.p.Name == "" {
		f.p.Name = shown
	}
	return f.p, nil
}

func known() string {
	var out []string
	for _, f := range Formats() {
		out = append(out, f.What)
	}
	return strings.Join(append(out, "project.yaml"), ", ")
}

// foreign names files of the same tools that are not open, with the way to one that is.
func foreign(name string, raw []byte) error {
	lower := strings.ToLower(name)
	instead := ""
	switch {
	case len(raw) == 0:
		return ot.Errorf(ot.Invalid, "%s is empty", name)
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")) && strings.HasSuffix(lower, ".amlx"):
		instead = "it is a packed AutomationML container: unpack it and give the .aml file in it"
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")) && strings.HasSuffix(lower, ".iid"):
		instead = "it is a packed IED description: unpack it and give the .icd or .cid file in it"
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")):
		instead = "it is a packed archive: unpack it, and give the file that the engineering tool exported"
	case strings.HasSuffix(lower, ".acd"):
		instead = "it is Studio 5000's own file: save the project as L5X (File, Save As)"
	case strings.HasSuffix(lower, ".project") && !bytes.HasPrefix(raw, []byte("<")):
		instead = "it is CODESYS' own file: use Project, Export, or Export PLCopenXML, with the devices"
	case bytes.HasPrefix(raw, []byte{0x1f, 0x8b}), bytes.HasPrefix(raw, []byte("7z\xbc\xaf")), bytes.HasPrefix(raw, []byte("Rar!")):
		instead = "it is packed: unpack it first"
	default:
		return nil
	}
	return ot.Errorf(ot.Invalid, "%s cannot be read: %s", name, instead)
}

// recognise finds the format by content; root is that of XML of no known kind.
func recognise(text []byte) (format *Format, root string) {
	all := Formats()
	if root = rootName(text); root != "" {
		for i := range all {
			if all[i].root != root {
				continue
			}
			if root == "project" && !bytes.Contains(text[:min(len(text), 4096)], []byte("plcopen.org")) {
				continue
			}
			return &all[i], root
		}
		return nil, root
	}
	head := text[:min(len(text), 64<<10)]
	for i := range all {
		if m := all[i].mark; m != "" && containsLine(head, m) {
			return &all[i], ""
		}
	}
	return nil, ""
}

// containsLine says whether a line begins with the mark.
func containsLine(head []byte, mark string) bool {
	for line := range bytes.Lines(head) {
		if line = bytes.TrimSpace(line); len(line) >= len(mark) && strings.EqualFold(string(line[:len(mark)]), mark) {
			return true
		}
	}
	return false
}

// Recognised says whether Parse would read a file as an engineering file, or refuse
// it as one that it knows: a list in columns and a project.yaml are neither.
func Recognised(name string, raw []byte) bool {
	shown := ot.Printable(name)
	if len(raw) > 0 && foreign(shown, raw) != nil {
		return true
	}
	text, err := decode(shown, raw[:min(len(raw), 64<<10)&^1])
	if err != nil {
		return true
	}
	format, root := recognise(text)
	return format != nil || root != "" || containsLine(text, "[DeviceInfo]") || containsLine(text, "project:")
}

// wrong is a mistake with its place.
func (f *file) wrong(line int, format string, args ...any) error {
	return ot.Errorf(ot.Invalid, "%s:%d: "+format, append([]any{f.name, line}, args...)...)
}

// add takes a device. Names must be one's own in a plan; engineering tools
// give them once a station only, so that later ones get their parent's before them.
func (f *file) add(d plan.Device) (string, error) {
	if len(f.p.Devices) == maxDevices {
		return "", f.wrong(d.Line, "more than %d devices in one file; export a part of the plant", maxDevices)
	}
	for _, s := range []*string{&d.Name, &d.Vendor, &d.Model, &d.OrderCode, &d.Firmware, &d.Serial, &d.Where, &d.Parent, &d.Config} {
		if *s = ot.Printable(*s); len(*s) > 200 {
			*s = strings.ToValidUTF8((*s)[:200], "")
		}
	}
	if d.Name == "" {
		d.Name = first(d.Where, d.Model, d.OrderCode, "device without a name")
	}
	base := d.Name
	if f.names[strings.ToLower(base)] > 0 && d.Parent != "" {
		base = d.Parent + " / " + d.Name
		d.Name = base
	}
	for n := 2; f.names[strings.ToLower(d.Name)] > 0; n++ {
		d.Name = base + " (" + itoa(n) + ")"
	}
	f.names[strings.ToLower(d.Name)] = len(f.p.Devices) + 1
	f.p.Devices = append(f.p.Devices, d)
	return d.Name, nil
}

// left notes once what could not be taken over.
func (f *file) left(sentence string) {
	if !slices.Contains(f.p.Left, sentence) && len(f.p.Left) < 20 {
		f.p.Left = append(f.p.Left, sentence)
	}
}

func first(values ...string) string {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
	}
	return ""
}
