package engineering

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
)

// An EDS of EtherNet/IP (CIP volume 1, chapter 7) is text in sections; $ begins a comment, ; ends an entry:
//
//	[Device]
//	  VendCode = 1;  VendName = "Rockwell Automation";
//	  ProdType = 12; ProdTypeStr = "Communications Adapter"; ProdCode = 166;
//	  MajRev = 3; MinRev = 1; ProdName = "1756-EN2T"; Catalog = "1756-EN2T/A";
func readEDS(f *file, lines []string) error {
	values, first1 := map[string]string{}, 0
	section := ""
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "$")
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "[") {
			section = strings.ToLower(line)
			continue
		}
		if section != "[device]" {
			continue
		}
		if first1 == 0 {
			first1 = i + 1
		}
		for entry := range strings.SplitSeq(line, ";") {
			if k, v, ok := strings.Cut(entry, "="); ok {
				values[strings.ToLower(strings.TrimSpace(k))] = ot.Printable(strings.Trim(strings.TrimSpace(v), `"`))
			}
		}
	}
	vendor, ok1 := number(values["vendcode"])
	kind, ok2 := number(values["prodtype"])
	code, ok3 := number(values["prodcode"])
	if !ok1 || !ok2 || !ok3 {
		return f.wrong(max(first1, 1), "the section [Device] lacks VendCode, ProdType or ProdCode: this is no device description of EtherNet/IP, or it is cut")
	}
	f.p.Name = first(values["prodname"], f.name)
	f.p.Types = append(f.p.Types, plan.Type{
		Key: "cip " + strconv.Itoa(int(vendor)) + "/" + strconv.Itoa(int(kind)) + "/" + strconv.Itoa(int(code)), Vendor: values["vendname"], Model: values["prodname"],
		OrderCode: values["catalog"], Family: values["prodtypestr"], Revision: revision(values["majrev"], values["minrev"]), Line: first1,
	})
	return nil
}

// A GSD of PROFIBUS (PROFIBUS guideline 2.122) is text of key = value; ; begins a comment, a backslash continues a line:
//
//	#Profibus_DP
//	Vendor_Name = "SIEMENS"
//	Model_Name = "IM 151-1"
//	Ident_Number = 0x806A
//	OrderNumber = "6ES7 151-1AA05-0AB0"
func readGSD(f *file, lines []string) error {
	values, at := map[string]string{}, 1
	for i, line := range lines {
		if k, v, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(strings.TrimSpace(line), ";") {
			k = strings.ToLower(strings.TrimSpace(k))
			if k == "ident_number" {
				at = i + 1
			}
			if v = strings.TrimSpace(v); strings.HasPrefix(v, `"`) {
				v, _, _ = strings.Cut(v[1:], `"`)
			} else {
				v, _, _ = strings.Cut(v, ";")
			}
			if _, have := values[k]; !have {
				values[k] = ot.Printable(v)
			}
		}
	}
	id, ok := number(values["ident_number"])
	if !ok {
		return f.wrong(at, "no Ident_Number: this is no device description of PROFIBUS, or it is cut")
	}
	f.p.Name = first(values["model_name"], f.name)
	f.p.Types = append(f.p.Types, plan.Type{
		Key: "dp " + hex4(id), Vendor: values["vendor_name"], Model: values["model_name"], OrderCode: values["ordernumber"], Revision: values["software_release"], Line: at,
	})
	return nil
}

// GSDML (PROFINET, guideline 2.352) is XML:
//
//	ProfileBody/DeviceIdentity       VendorID, DeviceID; VendorName Value
//	ProfileBody/DeviceFunction/Family  MainFamily, ProductFamily
//	…/DeviceAccessPointItem/ModuleInfo  Name TextId, OrderNumber Value, SoftwareRelease Value
//	…/ExternalTextList/PrimaryLanguage/Text  TextId, Value
func readGSDML(f *file, root *node) error {
	body := root.kid("ProfileBody")
	id := body.kid("DeviceIdentity")
	vendor, ok1 := number(id.attr("VendorID"))
	device, ok2 := number(id.attr("DeviceID"))
	if !ok1 || !ok2 {
		return f.wrong(root.line, "DeviceIdentity lacks VendorID or DeviceID: this is no device description of PROFINET, or another one of ISO 15745")
	}
	texts := map[string]string{}
	_ = body.all("PrimaryLanguage", func(n *node) error {
		return n.each("Text", func(t *node) error {
			texts[t.attr("TextId")] = t.attr("Value")
			return nil
		})
	})
	t := plan.Type{Key: "pn " + hex4(vendor) + "/" + hex4(device), Vendor: id.kid("VendorName").attr("Value"), Family: body.kid("DeviceFunction").kid("Family").attr("ProductFamily"), Line: id.line}
	points := 0
	_ = body.all("DeviceAccessPointItem", func(n *node) error {
		info := n.kid("ModuleInfo")
		model, code := texts[info.kid("Name").attr("TextId")], info.kid("OrderNumber").attr("Value")
		if points++; points == 1 {
			t.Model, t.OrderCode = model, code
		}
		if t.OrderCode != code { // several heads: the device id alone does not say which
			t.OrderCode = ""
		}
		if t.Model != model {
			t.Model = ""
		}
		t.Revision = first(info.kid("SoftwareRelease").attr("Value"), t.Revision)
		return nil
	})
	t.Model = first(t.Model, t.Family)
	for _, s := range []*string{&t.Vendor, &t.Model, &t.OrderCode, &t.Family, &t.Revision} {
		*s = ot.Printable(*s)
	}
	f.p.Name = first(t.Model, f.name)
	f.p.Types = append(f.p.Types, t)
	return nil
}

func hex4(n uint32) string {
	s := strconv.FormatUint(uint64(n), 16)
	return strings.Repeat("0", max(0, 4-len(s))) + s
}

// addressOf reads '192.168.1.10' in quotes and [192, 168, 1, 10].
func addressOf(s string) (netip.Addr, bool) {
	s = strings.Trim(strings.TrimSpace(s), `'"[]{}`)
	if strings.Count(s, ",") == 3 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, " ", ""), ",", ".")
	}
	return address(s)
}
