package lldp

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Organisations with TLVs of their own: OUI 3 | subtype 1 | value.
const (
	ieee8021 = 0x0080c2 // IEEE 802.1AB annex E
	profinet = 0x000ecf // IEC 61158-6-10
	med      = 0x0012bb // ANSI/TIA-1057, inventory subtypes 5 to 11
)

// medFacts are the inventory TLVs of LLDP-MED from subtype 5.
var medFacts = [...]ot.Attr{
	"lldp.med_hardware", "lldp.med_firmware", "lldp.med_software", "lldp.med_serial",
	"lldp.med_vendor", "lldp.med_model", "lldp.med_asset_id",
}

func (f *flow) organisation(value []byte, out *dissect.Sink) {
	oui := uint32(value[0])<<16 | uint32(value[1])<<8 | uint32(value[2])
	subtype, b := value[3], value[4:]
	switch {
	case oui == med && subtype >= 5 && int(subtype)-5 < len(medFacts):
		out.Fact(medFacts[subtype-5], b)
	case oui == ieee8021 && subtype == 1 && len(b) >= 2:
		out.Fact("lldp.vlan", strconv.AppendUint(f.text[:0], uint64(binary.BigEndian.Uint16(b)), 10))
	case oui == ieee8021 && subtype == 3 && len(b) > 3 && int(b[2]) <= len(b)-3:
		out.Fact("lldp.vlan_name", b[3:3+int(b[2])])
	case oui == profinet && subtype == 3:
		out.Fact("lldp.profinet_alias", b)
	case oui == profinet && subtype == 5 && len(b) >= 6:
		out.Fact("lldp.profinet_mac", f.mac(b[:6]))
	}
}

// siemens takes apart the system description of SIMATIC devices, which is a
// record of its own:
//
//	Siemens, SIMATIC S7, CPU-1200, 6ES7 215-1AG40-0XB0, HW: 10, FW: V.4.3.1, S V-L8BT7803
func (f *flow) siemens(description []byte, out *dissect.Sink) {
	rest, ok := bytes.CutPrefix(description, []byte("Siemens, "))
	if !ok {
		return
	}
	out.Fact("lldp.vendor", append(f.text[:0], "Siemens"...))
	for at, more := 1, true; more; at++ {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte(","))
		part = bytes.TrimSpace(part)
		switch {
		case bytes.HasPrefix(part, []byte("HW:")):
			out.Fact("lldp.hardware", bytes.TrimSpace(part[3:]))
		case bytes.HasPrefix(part, []byte("FW:")):
			out.Fact("lldp.firmware", firmware(part[3:]))
		case bytes.HasPrefix(part, []byte("SW")): // a panel's image: "SW.V 13.0.1"
			out.Fact("lldp.software", firmware(bytes.TrimLeft(part[2:], ".: ")))
		case orderCode(part):
			out.Fact("lldp.order_code", part)
		case len(part) > 2 && part[0] == 'S' && part[1] == ' ':
			out.Fact("lldp.serial", bytes.TrimSpace(part))
		case at == 2:
			out.Fact("lldp.model", part)
		}
	}
}

// firmware drops the words around the number: " Version V04.00.00" and "V.4.3.1" alike.
func firmware(b []byte) []byte {
	b = bytes.TrimSpace(b)
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("Version")))
	b = bytes.TrimPrefix(b, []byte("V"))
	return bytes.TrimPrefix(b, []byte("."))
}

// orderCode knows a Siemens MLFB by its beginning: a 6, two letters, a digit ("6ES7 ", "6GK5 ", "6AV2").
func orderCode(b []byte) bool {
	upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	return len(b) >= 12 && b[0] == '6' && upper(b[1]) && upper(b[2]) && b[3] >= '0' && b[3] <= '9'
}
