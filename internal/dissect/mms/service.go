package mms

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

// Confirmed services that are looked into (ISO 9506-2 clause 7.3).
const (
	getNameList           = 1
	identify              = 2
	readVariable          = 4
	writeVariable         = 5
	getAttributes         = 6
	defineVariableList    = 11
	listAttributes        = 12
	deleteVariableList    = 13
	initiateDownload      = 26
	downloadSegment       = 27
	terminateDownload     = 28
	initiateUpload        = 29
	uploadSegment         = 30
	requestDomainDownload = 32
	requestDomainUpload   = 33
	loadDomain            = 34
	storeDomain           = 35
	deleteDomain          = 36
	domainAttributes      = 37
	createProgram         = 38
	deleteProgram         = 39
	start                 = 40
	stop                  = 41
	resume                = 42
	reset                 = 43
	kill                  = 44
	programAttributes     = 45
	obtainFile            = 46
	fileOpen              = 72
	fileRead              = 73
	fileRename            = 75
	fileDelete            = 76
	fileDirectory         = 77
	maxService            = 100
	classDomain           = 9 // of objects whose names are listed
)

// What an answer tells besides its service.
const (
	nothing        uint8 = iota
	logicalDevices       // the answer lists the domains of the device
	vendorName           // the answer is one value of the name plate
	modelName
	serialNumber
	softwareRevision
	hardwareRevision
	configRevision
)

// request: 0x02 invoke id | 0x30 modifiers | [service]
func (f *flow) request(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	id, rest, ok := ber.Want(b, 0x02)
	if !ok {
		return dissect.BadValue
	}
	tag, body, more, ok := ber.Next(rest)
	for ok && tag == 0x30 {
		tag, body, more, ok = ber.Next(more)
	}
	if !ok {
		return dissect.Short
	}
	service := ber.Number(tag)
	if service > maxService {
		return dissect.BadValue
	}
	f.tell(dir, out)
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindService, service, ot.Request
	detail := nothing
	switch service {
	case getNameList:
		detail = f.listNames(m, body)
	case readVariable:
		detail = f.variables(m, body, 0xa1, out)
	case writeVariable:
		f.write(m, body, out)
	case getAttributes:
		if name, ok := ber.Find(body, 0xa0); ok {
			m.Name = f.objectName(name)
		}
	case listAttributes, defineVariableList:
		m.Name = f.objectName(body)
	case deleteVariableList:
		if list, ok := ber.Find(body, 0xa1); ok {
			m.Name = f.objectName(list)
		}
	case initiateDownload, terminateDownload, requestDomainDownload, requestDomainUpload, loadDomain, storeDomain, createProgram, start, stop, resume, reset:
		name, ok := ber.Find(body, 0x80)
		if !ok {
			name, _ = ber.Find(body, 0x1a)
		}
		m.Name = name
	case downloadSegment, initiateUpload, deleteDomain, domainAttributes, deleteProgram, programAttributes:
		m.Name = body
	case kill:
		m.Name, _ = ber.Find(body, 0x80)
	case fileOpen, fileDirectory:
		name, _ := ber.Find(body, 0xa0)
		m.Name, _, _ = ber.Want(name, 0x19)
	case fileDelete:
		m.Name, _, _ = ber.Want(body, 0x19)
	case fileRename:
		name, _ := ber.Find(body, 0xa0)
		m.Name, _, _ = ber.Want(name, 0x19)
	case obtainFile:
		name, _ := ber.Find(body, 0xa1)
		m.Name, _, _ = ber.Want(name, 0x19)
	}
	f.ask(dir, ber.Uint(id), uint8(service), detail)
	out.End()
	return dissect.OK
}

// listNames: 0xa0 { 0x80 class of objects } | 0xa1 scope { 0x80 device, 0x81 domain, 0x82 association }
func (f *flow) listNames(m *ot.Message, b []byte) uint8 {
	class, _ := ber.Find(b, 0xa0)
	of, _, _ := ber.Want(class, 0x80)
	m.Area = ber.Uint(of)
	scope, _ := ber.Find(b, 0xa1)
	m.Name, _, _ = ber.Want(scope, 0x81)
	if m.Area == classDomain {
		return logicalDevices
	}
	return nothing
}

// variables reads which variables are meant: a list 0xa0 { 0x30 { 0xa0 name } … } or 0xa1 the name of
// one. Read wraps the specification in a context of its own.
func (f *flow) variables(m *ot.Message, b []byte, wrap uint32, out *dissect.Sink) uint8 {
	if wrap != 0 {
		inner, ok := ber.Find(b, wrap)
		if !ok {
			return nothing
		}
		b = inner
	}
	tag, body, _, ok := ber.Next(b)
	if !ok {
		return nothing
	}
	if tag == 0xa1 {
		m.Name, m.N = f.objectName(body), 1
		return nothing
	}
	for rest := body; len(rest) > 0; {
		one, next, ok := ber.Want(rest, 0x30)
		if !ok {
			break
		}
		if rest = next; m.N == 0 {
			if name, ok := ber.Find(one, 0xa0); ok {
				m.Name = f.objectName(name)
			}
		}
		m.N++
	}
	item := m.Name[bytes.IndexByte(m.Name, '/')+1:]
	f.speaks(item, out)
	if m.Code == readVariable && bytes.Contains(item, []byte("$CO$")) && bytes.HasSuffix(item, []byte("$SBO")) {
		m.Class = ot.Control // reading it selects a switch before it is operated (IEC 61850-7-2)
	}
	if m.N == 1 {
		return plate(item)
	}
	return nothing
}

// write: the variables | 0xa0 list of data
func (f *flow) write(m *ot.Message, b []byte, out *dissect.Sink) {
	f.variables(m, b, 0, out)
	m.Class = written(m.Name)
	_, _, rest, ok := ber.Next(b)
	if !ok {
		return
	}
	if data, ok := ber.Find(rest, 0xa0); ok {
		if v, ok := value(data); ok {
			m.Value = v
			m.Flags |= ot.HasValue
		}
	}
}

// written tells operating and configuring from writing, by the functional
// constraint in an IEC 61850 name: domain/node$CO$object$Oper (IEC 61850-7-2 clause 12).
func written(name []byte) ot.Class {
	item := name[bytes.IndexByte(name, '/')+1:]
	i := bytes.IndexByte(item, '$')
	if i < 0 || len(item) < i+4 || item[i+3] != '$' {
		return 0
	}
	switch string(item[i+1 : i+3]) {
	case "CO":
		return ot.Control
	case "SP", "SG", "SE", "CF", "DC", "GO", "MS", "US":
		return ot.Configure
	}
	return 0
}

// plate says which part of the name plate an item is.
func plate(item []byte) uint8 {
	for _, p := range [...]struct {
		end  string
		what uint8
	}{
		{"$PhyNam$vendor", vendorName},
		{"$PhyNam$model", modelName},
		{"$PhyNam$serNum", serialNumber},
		{"$PhyNam$swRev", softwareRevision},
		{"$PhyNam$hwRev", hardwareRevision},
		{"$NamPlt$configRev", configRevision},
	} {
		if len(item) > len(p.end) && string(item[len(item)-len(p.end):]) == p.end {
			return p.what
		}
	}
	return nothing
}

// speaks says once which application runs over MMS, by the names that it uses.
func (f *flow) speaks(item []byte, out *dissect.Sink) {
	if f.application || len(item) == 0 {
		return
	}
	switch i := bytes.IndexByte(item, '$'); {
	case bytes.HasPrefix(item, []byte("TASE2_")), bytes.HasPrefix(item, []byte("Bilateral_Table")), bytes.HasPrefix(item, []byte("Supported_Features")), bytes.HasPrefix(item, []byte("Next_DSTransfer_Set")):
		out.FactOf(out.Dst, "mms.application", append(f.text[:0], "TASE.2 (ICCP)"...))
	case i > 3 && len(item) > i+2 && (len(item) == i+3 || item[i+3] == '$'), bytes.HasPrefix(item, []byte("LLN0")):
		out.FactOf(out.Dst, "mms.application", append(f.text[:0], "IEC 61850"...))
	default:
		return
	}
	f.application = true
}
