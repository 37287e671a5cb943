package zeek

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/told"
)

// dns reads dns.log: what was asked for, and the names that addresses were said to have.
func dns(z *reader, r *row, at int64) {
	protocol := named(r.port("id.resp_p"))
	c, ok := z.talk(r, protocol, "udp")
	if !ok {
		return
	}
	if q, known := number(r.get("qtype")); known && q < 1<<16 && protocol != "netbios" {
		c.Message(told.Message{Protocol: protocol, Kind: "question", Code: uint32(q), Dir: ot.Request})
	}
	orig, _ := ends(r)
	z.t.Host(orig, 0, 0, at, at, 0, 0)
	name := strings.TrimSuffix(r.get("query"), ".")
	switch qtype := r.get("qtype_name"); {
	case qtype != "A" && qtype != "AAAA" || name == "" || strings.HasPrefix(name, "*"):
		return
	}
	for _, answer := range r.list("answers") {
		// Only of the plant's own addresses, as our dissector does: the internet's names are nobody's inventory.
		if ip, err := netip.ParseAddr(answer); err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast()) {
			z.t.Fact(ot.Host{IP: ip.Unmap()}, "dns.name", name, "dns", c.Server())
		}
	}
}

// dhcp reads dhcp.log, of Zeek 3 and later and of before.
func dhcp(z *reader, r *row, at int64) {
	h := ot.Host{MAC: r.mac("mac"), IP: r.ip("assigned_addr")}
	if !h.IP.IsValid() {
		if h.IP = r.ip("assigned_ip"); !h.IP.IsValid() {
			h.IP = r.ip("client_addr")
		}
	}
	if h.MAC == (ot.MAC{}) {
		return
	}
	server := ot.Host{IP: r.ip("server_addr")}
	if !server.IP.IsValid() {
		server.IP = r.ip("id.resp_h")
	}
	z.t.Host(h, 0, 0, at, at, 0, 0)
	z.t.Fact(h, "dhcp.hostname", r.get("host_name"), "dhcp", h)
	z.t.Fact(h, "dhcp.fqdn", r.get("client_fqdn"), "dhcp", h)
	if h.IP.IsValid() {
		z.t.Fact(h, "dhcp.ip", h.IP.String(), "dhcp", server)
	}
	z.t.Fact(h, "dhcp.requested_ip", r.get("requested_addr"), "dhcp", h)
	if server.IP.IsValid() && server.IP.String() != "255.255.255.255" && slices.ContainsFunc(r.list("msg_types"), func(m string) bool { return m == "OFFER" || m == "ACK" }) {
		z.t.Host(server, 0, 0, at, at, 0, 0)
		z.t.Fact(server, "dhcp.server", server.IP.String(), "dhcp", server)
	}
}

func tls(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "tls", "tcp")
	if !ok {
		return
	}
	both(z, c, at)
	z.t.Fact(c.Server(), "tls.server_name", r.get("server_name"), "tls", c.Client())
	z.t.Fact(c.Server(), "tls.version", tlsVersion(r.get("version")), "tls", c.Server())
	z.t.Fact(c.Server(), "tls.certificate_subject", commonName(r.get("subject")), "tls", c.Server())
	if subject, issuer := r.get("subject"), r.get("issuer"); issuer != "" && subject == issuer {
		z.t.Fact(c.Server(), "tls.certificate_issuer", "itself", "tls", c.Server())
	} else {
		z.t.Fact(c.Server(), "tls.certificate_issuer", commonName(issuer), "tls", c.Server())
	}
	z.t.Fact(c.Client(), "tls.ja3", r.get("ja3"), "tls", c.Client())
	z.t.Fact(c.Client(), "tls.ja4", r.get("ja4"), "tls", c.Client())
}

// tlsVersion writes TLSv12 as people do.
func tlsVersion(v string) string {
	switch v {
	case "SSLv3":
		return "SSL 3.0"
	case "TLSv10":
		return "TLS 1.0"
	case "TLSv11":
		return "TLS 1.1"
	case "TLSv12":
		return "TLS 1.2"
	case "TLSv13":
		return "TLS 1.3"
	}
	return v
}

// commonName takes the name out of "CN=plc.example,O=…", whole where there is none.
func commonName(subject string) string {
	for part := range strings.SplitSeq(subject, ",") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return name
		}
	}
	return subject
}

// both notes that the two hosts of a record spoke.
func both(z *reader, c told.Conv, at int64) {
	z.t.Host(c.Client(), 0, 0, at, at, 0, 0)
	z.t.Host(c.Server(), 0, 0, at, at, 0, 0)
}

func http(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "http", "tcp")
	if !ok {
		return
	}
	z.t.Host(c.Client(), 0, 0, at, at, 0, 0)
	if method := r.get("method"); method != "" {
		c.Message(told.Message{Protocol: "http", Kind: "method", Text: method, Dir: ot.Request})
	}
	if status := r.num("status_code"); status > 0 && status < 1000 {
		c.Message(told.Message{Protocol: "http", Kind: "status", Code: uint32(status), Dir: ot.Response, Refused: status >= 400})
		z.t.Host(c.Server(), 0, 0, at, at, 0, 0)
	}
	z.t.Fact(c.Client(), "http.user_agent", r.get("user_agent"), "http", c.Client())
	z.t.Fact(c.Server(), "http.host", r.get("host"), "http", c.Client())
	z.t.Fact(c.Server(), "http.server", r.get("server_header", "server"), "http", c.Server())
	if r.get("username") != "" || r.get("password") != "" {
		z.t.Fact(c.Server(), "credential.cleartext", "http basic", "http", c.Client())
	}
}

func ssh(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "ssh", "tcp")
	if !ok {
		return
	}
	both(z, c, at)
	for _, x := range []struct {
		field string
		about ot.Host
	}{{"client", c.Client()}, {"server", c.Server()}} {
		banner := r.get(x.field)
		z.t.Fact(x.about, "ssh.banner", banner, "ssh", x.about)
		if parts := strings.SplitN(banner, "-", 3); len(parts) == 3 {
			z.t.Fact(x.about, "ssh.version", parts[1], "ssh", x.about)
			z.t.Fact(x.about, "ssh.software", parts[2], "ssh", x.about)
		}
	}
}

func ftp(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "ftp", "tcp")
	if !ok {
		return
	}
	both(z, c, at)
	if word := strings.ToUpper(r.get("command")); word != "" && len(word) <= 16 {
		c.Message(told.Message{Protocol: "ftp", Kind: "command", Text: word, Dir: ot.Request})
	}
	if code := r.num("reply_code"); code >= 100 && code < 700 {
		c.Message(told.Message{Protocol: "ftp", Kind: "reply", Code: uint32(code), Dir: ot.Response, Refused: code >= 400})
	}
	if user := strings.ToLower(r.get("user")); user == "anonymous" || user == "ftp" {
		z.t.Fact(c.Server(), "ftp.anonymous", "asked for", "ftp", c.Client())
	} else if r.get("password") != "" {
		z.t.Fact(c.Server(), "credential.cleartext", "ftp password", "ftp", c.Client())
	}
}

// snmp reads snmp.log: sums of a session, whose community is never kept.
func snmp(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "snmp", "udp")
	if !ok {
		return
	}
	z.t.Host(c.Client(), 0, 0, at, at, 0, 0)
	for _, x := range []struct {
		field string
		code  uint32
		dir   ot.Dir
	}{{"get_requests", 0, ot.Request}, {"get_bulk_requests", 5, ot.Request}, {"set_requests", 3, ot.Request}, {"get_responses", 2, ot.Response}} {
		if n := r.num(x.field); n > 0 {
			c.Message(told.Message{Protocol: "snmp", Kind: "pdu", Code: x.code, Dir: x.dir, Times: n})
			if x.dir == ot.Response {
				z.t.Host(c.Server(), 0, 0, at, at, 0, 0)
			}
		}
	}
	z.t.Fact(c.Server(), "snmp.sysdescr", r.get("display_string"), "snmp", c.Server())
	if community := r.get("community"); community != "" && r.get("version") != "3" {
		z.t.Fact(c.Server(), "credential.cleartext", "snmp community", "snmp", c.Client())
		if community == "public" || community == "private" {
			z.t.Fact(c.Server(), "credential.default", "snmp community", "snmp", c.Client())
		}
	}
}

func rdp(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "rdp", "tcp")
	if !ok {
		return
	}
	both(z, c, at)
	z.t.Fact(c.Client(), "rdp.client_name", r.get("client_name"), "rdp", c.Client())
	z.t.Fact(c.Client(), "rdp.client_build", r.get("client_build"), "rdp", c.Client())
	switch security := strings.ToUpper(r.get("security_protocol")); {
	case strings.HasPrefix(security, "HYBRID"):
		z.t.Fact(c.Server(), "rdp.security", "credssp", "rdp", c.Server())
	case security == "SSL", security == "TLS":
		z.t.Fact(c.Server(), "rdp.security", "tls", "rdp", c.Server())
	case security == "RDP":
		z.t.Fact(c.Server(), "rdp.security", "rdp", "rdp", c.Server())
	}
}

func vnc(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "vnc", "tcp")
	if !ok {
		return
	}
	both(z, c, at)
	major, minor := r.get("server_major_version"), r.get("server_minor_version")
	if major != "" && minor != "" {
		z.t.Fact(c.Server(), "vnc.server_version", major+"."+minor, "vnc", c.Server())
	}
	if strings.EqualFold(r.get("authentication_method"), "None") {
		z.t.Fact(c.Server(), "credential.cleartext", "vnc none", "vnc", c.Server())
	}
}

// ntlm reads who signed in from which computer; no conversation is made of it, as the
// log does not say which version of SMB carried it.
func ntlm(z *reader, r *row, at int64) {
	orig, resp := ends(r)
	z.t.Host(orig, 0, 0, at, at, 0, 0)
	z.t.Fact(orig, "ntlmssp.hostname", r.get("hostname"), "smb2", orig)
	z.t.Fact(orig, "ntlmssp.domain", r.get("domainname"), "smb2", orig)
	z.t.Fact(resp, "ntlmssp.nb_computer_name", r.get("server_nb_computer_name"), "smb2", resp)
	z.t.Fact(resp, "ntlmssp.dns_computer_name", r.get("server_dns_computer_name"), "smb2", resp)
}

func kerberos(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "kerberos", "tcp")
	if !ok {
		return
	}
	both(z, c, at)
	if name, domain, ok := strings.Cut(r.get("client"), "/"); ok {
		z.t.Fact(c.Server(), "kerberos.realm", domain, "kerberos", c.Client())
		if computer, is := strings.CutSuffix(name, "$"); is { // an account of a computer, not of a person
			z.t.Fact(c.Client(), "kerberos.hostname", computer, "kerberos", c.Client())
		}
	}
}

func ntp(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "ntp", "udp")
	if !ok {
		return
	}
	if mode, known := number(r.get("mode")); known && mode < 8 {
		dir := ot.Request
		if mode == 4 || mode == 2 {
			dir = ot.Response
		}
		c.Message(told.Message{Protocol: "ntp", Kind: "mode", Code: uint32(mode), Dir: dir})
	}
	orig, _ := ends(r)
	z.t.Host(orig, 0, 0, at, at, 0, 0)
}

// share notes administrative shares that were opened.
func share(z *reader, r *row, at int64) {
	orig, resp := ends(r)
	z.t.Host(orig, 0, 0, at, at, 0, 0)
	z.t.Host(resp, 0, 0, at, at, 0, 0)
	path := strings.ReplaceAll(r.get("path"), `\\`, `\`)
	name := strings.ToUpper(path[strings.LastIndexByte(path, '\\')+1:])
	if name == "ADMIN$" || len(name) == 2 && name[1] == '$' {
		z.t.Fact(resp, "smb.admin_share", name, "smb2", orig)
	}
}

// software reads software.log: what programs named themselves.
func software(z *reader, r *row, at int64) {
	h := ot.Host{IP: r.ip("host")}
	if !h.IP.IsValid() {
		return
	}
	name := r.get("unparsed_version")
	if name == "" {
		name = r.get("name")
	}
	switch r.get("software_type") {
	case "HTTP::SERVER", "HTTP::APPSERVER":
		z.t.Fact(h, "http.server", name, "http", h)
	case "HTTP::BROWSER":
		z.t.Fact(h, "http.user_agent", name, "http", h)
	case "SSH::SERVER", "SSH::CLIENT":
		z.t.Fact(h, "ssh.software", name, "ssh", h)
	default:
		return
	}
	z.t.Host(h, 0, 0, at, at, 0, 0)
}

func device(z *reader, r *row, at int64) {
	h := ot.Host{MAC: r.mac("mac"), IP: r.ip("host")}
	z.t.Host(h, 0, 0, at, at, 0, 0)
	z.t.Fact(h, "dhcp.hostname", r.get("dhcp_host_name"), "dhcp", h)
}

func host(z *reader, r *row, at int64) { z.t.Host(ot.Host{IP: r.ip("host")}, 0, 0, at, at, 0, 0) }
