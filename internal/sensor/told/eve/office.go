package eve

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

type http struct {
	Host   string `json:"hostname"`
	Agent  string `json:"http_user_agent"`
	Method string `json:"http_method"`
	Status uint32 `json:"status"`
	Server string `json:"server"`
}

type tls struct {
	Subject  string `json:"subject"`
	Issuer   string `json:"issuerdn"`
	SNI      string `json:"sni"`
	Version  string `json:"version"`
	NotAfter string `json:"notafter"`
	JA3      *struct {
		Hash string `json:"hash"`
	} `json:"ja3"`
	JA4 string `json:"ja4"`
}

type answer struct {
	Name string `json:"rrname"`
	Type string `json:"rrtype"`
	Data any    `json:"rdata"`
}

type dns struct {
	Type    string   `json:"type"`
	Name    string   `json:"rrname"`
	RRType  string   `json:"rrtype"`
	Answers []answer `json:"answers"`
	Queries []answer `json:"queries"`
}

type ssh struct {
	Client *sshSide `json:"client"`
	Server *sshSide `json:"server"`
}

type sshSide struct {
	Version  string `json:"proto_version"`
	Software string `json:"software_version"`
}

type dhcp struct {
	Kind     string `json:"dhcp_type"`
	Type     string `json:"type"`
	MAC      string `json:"client_mac"`
	Assigned string `json:"assigned_ip"`
	Host     string `json:"hostname"`
	Vendor   string `json:"vendor_class_identifier"`
}

type ftp struct {
	Command string          `json:"command"`
	Data    string          `json:"command_data"`
	Codes   json.RawMessage `json:"completion_code"`
}

type snmp struct {
	Version   int    `json:"version"`
	Community string `json:"community"`
	PDU       string `json:"pdu_type"`
}

type rdp struct {
	Cookie string `json:"cookie"`
	Client *struct {
		Name  string          `json:"client_name"`
		Build json.RawMessage `json:"build"`
	} `json:"client"`
}

type rfb struct {
	Server *struct {
		Major string `json:"major"`
		Minor string `json:"minor"`
	} `json:"server_protocol_version"`
}

type tftp struct {
	Packet string `json:"packet"`
	File   string `json:"file"`
}

type krb5 struct {
	Realm  string `json:"realm"`
	Client string `json:"cname"`
}

type smb struct {
	Dialect string `json:"dialect"`
	NTLM    *struct {
		Host    string `json:"host"`
		Domain  string `json:"domain"`
		Version string `json:"version"`
	} `json:"ntlmssp"`
	Share string `json:"share"`
}

// office tells the records of what a plant shares with every office.
func (e *reader) office(r *record) {
	t := e.t
	src, dst := ot.Host{IP: r.src}, ot.Host{IP: r.dst}
	talk := func(protocol string) told.Conv {
		e.spoke(r)
		return e.talk(r, protocol, "", sensor.ByGuess)
	}
	switch {
	case r.HTTP != nil:
		c := talk("http")
		if m := r.HTTP.Method; m != "" {
			c.Message(told.Message{Protocol: "http", Kind: "method", Text: m, Dir: ot.Request})
		}
		if s := r.HTTP.Status; s > 0 && s < 1000 {
			c.Message(told.Message{Protocol: "http", Kind: "status", Code: s, Dir: ot.Response, Refused: s >= 400})
			t.Host(c.Server(), 0, 0, r.at, r.at, 0, 0)
		}
		t.Fact(c.Client(), "http.user_agent", r.HTTP.Agent, "http", c.Client())
		t.Fact(c.Server(), "http.host", r.HTTP.Host, "http", c.Client())
		t.Fact(c.Server(), "http.server", r.HTTP.Server, "http", c.Server())
	case r.TLS != nil:
		c := talk("tls")
		e.tls(c, r.TLS)
	case r.DNS != nil:
		e.dns(r, r.DNS)
	case r.SSH != nil:
		c := talk("ssh")
		for _, s := range []struct {
			side  *sshSide
			about ot.Host
		}{{r.SSH.Client, c.Client()}, {r.SSH.Server, c.Server()}} {
			if s.side != nil {
				t.Fact(s.about, "ssh.software", s.side.Software, "ssh", s.about)
				t.Fact(s.about, "ssh.version", s.side.Version, "ssh", s.about)
			}
		}
	case r.DHCP != nil:
		h := ot.Host{}
		if h.MAC.UnmarshalText([]byte(r.DHCP.MAC)) != nil || h.MAC == (ot.MAC{}) {
			return
		}
		if ip := address(r.DHCP.Assigned); ip.IsValid() && !ip.IsUnspecified() {
			h.IP = ip
			t.Fact(h, "dhcp.ip", ip.String(), "dhcp", src)
		}
		t.Host(h, 0, 0, r.at, r.at, 0, 0)
		t.Fact(h, "dhcp.hostname", r.DHCP.Host, "dhcp", h)
		t.Fact(h, "dhcp.vendor_class", r.DHCP.Vendor, "dhcp", h)
	case r.FTP != nil:
		c := talk("ftp")
		if w := strings.ToUpper(r.FTP.Command); w != "" && len(w) <= 16 {
			c.Message(told.Message{Protocol: "ftp", Kind: "command", Text: w, Dir: ot.Request})
			if w == "PASS" {
				t.Fact(c.Server(), "credential.cleartext", "ftp password", "ftp", c.Client())
			}
		}
	case r.SNMP != nil:
		c := talk("snmp")
		m := told.Message{Protocol: "snmp", Kind: "pdu", Dir: ot.Request}
		if code, ok := t.Names().Find("snmp", "pdu", strings.ReplaceAll(r.SNMP.PDU, "_", "-")); ok {
			m.Code = code
			if code == 2 {
				m.Dir = ot.Response
			}
			c.Message(m)
		}
		if r.SNMP.Community != "" && r.SNMP.Version < 3 {
			t.Fact(c.Server(), "credential.cleartext", "snmp community", "snmp", c.Client())
			if r.SNMP.Community == "public" || r.SNMP.Community == "private" {
				t.Fact(c.Server(), "credential.default", "snmp community", "snmp", c.Client())
			}
		}
	case r.RDP != nil:
		c := talk("rdp")
		if x := r.RDP.Client; x != nil {
			t.Fact(c.Client(), "rdp.client_name", x.Name, "rdp", c.Client())
		}
	case r.RFB != nil:
		c := talk("vnc")
		if v := r.RFB.Server; v != nil {
			t.Fact(c.Server(), "vnc.server_version", v.Major+"."+v.Minor, "vnc", c.Server())
		}
	case r.TFTP != nil:
		c := talk("tftp")
		if code, ok := t.Names().Find("tftp", "operation", r.TFTP.Packet); ok {
			c.Message(told.Message{Protocol: "tftp", Kind: "operation", Code: code, Dir: ot.Request, Object: r.TFTP.File})
		}
	case r.KRB5 != nil:
		c := talk("kerberos")
		t.Fact(c.Server(), "kerberos.realm", r.KRB5.Realm, "kerberos", c.Client())
		if computer, is := strings.CutSuffix(r.KRB5.Client, "$"); is {
			t.Fact(c.Client(), "kerberos.hostname", computer, "kerberos", c.Client())
		}
	case r.SMB != nil:
		e.spoke(r)
		e.smb(r.SMB, src, dst)
	case len(r.MQTT) > 2:
		c := talk("mqtt")
		e.mqtt(c, r.MQTT)
	default:
		e.spoke(r)
	}
}

func (e *reader) tls(c told.Conv, x *tls) {
	t := e.t
	t.Host(c.Server(), 0, 0, c.At(), c.At(), 0, 0)
	t.Fact(c.Server(), "tls.server_name", x.SNI, "tls", c.Client())
	t.Fact(c.Server(), "tls.version", x.Version, "tls", c.Server())
	t.Fact(c.Server(), "tls.certificate_subject", commonName(x.Subject), "tls", c.Server())
	if x.Subject != "" && x.Subject == x.Issuer {
		t.Fact(c.Server(), "tls.certificate_issuer", "itself", "tls", c.Server())
	} else {
		t.Fact(c.Server(), "tls.certificate_issuer", commonName(x.Issuer), "tls", c.Server())
	}
	if x.JA3 != nil {
		t.Fact(c.Client(), "tls.ja3", x.JA3.Hash, "tls", c.Client())
	}
	t.Fact(c.Client(), "tls.ja4", x.JA4, "tls", c.Client())
}

func commonName(subject string) string {
	for part := range strings.SplitSeq(subject, ",") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return name
		}
	}
	return subject
}

// dns tells questions, and the names that the plant's own addresses were said to have.
func (e *reader) dns(r *record, d *dns) {
	protocol, _ := e.protocol("dns", min(r.SrcPort, r.DstPort))
	e.spoke(r)
	c := e.talk(r, protocol, "", sensor.ByGuess)
	if protocol != "netbios" && (d.Type == "query" || d.Type == "request") {
		names := d.Queries
		if d.RRType != "" {
			names = append(names, answer{Type: d.RRType})
		}
		for _, q := range names {
			if code, ok := e.t.Names().Find(protocol, "question", q.Type); ok {
				c.Message(told.Message{Protocol: protocol, Kind: "question", Code: code, Dir: ot.Request})
			}
		}
	}
	for _, a := range d.Answers {
		s, _ := a.Data.(string)
		if ip, err := netip.ParseAddr(s); err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast()) && (a.Type == "A" || a.Type == "AAAA") {
			e.t.Fact(ot.Host{IP: ip.Unmap()}, "dns.name", strings.TrimSuffix(a.Name, "."), "dns", c.Server())
		}
	}
}

// smb tells who signed in from where. Which side the record's source is differs by
// message, so only what names itself is taken.
func (e *reader) smb(x *smb, src, dst ot.Host) {
	if n := x.NTLM; n != nil {
		e.t.Fact(src, "ntlmssp.hostname", n.Host, "smb2", src)
		e.t.Fact(src, "ntlmssp.domain", n.Domain, "smb2", src)
	}
	path := strings.ReplaceAll(x.Share, `\\`, `\`)
	name := strings.ToUpper(path[strings.LastIndexByte(path, '\\')+1:])
	if name == "ADMIN$" || len(name) == 2 && name[1] == '$' {
		e.t.Fact(dst, "smb.admin_share", name, "smb2", src)
	}
}

// mqtt tells the messages of a record: an object named after each.
func (e *reader) mqtt(c told.Conv, raw json.RawMessage) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		body := parts[name]
		code, ok := e.t.Names().Find("mqtt", "message", name)
		if !ok {
			continue
		}
		m := told.Message{Protocol: "mqtt", Kind: "message", Code: code, Dir: ot.Request}
		if code == 2 || code == 9 || code == 11 || code == 13 {
			m.Dir = ot.Response
		}
		c.Message(m)
		if name != "connect" {
			continue
		}
		var x struct {
			Client  string `json:"client_id"`
			Version int    `json:"protocol_version"`
			Flags   struct {
				Password bool `json:"password"`
			} `json:"flags"`
		}
		if json.Unmarshal(body, &x) != nil {
			continue
		}
		e.t.Fact(c.Client(), "mqtt.client_id", x.Client, "mqtt", c.Client())
		if x.Version > 0 {
			e.t.Fact(c.Client(), "mqtt.version", map[int]string{3: "3.1", 4: "3.1.1", 5: "5"}[x.Version], "mqtt", c.Client())
		}
		if x.Flags.Password {
			e.t.Fact(c.Server(), "credential.cleartext", "mqtt password", "mqtt", c.Client())
		}
	}
}
