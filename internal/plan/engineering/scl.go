package engineering

import (
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
)

// IEC 61850-6, Substation Configuration Language (SCD, CID, ICD, IID):
//
//	SCL
//	  Header                       id, version, revision
//	  Communication/SubNetwork/ConnectedAP   iedName, apName
//	    Address/P                  type: IP, MAC-Address …
//	    GSE, SMV                   ldInst, cbName; Address/P: MAC-Address (a multicast), APPID, VLAN-ID
//	  IED                          name, type, manufacturer, configVersion, desc
//	    AccessPoint/Server/LDevice inst
//	      LN0, LN                  GSEControl, SampledValueControl, ReportControl: name
//	        …Control/IEDName       who subscribes
//	        RptEnabled/ClientLN    iedName: who is told by reports
//	        Inputs/ExtRef          iedName, serviceType, srcCBName: what this IED listens to
//
// A control block with its multicast address and its subscribers is a planned
// conduit; what an IED's reports name as clients is one of MMS.
func readSCL(f *file, root *node) error {
	h := root.kid("Header")
	f.p.Name = first(h.attr("id"), f.name)
	f.p.Revision = strings.Trim(h.attr("version")+"."+h.attr("revision"), ".")
	s := sclReader{f: f, at: map[string]*plan.Device{}, groups: map[string]*sclGroup{}}
	if err := root.each("IED", s.ied); err != nil {
		return err
	}
	if err := root.kid("Communication").all("ConnectedAP", s.connected); err != nil {
		return err
	}
	for _, name := range s.order {
		if d := s.at[name]; d != nil {
			d.Module = len(d.Addresses)+len(d.MACs) == 0 && len(d.Services) == 0
			if _, err := f.add(*d); err != nil {
				return err
			}
		}
	}
	if err := root.each("IED", s.subscriptions); err != nil {
		return err
	}
	return s.conduits()
}

type sclReader struct {
	f      *file
	order  []string
	at     map[string]*plan.Device
	groups map[string]*sclGroup // by IED/ldInst/cbName
	keys   []string
	mms    []plan.Conduit
}

// sclGroup is one control block.
type sclGroup struct {
	ied, protocol, name, appID string
	group                      ot.MAC
	to                         []string
	line                       int
}

func (s *sclReader) ied(n *node) error {
	name := n.attr("name")
	if name == "" {
		return s.f.wrong(n.line, "an IED without a name")
	}
	maker, model := n.attr("manufacturer"), n.attr("type")
	if name == "TEMPLATE" {
		s.f.p.Types = append(s.f.p.Types, plan.Type{Key: "scl " + maker + "/" + model, Vendor: ot.Printable(maker), Model: ot.Printable(model), Revision: ot.Printable(n.attr("configVersion")), Line: n.line})
		return nil
	}
	if s.at[name] != nil {
		return s.f.wrong(n.line, "two IEDs are called %q", ot.Printable(name))
	}
	if len(s.order) == maxDevices {
		return s.f.wrong(n.line, "more than %d IEDs in one file", maxDevices)
	}
	d := &plan.Device{Name: name, Vendor: maker, Model: model, Config: n.attr("configVersion"), Role: "ied", Line: n.line}
	_ = n.each("AccessPoint", func(ap *node) error {
		if len(ap.kid("Server").kids) > 0 && len(d.Services) == 0 {
			d.Services = append(d.Services, plan.Service{Protocol: "mms", Line: ap.line})
		}
		return nil
	})
	s.at[name] = d
	s.order = append(s.order, name)
	return n.all("LDevice", func(ld *node) error {
		for _, c := range []struct{ element, protocol string }{{"GSEControl", "goose"}, {"SampledValueControl", "sv"}} {
			err := ld.all(c.element, func(cb *node) error {
				if t := cb.attr("type"); t != "" && t != "GOOSE" && c.protocol == "goose" {
					return nil // GSSE
				}
				g := &sclGroup{ied: name, protocol: c.protocol, name: ld.attr("inst") + "/" + cb.attr("name"), line: cb.line}
				_ = cb.each("IEDName", func(to *node) error {
					g.subscriber(to.text)
					return nil
				})
				key := name + "/" + g.name
				if s.groups[key] == nil {
					s.groups[key] = g
					s.keys = append(s.keys, key)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return ld.all("ClientLN", func(c *node) error {
			if from := c.attr("iedName"); from != "" && from != name && len(s.mms) < maxDevices {
				s.mms = append(s.mms, plan.Conduit{From: from, To: name, Protocols: []plan.Service{{Protocol: "mms", Line: c.line}}, Why: "its reports are for it", Line: c.line})
			}
			return nil
		})
	})
}

func (g *sclGroup) subscriber(name string) {
	if name = strings.TrimSpace(name); name != "" && name != g.ied && !slices.Contains(g.to, name) {
		g.to = append(g.to, name)
	}
}

// connected takes the addresses of an access point and of its control blocks.
func (s *sclReader) connected(n *node) error {
	d := s.at[n.attr("iedName")]
	if d == nil {
		s.f.left("an access point of an IED that the file does not describe")
		return nil
	}
	for _, p := range n.kid("Address").kids {
		switch p.attr("type") {
		case "IP":
			if a, ok := address(p.text); ok {
				d.Addresses = appendOnce(d.Addresses, a)
			}
		case "MAC-Address":
			if m, ok := hardware(p.text); ok && !m.Group() {
				d.MACs = append(d.MACs, m)
			}
		}
	}
	for _, k := range n.kids {
		if k.name != "GSE" && k.name != "SMV" {
			continue
		}
		g := s.groups[n.attr("iedName")+"/"+k.attr("ldInst")+"/"+k.attr("cbName")]
		if g == nil {
			continue
		}
		for _, p := range k.kid("Address").kids {
			switch p.attr("type") {
			case "MAC-Address":
				g.group, _ = hardware(p.text)
			case "APPID":
				g.appID = strings.TrimSpace(p.text)
			}
		}
	}
	return nil
}

// subscriptions takes what each IED says that it listens to.
func (s *sclReader) subscriptions(n *node) error {
	name := n.attr("name")
	return n.all("ExtRef", func(x *node) error {
		from := x.attr("iedName")
		if from == "" || from == name || from == "@" {
			return nil
		}
		if cb := x.attr("srcCBName"); cb != "" {
			if g := s.groups[from+"/"+first(x.attr("srcLDInst"), x.attr("ldInst"))+"/"+cb]; g != nil {
				g.subscriber(name)
			}
		}
		return nil
	})
}

func (s *sclReader) conduits() error {
	for _, key := range s.keys {
		g := s.groups[key]
		if g.group == (ot.MAC{}) {
			s.f.left("a control block without a multicast address: " + ot.Printable(key))
			continue
		}
		why := g.protocol + " control block " + g.name
		if g.appID != "" {
			why += ", APPID " + g.appID
		}
		to := g.to
		if len(to) == 0 {
			to = []string{"any"}
		}
		for _, t := range to {
			if t != "any" && s.at[t] == nil {
				s.f.left("a subscriber that the file does not describe: " + ot.Printable(t))
				continue
			}
			if len(s.f.p.Conduits) == maxDevices {
				return s.f.wrong(g.line, "more than %d subscriptions in one file", maxDevices)
			}
			s.f.p.Conduits = append(s.f.p.Conduits, plan.Conduit{From: g.ied, To: t, Protocols: []plan.Service{{Protocol: g.protocol, Line: g.line}}, Why: ot.Printable(why), Group: g.group, Line: g.line})
		}
	}
	seen := map[string]bool{}
	for _, c := range s.mms {
		if key := c.From + "\x00" + c.To; s.at[c.From] != nil && !seen[key] {
			seen[key] = true
			s.f.p.Conduits = append(s.f.p.Conduits, c)
		}
	}
	s.f.p.Covers = []string{"goose", "sv"}
	return nil
}
