package demo

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

func lldp(h *host, port, name, description string) []byte {
	tlv := func(b []byte, kind byte, v ...byte) []byte {
		return append(append(b, kind<<1|byte(len(v)>>8), byte(len(v))), v...)
	}
	b := tlv(nil, 1, append([]byte{4}, h.mac[:]...)...)
	b = tlv(b, 2, append([]byte{7}, port...)...)
	b = tlv(b, 3, 0, 120)
	b = tlv(b, 5, []byte(name)...)
	b = tlv(b, 6, []byte(description)...)
	b = tlv(b, 7, 0, 4, 0, 4) // a bridge, and works as one
	ip := h.ip.As4()
	b = tlv(b, 8, append(append([]byte{5, 1}, ip[:]...), 2, 0, 0, 0, 1, 0)...)
	b = tlv(b, 0)
	return ethernet(ot.MAC{0x01, 0x80, 0xc2, 0, 0, 0x0e}, h.mac, 0, 0x88cc, b)
}

// dhcp writes a request (option 53 = 3) with the client's name and class.
func dhcpRequest(h *host, name, class string) []byte {
	b := make([]byte, 240)
	b[0], b[1], b[2] = 1, 1, 6
	copy(b[4:], []byte{0x3a, h.mac[3], h.mac[4], h.mac[5]})
	ip := h.ip.As4()
	copy(b[12:], ip[:])
	copy(b[28:], h.mac[:])
	copy(b[236:], []byte{0x63, 0x82, 0x53, 0x63})
	option := func(code byte, v string) { b = append(append(b, code, byte(len(v))), v...) }
	option(53, "\x03")
	option(12, name)
	option(60, class)
	return append(b, 255)
}

// netbiosAnnounce is a browser host announcement over the NetBIOS datagram service.
func netbiosAnnounce(h *host, name string) []byte {
	nb := func(s string, suffix byte) []byte {
		b := []byte{32}
		for _, c := range append([]byte(fmt.Sprintf("%-15s", strings.ToUpper(s)))[:15], suffix) {
			b = append(b, 'A'+c>>4, 'A'+c&15)
		}
		return append(b, 0)
	}
	browser := make([]byte, 33) // the last byte ends an empty comment
	browser[0] = 1
	copy(browser[6:21], strings.ToUpper(name))
	browser[22], browser[23] = 10, 0
	binary.LittleEndian.PutUint32(browser[24:], 0x9003)
	copy(browser[28:], []byte{0x0f, 1, 0x55, 0xaa})
	smb := append([]byte{0xff, 'S', 'M', 'B', 0x25}, make([]byte, 27)...)
	words := make([]byte, 34)
	binary.LittleEndian.PutUint16(words[2:], uint16(len(browser)))
	binary.LittleEndian.PutUint16(words[22:], uint16(len(browser)))
	binary.LittleEndian.PutUint16(words[24:], 86)
	words[26] = 3
	words[28], words[30], words[32] = 1, 1, 2
	smb = append(append(smb, 17), words...)
	smb = binary.LittleEndian.AppendUint16(smb, uint16(17+len(browser)))
	smb = append(append(smb, "\\MAILSLOT\\BROWSE\x00"...), browser...)
	data := append(nb(name, 0x20), nb("WORKGROUP", 0x1d)...)
	data = append(data, smb...)
	b := []byte{0x11, 2, 0x12, 0x34}
	ip := h.ip.As4()
	b = append(append(b, ip[:]...), 0, 138)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(append(b, 0, 0), data...)
}

func ber(tag byte, v ...byte) []byte {
	if len(v) < 128 {
		return append([]byte{tag, byte(len(v))}, v...)
	}
	return append([]byte{tag, 0x82, byte(len(v) >> 8), byte(len(v))}, v...)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// snmpDescr asks for sysDescr.0 with SNMP v2c and answers it.
func snmpDescr(id byte, community, descr string) (req, rsp []byte) {
	oid := ber(6, 0x2b, 6, 1, 2, 1, 1, 1, 0)
	pdu := func(tag byte, value []byte) []byte {
		bind := ber(0x30, ber(0x30, join(oid, value)...)...)
		body := join(ber(2, id), ber(2, 0), ber(2, 0), bind)
		return ber(0x30, join(ber(2, 1), ber(4, []byte(community)...), ber(tag, body...))...)
	}
	return pdu(0xa0, ber(5)), pdu(0xa2, ber(4, []byte(descr)...))
}

func rdpConnect(user string) (req, rsp []byte) {
	cookie := "Cookie: mstshash=" + user + "\r\n"
	b := append([]byte{byte(6 + len(cookie) + 8), 0xe0, 0, 0, 0, 0, 0}, cookie...)
	b = append(b, 1, 0, 8, 0, 3, 0, 0, 0)
	return tpkt(b...), tpkt(14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 2, 0, 0, 0)
}

// tlsHello is a TLS 1.2 client hello with a server name.
func tlsHello(name string) []byte {
	sni := append([]byte{0, 0, 0, byte(len(name) + 5), 0, byte(len(name) + 3), 0, 0, byte(len(name))}, name...)
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 4, 0xc0, 0x2f, 0xc0, 0x30, 1, 0)
	body = binary.BigEndian.AppendUint16(body, uint16(len(sni)))
	body = append(body, sni...)
	hello := append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	record := append([]byte{0x16, 3, 1}, byte(len(hello)>>8), byte(len(hello)))
	return append(record, hello...)
}

// tlsServerHello is enough of an answer for both sides to be heard.
func tlsServerHello() []byte {
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0xc0, 0x2f, 0)
	hello := append([]byte{2, 0, 0, byte(len(body))}, body...)
	return append([]byte{0x16, 3, 3, 0, byte(len(hello))}, hello...)
}

func httpBasic(hostName, path, user string) (req, rsp []byte) {
	secret := base64.StdEncoding.EncodeToString([]byte(user + ":example-only"))
	req = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64)\r\nAuthorization: Basic %s\r\n\r\n", path, hostName, secret)
	return req, []byte("HTTP/1.1 200 OK\r\nServer: GoAhead-Webs\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html></html>\r\n")
}

// telnetLogin is the talk of a terminal sign-in, as pairs of request and answer.
func telnetLogin(user string) [][2][]byte {
	return [][2][]byte{
		{[]byte{255, 253, 3, 255, 251, 24}, []byte{255, 251, 3, 255, 253, 24}},
		{nil, []byte("EDS-408A login: ")},
		{[]byte(user + "\r\n"), []byte("Password: ")},
		{[]byte("example-only\r\n"), []byte("\r\nEDS-408A> ")},
	}
}
