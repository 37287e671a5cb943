// Package all lists the dissectors that ship. Adding a protocol is one folder
// beside this one and one line here; docs/adding-a-protocol.md walks through it.
package all

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ads"
	"github.com/skanse/skanse/internal/dissect/arp"
	"github.com/skanse/skanse/internal/dissect/bacnet"
	"github.com/skanse/skanse/internal/dissect/c37118"
	"github.com/skanse/skanse/internal/dissect/cdp"
	"github.com/skanse/skanse/internal/dissect/codesys"
	"github.com/skanse/skanse/internal/dissect/dhcp"
	"github.com/skanse/skanse/internal/dissect/dlms"
	"github.com/skanse/skanse/internal/dissect/dnp3"
	"github.com/skanse/skanse/internal/dissect/dns"
	"github.com/skanse/skanse/internal/dissect/enip"
	"github.com/skanse/skanse/internal/dissect/ethercat"
	"github.com/skanse/skanse/internal/dissect/fins"
	"github.com/skanse/skanse/internal/dissect/fox"
	"github.com/skanse/skanse/internal/dissect/ftp"
	"github.com/skanse/skanse/internal/dissect/goose"
	"github.com/skanse/skanse/internal/dissect/hartip"
	"github.com/skanse/skanse/internal/dissect/http"
	"github.com/skanse/skanse/internal/dissect/http/ssdp"
	"github.com/skanse/skanse/internal/dissect/iec104"
	"github.com/skanse/skanse/internal/dissect/kerberos"
	"github.com/skanse/skanse/internal/dissect/knx"
	"github.com/skanse/skanse/internal/dissect/ldap"
	"github.com/skanse/skanse/internal/dissect/lldp"
	"github.com/skanse/skanse/internal/dissect/melsec"
	"github.com/skanse/skanse/internal/dissect/mms"
	"github.com/skanse/skanse/internal/dissect/modbus"
	"github.com/skanse/skanse/internal/dissect/mqtt"
	"github.com/skanse/skanse/internal/dissect/mrp"
	"github.com/skanse/skanse/internal/dissect/ntp"
	"github.com/skanse/skanse/internal/dissect/opcua"
	profinetcm "github.com/skanse/skanse/internal/dissect/profinet/cm"
	profinetdcp "github.com/skanse/skanse/internal/dissect/profinet/dcp"
	"github.com/skanse/skanse/internal/dissect/prp"
	"github.com/skanse/skanse/internal/dissect/ptp"
	"github.com/skanse/skanse/internal/dissect/rdp"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/dissect/s7comm"
	"github.com/skanse/skanse/internal/dissect/sbus"
	"github.com/skanse/skanse/internal/dissect/smb"
	"github.com/skanse/skanse/internal/dissect/smb/netbios"
	"github.com/skanse/skanse/internal/dissect/snmp"
	"github.com/skanse/skanse/internal/dissect/ssh"
	"github.com/skanse/skanse/internal/dissect/stp"
	"github.com/skanse/skanse/internal/dissect/sv"
	"github.com/skanse/skanse/internal/dissect/teamviewer"
	"github.com/skanse/skanse/internal/dissect/telnet"
	"github.com/skanse/skanse/internal/dissect/tftp"
	"github.com/skanse/skanse/internal/dissect/tls"
	"github.com/skanse/skanse/internal/dissect/tls/quic"
	"github.com/skanse/skanse/internal/dissect/tristation"
	"github.com/skanse/skanse/internal/dissect/tunnel"
	"github.com/skanse/skanse/internal/dissect/vnc"
	"github.com/skanse/skanse/internal/dissect/wsdiscovery"
)

// Protocols returns every dissector, in the order in which those without a
// port hint are asked: strong signatures first. It recognises nothing by name
// or pattern; With does.
func Protocols() []dissect.Protocol { return With(nil) }

// With is Protocols together with what the list recognises.
func With(names *recognised.List) []dissect.Protocol {
	all := []dissect.Protocol{
		modbus.Protocol{},
		s7comm.Protocol{},
		enip.Protocol{},
		dnp3.New(),
		iec104.Protocol{},
		bacnet.Protocol{},
		profinetdcp.Protocol{},
		ads.Protocol{},
		fins.Protocol{},
		profinetcm.Protocol{},
		ethercat.Protocol{},
		snmp.Protocol{},
		mms.Protocol{},
		opcua.Protocol{},
		hartip.Protocol{},
		c37118.Protocol{},
		goose.Protocol{},
		sv.Protocol{},
		ssh.Protocol{},
		smb.Protocol{},
		tls.Protocol{Names: names},
		vnc.Protocol{},
		rdp.Protocol{},
		http.Protocol{},
		mqtt.Protocol{},
		ftp.Protocol{},
		arp.Protocol{},
		lldp.Protocol{},
		cdp.Protocol{},
		dhcp.Protocol{},
		netbios.Protocol{},
		ssdp.Protocol{},
		dns.Protocol{Names: names},
		dns.Multicast(),
		dns.LinkLocal(),
		telnet.Protocol{},
		teamviewer.Protocol{},
		ntp.Protocol{},
		tunnel.GRE{},
		tunnel.VXLAN{},
		tunnel.PPPoE{},
		codesys.Protocol{},
		melsec.Protocol{},
		dlms.Protocol{},
		knx.Protocol{},
		sbus.Protocol{},
		fox.Protocol{},
		tristation.Protocol{},
		kerberos.Protocol{},
		ldap.Protocol{},
		quic.Protocol{Names: names},
		tftp.Protocol{},
		wsdiscovery.Protocol{},
		ptp.Protocol{},
		stp.Protocol{},
		mrp.Protocol{},
		prp.Protocol{},
	}
	if names != nil { // last: who decodes goes before who only names
		all = append(all, recognised.Protocol{List: names})
	}
	return all
}
