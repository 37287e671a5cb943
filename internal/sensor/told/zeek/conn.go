package zeek

import (
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

// service is what Zeek calls a protocol and what we do; the innermost comes first, as
// a connection carries several.
type service struct{ theirs, ours string }

func services() []service {
	return []service{
		{"cip", "enip"},
		{"enip", "enip"},
		{"s7comm_plus", "s7comm-plus"},
		{"s7comm", "s7comm"},
		{"mms", "mms"},
		{"modbus", "modbus"},
		{"dnp3_tcp", "dnp3"},
		{"dnp3_udp", "dnp3"},
		{"dnp3", "dnp3"},
		{"bacnet", "bacnet"},
		{"opcua_binary", "opcua"},
		{"opcua-binary", "opcua"},
		{"profinet_io_cm", "profinet-io"},
		{"hart_ip_udp", "hart-ip"},
		{"hart_ip_tcp", "hart-ip"},
		{"hart_ip", "hart-ip"},
		{"synchrophasor_tcp", "c37.118"},
		{"synchrophasor_udp", "c37.118"},
		{"synchrophasor", "c37.118"},
		{"omron_fins", "fins"},
		{"iec104", "iec104"},
		{"ge_srtp_tcp", "ge-srtp"},
		{"ge_srtp", "ge-srtp"},
		{"roc_plus_tcp", "roc-plus"},
		{"roc_plus", "roc-plus"},
		{"genisys_tcp", "genisys"},
		{"genisys", "genisys"},
		{"c1222_tcp", "c1222"},
		{"c1222_udp", "c1222"},
		{"bsap", "bsap"},
		{"mqtt", "mqtt"},
		{"rfb", "vnc"},
		{"rdp", "rdp"},
		{"krb_tcp", "kerberos"},
		{"krb", "kerberos"},
		{"ldap_tcp", "ldap"},
		{"ldap_udp", "ldap"},
		{"ldap", "ldap"},
		{"http", "http"},
		{"ssl", "tls"},
		{"quic", "quic"},
		{"ssh", "ssh"},
		{"ftp", "ftp"},
		{"tftp", "tftp"},
		{"snmp", "snmp"},
		{"dhcp", "dhcp"},
		{"dns", "dns"},
		{"ntp", "ntp"},
		{"telnet", "telnet"},
	}
}

// protocol names what a connection carried, or what it was called where we have no such name.
func (z *reader) protocol(r *row) (protocol, guess string) {
	said := r.list("service")
	for i := range said {
		said[i] = strings.TrimPrefix(strings.ToLower(said[i]), "spicy_")
	}
	for _, s := range services() {
		if slices.Contains(said, s.theirs) && z.t.Names().Has(s.ours) {
			if s.ours == "dns" {
				return named(r.port("id.resp_p")), ""
			}
			return s.ours, ""
		}
	}
	for _, s := range said {
		if s != "" && !strings.HasPrefix(s, "-") {
			return "", s // smb of either version, smtp, …: a name, not one of the catalogue's
		}
	}
	return "", ""
}

// named is what a name service on a port is called.
func named(port uint16) string {
	switch port {
	case 5353:
		return "mdns"
	case 5355:
		return "llmnr"
	case 137:
		return "netbios"
	}
	return "dns"
}

// transport is what a connection goes over; otherwise is taken where the log does not say.
func transport(r *row, otherwise string) string {
	switch p := strings.ToLower(r.get("proto", "trans")); p {
	case "tcp", "udp", "icmp":
		return p
	case "unknown_transport", "unknown":
		if n := r.get("ip_proto"); n != "" {
			return "ip-" + n
		}
		return "ip"
	}
	return otherwise
}

// ends are the two hosts of a record.
func ends(r *row) (orig, resp ot.Host) {
	orig, resp = ot.Host{IP: r.ip("id.orig_h")}, ot.Host{IP: r.ip("id.resp_h")}
	orig.MAC, resp.MAC = r.mac("orig_l2_addr"), r.mac("resp_l2_addr")
	return orig, resp
}

// talk finds the conversation of a record that names a protocol.
func (z *reader) talk(r *row, protocol, otherwise string) (told.Conv, bool) {
	orig, resp := ends(r)
	if !orig.IP.IsValid() || !resp.IP.IsValid() {
		return told.Conv{}, false
	}
	if !z.t.Names().Has(protocol) {
		protocol = ""
	}
	return z.t.Talk(told.Talk{
		Orig: orig, Resp: resp, OrigPort: r.port("id.orig_p"), RespPort: r.port("id.resp_p"), Transport: transport(r, otherwise), Protocol: protocol,
	}), true
}

// took reads conn.log: who spoke with whom, how much, and in what.
func took(z *reader, r *row, at int64) {
	orig, resp := ends(r)
	if !orig.IP.IsValid() || !resp.IP.IsValid() {
		z.t.Skip("a connection without two addresses")
		return
	}
	if !told.Possible(orig.IP) || !told.Possible(resp.IP) {
		z.t.Skip("a connection between addresses that nobody can have")
		return
	}
	k := told.Talk{
		Orig: orig, Resp: resp, OrigPort: r.port("id.orig_p"), RespPort: r.port("id.resp_p"), Transport: transport(r, "ip"), VLAN: uint16(r.num("vlan") & 0xfff),
	}
	k.Protocol, k.Guess = z.protocol(r)
	history := r.get("history")
	if k.Transport == "tcp" && strings.HasPrefix(history, "S") {
		k.By = sensor.BySYN
	}
	end := at
	if d, ok := seconds(r.get("duration")); ok {
		end += d
	}
	c := z.t.Talk(k)
	op, rp := r.num("orig_pkts"), r.num("resp_pkts")
	bytes := func(ip, payload string) uint64 {
		if r.has(ip) {
			return r.num(ip)
		}
		return r.num(payload)
	}
	ob, rb := bytes("orig_ip_bytes", "orig_bytes"), bytes("resp_ip_bytes", "resp_bytes")
	c.Count(at, end, 1, op, ob, rp, rb)
	c.Lost(r.num("missed_bytes"))
	switch r.get("conn_state") {
	case "S1", "SF", "S2", "S3", "RSTO", "RSTR":
		c.Established()
	}
	// A log without counters of packets still says that the first one sent.
	if op > 0 || !r.has("orig_pkts") {
		z.t.Host(orig, k.VLAN, 0, at, end, op, ob)
	}
	if rp > 0 || r.num("resp_bytes") > 0 {
		z.t.Host(resp, k.VLAN, 0, at, end, rp, rb)
	}
}
