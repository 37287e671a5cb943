// Package plan is what was planned for a plant (devices, the services they offer,
// and who may speak with whom) and how it compares with what was heard. It reads
// project.yaml and engineering files; it opens no capture and knows no database.
package plan

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Project is what somebody planned, or approved as it is.
type Project struct {
	Name     string
	Revision string
	Source   string // the file it was read from, for people
	Approved Approval
	Devices  []Device
	Conduits []Conduit
	Ignore   []Service // chatter of the network itself that is no finding

	Format string   // what the file is, for people; empty: a project.yaml
	Types  []Type   // what makers say of all devices of a kind
	Covers []string // nil: the plan says all that may be spoken; else only of these protocols who speaks with whom
	Left   []string // what the file holds and nobody could take over, one sentence each
}

// Type is what a device description (EDS, GSD, GSDML) says of every device of its
// kind. It plans nothing: it names what is heard.
type Type struct {
	Key       string // "cip 1/12/166" (vendor, device type, product code), "pn 002a/0301" (vendor, device), "dp 80d1" (ident number)
	Vendor    string
	Model     string
	OrderCode string
	Family    string
	Revision  string // the newest that the description knows
	Line      int
}

// Fit is how exactly a planned firmware is meant.
type Fit string

// The fits. STEP 7 and TIA Portal write "V2.9" where the device says "V2.9.4";
// Logix takes a later revision where its keying says "compatible module".
const (
	FitExact Fit = ""
	FitPart  Fit = "part"
	FitLater Fit = "later"
	FitAny   Fit = "any"
)

// Approval is who said that this is how it shall be. Skanse writes it empty.
type Approval struct{ By, Date, Note string }

// Device is one planned device. It is found again by any of its addresses, its serial number or its name.
type Device struct {
	Name      string
	Addresses []netip.Addr
	MACs      []ot.MAC
	Vendor    string
	Model     string
	OrderCode string
	Firmware  string
	Serial    string
	Role      string
	Services  []Service
	Optional  bool // it may be missing: a laptop, a spare
	Module    bool // sits in another device, such as a card in a rack: nobody hears it by itself
	Parent    string
	Where     string   // in an engineering file: "rack 0 slot 2"
	Fit       Fit      // how exactly Firmware is meant
	Safety    bool     // it has a safety network number or signature
	Aliases   []string // other names that it may state, such as its PROFINET name
	Config    string   // the version of its configuration, as an engineering file counts it
	Line      int
}

// Service is what a device offers: a protocol as Skanse names it, or a port.
type Service struct {
	Protocol  string // "s7comm"; empty: any
	Transport string // "tcp", "udp"; empty: any
	Port      uint16 // 0: any
	Accepted  string // why it may be in clear text
	Line      int
}

// Conduit is who may speak with whom, and how.
type Conduit struct {
	From, To  string // names of devices, addresses or networks; "any"
	Protocols []Service
	Classes   []string // what it may do; empty: anything
	Why       string
	Accepted  string // why it may be in clear text
	Group     ot.MAC // a multicast that From publishes: GOOSE, Sampled Values
	Line      int
}

func (s Service) String() string {
	switch {
	case s.Protocol != "" && s.Port != 0:
		return s.Protocol + " " + s.port()
	case s.Protocol != "":
		return s.Protocol
	}
	return s.port()
}

func (s Service) port() string {
	if s.Transport == "" {
		return strconv.Itoa(int(s.Port))
	}
	return strconv.Itoa(int(s.Port)) + "/" + s.Transport
}

// ParseService reads "s7comm", "102/tcp", "tcp/102" or "https 8443/tcp".
func ParseService(text string) (s Service, ok bool) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 || len(words) > 2 {
		return s, false
	}
	for _, w := range words {
		a, b, cut := strings.Cut(w, "/")
		if cut {
			if _, err := strconv.Atoi(a); err != nil {
				a, b = b, a
			}
			n, err := strconv.ParseUint(a, 10, 16)
			if err != nil || n == 0 || b != "tcp" && b != "udp" || s.Port != 0 {
				return s, false
			}
			s.Port, s.Transport = uint16(n), b
			continue
		}
		if s.Protocol != "" || w[0] >= '0' && w[0] <= '9' {
			return s, false
		}
		s.Protocol = w
	}
	return s, true
}

// covers says whether what was heard is this service.
func (s Service) covers(t *Talk) bool {
	return (s.Protocol == "" || s.Protocol == t.Protocol || slices.Contains(t.Inner, s.Protocol) || s.Port != 0 && t.Protocol == "") &&
		(s.Port == 0 || s.Port == t.Port) && (s.Transport == "" || s.Transport == t.Transport)
}

// Limits are sentences on what the plan itself cannot say.
func (p *Project) Limits() (out []string) {
	switch {
	case p.Covers == nil:
		return nil
	case len(p.Covers) == 0:
		out = append(out, p.Source+" names devices, not who may speak with whom: only devices were compared.")
	default:
		out = append(out, p.Source+" names who may speak "+strings.Join(p.Covers, " and ")+"; other conversations were not compared.")
	}
	for _, s := range p.Left {
		out = append(out, "Not taken out of "+p.Source+": "+s+".")
	}
	return out
}
