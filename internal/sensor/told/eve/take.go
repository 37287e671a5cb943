package eve

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

type ether struct {
	Src string `json:"src_mac"`
	Dst string `json:"dest_mac"`
}

type flow struct {
	PktsToServer  uint64 `json:"pkts_toserver"`
	PktsToClient  uint64 `json:"pkts_toclient"`
	BytesToServer uint64 `json:"bytes_toserver"`
	BytesToClient uint64 `json:"bytes_toclient"`
	Start         string `json:"start"`
	End           string `json:"end"`
	State         string `json:"state"`
}

type tcp struct {
	Flags   string `json:"tcp_flags_ts"`
	SYN     bool   `json:"syn"`
	ACK     bool   `json:"ack"`
	Flag    string `json:"tcp_flags"`
	Session string `json:"state"`
}

type netflow struct {
	Pkts   uint64 `json:"pkts"`
	Bytes  uint64 `json:"bytes"`
	Start  string `json:"start"`
	End    string `json:"end"`
	MinTTL uint8  `json:"min_ttl"`
}

// protocol is what Suricata calls a protocol and what we do.
func (e *reader) protocol(app string, port uint16) (protocol, guess string) {
	ours := app
	switch app {
	case "", "failed", "unknown":
		return "", ""
	case "http1", "http2", "http":
		ours = "http"
	case "krb5":
		ours = "kerberos"
	case "rfb":
		ours = "vnc"
	case "bittorrent-dht", "smb", "dcerpc":
		return "", app
	case "dns":
		switch port {
		case 5353:
			ours = "mdns"
		case 5355:
			ours = "llmnr"
		case 137:
			ours = "netbios"
		}
	case "ldap", "tls", "ssh", "ftp", "tftp", "snmp", "ntp", "dhcp", "modbus", "dnp3", "enip", "mqtt", "rdp", "telnet", "quic", "pgsql":
	}
	if !e.t.Names().Has(ours) {
		return "", app
	}
	return ours, ""
}

// talk finds the conversation of a record. In a flow's record the source is the
// client; in others it is whoever sent what the record is about.
func (e *reader) talk(r *record, protocol, guess string, by sensor.ClientBy) told.Conv {
	k := told.Talk{Orig: ot.Host{IP: r.src}, Resp: ot.Host{IP: r.dst}, OrigPort: r.SrcPort, RespPort: r.DstPort, Transport: transport(r.Proto), Protocol: protocol, Guess: guess, By: by}
	if len(r.VLAN) > 0 {
		k.VLAN = r.VLAN[0] & 0xfff
	}
	return e.t.Talk(k)
}

// alert is what one of Suricata's signatures said.
type alert struct {
	ID        uint64 `json:"signature_id"`
	Signature string `json:"signature"`
	Severity  int    `json:"severity"` // 1 is the most urgent
	Action    string `json:"action"`
}

// alert tells one as a statement about whom the packet went to. Of its payload nothing is taken.
func (e *reader) alert(r *record) {
	a := r.Alert
	if a == nil || a.Signature == "" {
		return
	}
	e.spoke(r)
	value := fmt.Sprintf("%d %s [%d]", min(max(a.Severity, 1), 9), a.Signature, a.ID)
	if a.Action == "blocked" {
		value += " (blocked)"
	}
	e.t.Fact(ot.Host{IP: r.dst}, "suricata.alert", value, "suricata", ot.Host{IP: r.src})
}

func (e *reader) take(r *record) {
	switch r.Type {
	case "alert":
		e.alert(r)
		e.content(r)
	case "flow":
		e.flow(r)
	case "netflow":
		e.netflow(r)
	default:
		e.content(r)
	}
}

// flow is a whole conversation, told when it ended.
func (e *reader) flow(r *record) {
	f := r.Flow
	if f == nil {
		e.t.Skip("a flow without counters")
		return
	}
	first, ok := moment(f.Start)
	if !ok {
		first = r.at
	}
	last, ok := moment(f.End)
	if !ok || last < first {
		last = first
	}
	by := sensor.ByGuess
	if r.TCP != nil && r.TCP.SYN {
		by = sensor.BySYN
	}
	protocol, guess := e.protocol(r.App, r.DstPort)
	c := e.talk(r, protocol, guess, by)
	c.Count(first, last, 1, f.PktsToServer, f.BytesToServer, f.PktsToClient, f.BytesToClient)
	if f.State == "established" {
		c.Established()
	}
	src, dst := ot.Host{IP: r.src}, ot.Host{IP: r.dst}
	var vlan uint16
	if len(r.VLAN) > 0 {
		vlan = r.VLAN[0] & 0xfff
	}
	if r.Ether != nil {
		_ = src.MAC.UnmarshalText([]byte(r.Ether.Src)) // what is no address is none
		_ = dst.MAC.UnmarshalText([]byte(r.Ether.Dst))
	}
	if f.PktsToServer > 0 {
		e.t.Host(src, vlan, 0, first, last, f.PktsToServer, f.BytesToServer)
	}
	if f.PktsToClient > 0 {
		e.t.Host(dst, vlan, 0, first, last, f.PktsToClient, f.BytesToClient)
	}
}

// netflow is one direction of a conversation.
func (e *reader) netflow(r *record) {
	n := r.Netflow
	if n == nil {
		return
	}
	first, ok := moment(n.Start)
	if !ok {
		first = r.at
	}
	last, ok := moment(n.End)
	if !ok || last < first {
		last = first
	}
	protocol, guess := e.protocol(r.App, min(r.SrcPort, r.DstPort))
	c := e.talk(r, protocol, guess, sensor.ByGuess)
	c.Count(first, last, 0, n.Pkts, n.Bytes, 0, 0)
	e.t.Host(ot.Host{IP: r.src}, 0, 0, first, last, n.Pkts, n.Bytes)
}

type pdu struct {
	FunctionRaw  uint32          `json:"function_raw"`
	FunctionCode json.RawMessage `json:"function_code"`
	Unit         uint32          `json:"unit_id"`
	Exception    json.RawMessage `json:"exception"`
	ErrorFlags   string          `json:"error_flags"`
	Access       string          `json:"access_type"`
	Category     string          `json:"category"`
	Read         *struct {
		Address  uint32 `json:"address"`
		Quantity uint32 `json:"quantity"`
	} `json:"read"`
	Write *struct {
		Address uint32 `json:"address"`
	} `json:"write"`
}

type modbus struct {
	Request  *pdu `json:"request"`
	Response *pdu `json:"response"`
}

type dnp3 struct {
	Type        string `json:"type"`
	Application *struct {
		Function uint32 `json:"function_code"`
	} `json:"application"`
	Request *struct {
		Application struct {
			Function uint32 `json:"function_code"`
		} `json:"application"`
	} `json:"request"`
	Response *struct {
		Application struct {
			Function uint32 `json:"function_code"`
		} `json:"application"`
	} `json:"response"`
}

type enipPart struct {
	Command string `json:"command"`
	Status  string `json:"status"`
	CIP     *struct {
		Service string `json:"service"`
		Status  string `json:"status"`
		Path    []struct {
			Type  string          `json:"segment_type"`
			Value json.RawMessage `json:"value"`
		} `json:"path"`
	} `json:"cip"`
	Identity *enipIdentity `json:"identity"`
}

type enipIdentity struct {
	Vendor      string          `json:"vendor_id"`
	DeviceType  string          `json:"device_type"`
	ProductCode json.RawMessage `json:"product_code"`
	Revision    string          `json:"revision"`
	Serial      json.RawMessage `json:"serial"`
	Product     string          `json:"product_name"`
}

type enip struct {
	Request  *enipPart `json:"request"`
	Response *enipPart `json:"response"`
}

// content tells what a protocol's record names.
func (e *reader) content(r *record) {
	switch {
	case r.Modbus != nil:
		c := e.talk(r, "modbus", "", sensor.ByGuess)
		e.spoke(r)
		e.modbus(c, r.Modbus.Request, ot.Request)
		e.modbus(c, r.Modbus.Response, ot.Response)
	case r.DNP3 != nil:
		e.spoke(r)
		e.dnp3(e.talk(r, "dnp3", "", sensor.ByGuess), r.DNP3)
	case r.ENIP != nil:
		c := e.talk(r, "enip", "", sensor.ByGuess)
		e.spoke(r)
		e.enip(c, r.ENIP.Request, ot.Request)
		e.enip(c, r.ENIP.Response, ot.Response)
	default:
		e.office(r)
	}
}

// spoke notes that the sender of a record exists.
func (e *reader) spoke(r *record) { e.t.Host(ot.Host{IP: r.src}, 0, 0, r.at, r.at, 0, 0) }

func (e *reader) modbus(c told.Conv, p *pdu, dir ot.Dir) {
	if p == nil {
		return
	}
	m := told.Message{Protocol: "modbus", Kind: "function", Dir: dir, Code: p.FunctionRaw & 0x7f, Unit: p.Unit}
	m.Refused = dir == ot.Response && (p.FunctionRaw&0x80 != 0 || len(p.Exception) > 0 && string(p.Exception) != "null")
	if p.Read != nil {
		m.First, m.N = p.Read.Address, p.Read.Quantity
	} else if p.Write != nil {
		m.First, m.N = p.Write.Address, 1
	}
	c.Message(m)
}

func (e *reader) dnp3(c told.Conv, d *dnp3) {
	tell := func(code uint32, dir ot.Dir) {
		c.Message(told.Message{Protocol: "dnp3", Kind: "function", Code: code & 0xff, Dir: dir})
	}
	if d.Request != nil {
		tell(d.Request.Application.Function, ot.Request)
	}
	if d.Response != nil {
		tell(d.Response.Application.Function, ot.Response)
	}
	if d.Application != nil {
		dir := ot.Request
		if d.Type == "response" || d.Type == "unsolicited_response" {
			dir = ot.Response
		}
		tell(d.Application.Function, dir)
	}
}

func (e *reader) enip(c told.Conv, p *enipPart, dir ot.Dir) {
	if p == nil {
		return
	}
	word := func(protocol, kind, s string) told.Message {
		m := told.Message{Protocol: protocol, Kind: kind, Dir: dir}
		if n, err := strconv.ParseUint(s, 0, 16); err == nil {
			m.Code = uint32(n)
		} else if n, ok := e.t.Names().Find(protocol, kind, s); ok {
			m.Code = n
		} else {
			m.Text = s
		}
		return m
	}
	if p.Command != "" {
		m := word("enip", "command", strings.ReplaceAll(p.Command, "RRData", "RR Data"))
		m.Refused = dir == ot.Response && p.Status != "" && !strings.EqualFold(p.Status, "success")
		c.Message(m)
	}
	if p.CIP != nil && p.CIP.Service != "" {
		m := word("cip", "service", strings.TrimSuffix(p.CIP.Service, "(Response)"))
		m.Refused = dir == ot.Response && p.CIP.Status != "" && !strings.EqualFold(p.CIP.Status, "success")
		c.Message(m)
	}
	if id := p.Identity; id != nil && dir == ot.Response {
		about := c.Server()
		e.t.Fact(about, "enip.product_name", id.Product, "enip", about)
		e.t.Fact(about, "enip.revision", id.Revision, "enip", about)
		if n, err := strconv.ParseUint(strings.Trim(string(id.Serial), `"`), 0, 32); err == nil {
			e.t.Fact(about, "enip.serial", fmt.Sprintf("0x%08x", n), "enip", about)
		}
		if n, err := strconv.ParseUint(strings.Trim(string(id.ProductCode), `"`), 0, 16); err == nil {
			e.t.Fact(about, "enip.product_code", strconv.FormatUint(n, 10), "enip", about)
		}
		for _, x := range [...]struct {
			attr ot.Attr
			said string
		}{
			{"enip.vendor_id", id.Vendor},
			{"enip.device_type", id.DeviceType},
		} {
			if n, err := strconv.ParseUint(x.said, 0, 16); err == nil {
				e.t.Fact(about, x.attr, strconv.FormatUint(n, 10), "enip", about)
			}
		}
	}
}
