package sensor_test

import (
	"encoding/base64"
	"fmt"
)

const (
	password = "kX7Qv-Zugang-9wJ"
	account  = "bediener"
)

var basic = base64.StdEncoding.EncodeToString([]byte(account + ":" + password))

// said is what one side of a conversation sends at once.
type said struct {
	server bool
	text   string
}

// secretCase is a conversation that holds a password. protocol is what the
// engine must have recognised: else the test would prove nothing.
type secretCase struct {
	name, protocol string
	port           uint16
	udp            bool
	fragments      bool // each datagram in two parts
	midstream      bool
	talk           []said
	secrets        []string // besides password
	engine         bool     // concealed by the engine alone, whatever dissectors say
}

func secretCases() []secretCase {
	const more = "GET /index.html HTTP/1.1\r\nHost: hmi\r\nUser-Agent: Browser\r\n\r\n"
	signed := "GET /status HTTP/1.1\r\nHost: hmi\r\nAuthorization: Basic " + basic + "\r\n\r\n"
	ok := "HTTP/1.1 200 OK\r\nServer: Panel/3\r\nContent-Length: 2\r\n\r\nok"
	form := "user=" + account + "&password=" + password
	return []secretCase{
		{name: "ftp", protocol: "ftp", port: 21, talk: []said{
			{true, "220 PLC FTP server ready\r\n"},
			{false, "USER " + account + "\r\n"},
			{true, "331 Password required for bediener\r\n"},
			{false, "PASS " + password + "\r\n"},
			{true, "230 User logged in\r\n"},
			{false, "SYST\r\n"},
			{true, "215 UNIX Type: L8\r\n"},
			{false, "CWD /recipes\r\n"},
			{true, "250 OK\r\n"},
			{false, "SITE PSWD old " + password + "\r\n"},
			{true, "200 OK\r\n"},
		}},
		{name: "ftp at once", protocol: "ftp", port: 21, talk: []said{
			{true, "220 PLC FTP server ready\r\n"},
			{false, "SYST\r\nUSER " + account + "\r\nPASS " + password + "\r\nPWD\r\n"},
			{true, "215 UNIX\r\n331 go on\r\n230 in\r\n"},
		}},
		{name: "ftp anonymous", protocol: "ftp", port: 21, talk: []said{
			{true, "220 PLC FTP server ready\r\n"},
			{false, "USER anonymous\r\n"},
			{true, "331 Guest login ok\r\n"},
			{false, "PASS " + password + "\r\nSYST\r\n"},
			{true, "230 Guest\r\n"},
		}},
		{name: "ftp client first", protocol: "ftp", port: 21, midstream: true, engine: true, talk: []said{
			{false, "PASS " + password + "\r\n"}, {true, "230 in\r\n"}, {false, "SYST\r\n"}, {true, "215 UNIX\r\n"}, {false, "PASV\r\nCWD /a\r\n"},
		}},
		{name: "ftp account", protocol: "ftp", port: 21, talk: []said{
			{true, "220 PLC FTP server ready\r\n"}, {false, "CWD /a\r\nACCT " + password + "\r\nPWD\r\n"}, {true, "230 in\r\n"},
		}},
		{name: "http basic first", protocol: "http", port: 80, secrets: []string{basic}, talk: []said{{false, signed}, {true, ok}}},
		{name: "http basic pipelined", protocol: "http", port: 80, secrets: []string{basic}, talk: []said{
			{false, more + more + signed + more + signed}, {true, ok + ok + ok},
		}},
		{name: "http post mid-stream", protocol: "http", port: 80, midstream: true, secrets: []string{basic}, talk: []said{
			{false, basic + "\r\nAccept: */*\r\n\r\n" + form + "\r\n" + more},
			{true, ok},
			{false, fmt.Sprintf("POST /login HTTP/1.1\r\nHost: hmi\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s", basic, len(form), form) + more},
			{true, ok + ok},
		}},
		{name: "http form", protocol: "http", port: 80, talk: []said{
			{false, more + fmt.Sprintf("POST /login HTTP/1.1\r\nHost: hmi\r\nContent-Length: %d\r\n\r\n%s", len(form), form) + more},
			{true, ok},
		}},
		{name: "http form without a length", protocol: "http", port: 80, talk: []said{
			{false, "POST /login HTTP/1.1\r\nHost: hmi\r\n\r\n" + form + more}, {true, ok}, {false, more}, {true, ok},
		}},
		{name: "http query, cookie, digest, proxy", protocol: "http", port: 80, talk: []said{
			{false, "GET /login?password=" + password + " HTTP/1.1\r\nHost: hmi\r\n\r\n"},
			{true, "HTTP/1.1 200 OK\r\nServer: Panel/3\r\nSet-Cookie: id=" + password + "\r\nContent-Length: 0\r\n\r\n"},
			{false, "GET /b HTTP/1.1\r\nHost: hmi\r\nCookie: id=" + password + "\r\n\r\n"},
			{true, ok},
			{false, "GET /c HTTP/1.1\r\nHost: hmi\r\nAuthorization: Digest username=\"a\", response=\"" + password + "\"\r\n\r\n"},
			{true, ok},
			{false, "GET http://a:" + password + "@hmi/d HTTP/1.1\r\nHost: hmi\r\nX-Api-Key: " + password + "\r\n\r\n"},
			{true, ok},
		}},
		{name: "telnet", protocol: "telnet", port: 23, talk: []said{
			{true, "\xff\xfd\x18\xff\xfb\x01Switch\r\nlogin: "},
			{false, "\xff\xfb\x18" + account + "\r\n"},
			{true, account + "\r\nPassword: "},
			{false, password + "\r\n"},
			{true, "\r\nWelcome\r\n# "},
			{false, "show run\r\n\xff\xf1"},
			{true, "enable secret " + password + "\r\n"},
		}},
		{name: "telnet environment", protocol: "telnet", port: 23, talk: []said{
			{true, "\xff\xfd\x27"}, {false, "\xff\xfb\x27\xff\xfa\x27\x00\x03PW\x01" + password + "\xff\xf0\xff\xfb\x18"},
		}},
		{name: "snmp v1", protocol: "snmp", port: 161, udp: true, talk: []said{
			{false, snmp(0, 0xa0, password)}, {true, snmp(0, 0xa2, password)}, {false, snmp(0, 0xa3, password)},
		}},
		{name: "snmp v2c", protocol: "snmp", port: 161, udp: true, talk: []said{
			{false, snmp(1, 0xa0, password)}, {true, snmp(1, 0xa2, password)}, {false, snmp(1, 0xa5, password)}, {true, snmp(1, 0xa8, password)},
		}},
		{name: "snmp in fragments", protocol: "snmp", port: 161, udp: true, fragments: true, engine: true, talk: []said{
			{false, snmp(1, 0xa0, password)}, {true, snmp(1, 0xa2, password)},
		}},
		{name: "snmp traps", protocol: "snmp", port: 162, udp: true, talk: []said{
			{false, snmp(1, 0xa7, password)},
			{false, snmp(1, 0xa6, password)},
			{true, snmp(1, 0xa2, password)},
			{false, snmp(0, 0xa4, password)},
			{false, snmp(1, 0xa7, password)[:30]},
		}},
		{name: "smb ntlm", protocol: "smb", port: 445, talk: []said{
			{false, smb2(0, false, string(make([]byte, 36)))},
			{true, smb2(0, true, "\x41\x00\x01\x00\x11\x03"+string(make([]byte, 58)))},
			{false, smb2(1, false, ntlm(1, ""))},
			{true, smb2(1, true, ntlm(2, ""))},
			{false, smb2(1, false, ntlm(3, password)) + smb2(3, false, string(make([]byte, 16)))},
			{true, smb2(1, true, "")},
			{false, smb2(9, false, string(make([]byte, 48))+ntlm(3, password))},
		}},
		{name: "smb 1 plain", protocol: "smb", port: 445, talk: []said{
			{false, smb1(0x72, false, "\x00")},
			{true, smb1(0x72, true, "\x0d\x00\x00"+string(make([]byte, 23)))},
			{false, smb1(0x73, false, setup1())},
			{true, smb1(0x73, true, "")},
			{false, smb1(0x75, false, "\x04\xff\x00\x00\x00\x00\x00\x10\x00"+"\x11\x00"+password)},
		}},
		{name: "vnc", protocol: "vnc", port: 5900, talk: []said{
			{true, "RFB 003.008\n"}, {false, "RFB 003.008\n"}, {true, "\x02\x01\x02"}, {false, "\x02"}, {true, "0123456789abcdef"}, {false, password},
		}},
		{name: "smtp, which nobody decodes", port: 25, engine: true, talk: []said{
			{false, "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+account+"\x00"+password)) + "\r\n"}, {false, "PASS " + password},
		}},
	}
}

func snmp(version, pdu byte, community string) string {
	tlv := func(tag byte, v string) string { return string([]byte{tag, byte(len(v))}) + v }
	list := tlv(0x30, tlv(0x30, tlv(6, "\x2b\x06\x01\x02\x01\x01\x05\x00")+tlv(4, "pump-7")))
	body := tlv(2, "\x01") + tlv(2, "\x00") + tlv(2, "\x00") + list
	if pdu == 0xa4 {
		body = tlv(6, "\x2b\x06\x01\x04\x01\x09") + tlv(0x40, "\x0a\x00\x00\x01") + tlv(2, "\x01") + tlv(2, "\x00") + tlv(0x43, "\x07") + list
	}
	return tlv(0x30, tlv(2, string([]byte{version}))+tlv(4, community)+tlv(pdu, body))
}

func session(message string) string {
	return string([]byte{0, 0, byte(len(message) >> 8), byte(len(message))}) + message
}

func smb2(command byte, response bool, body string) string {
	h := make([]byte, 64)
	copy(h, "\xfeSMB\x40\x00")
	h[12] = command
	if response {
		h[16] = 1
	}
	return session(string(h) + body)
}

// ntlm is a sign-in of the given type; of type 3 with the NT response at the end.
func ntlm(kind byte, response string) string {
	b := make([]byte, 72)
	copy(b, "NTLMSSP\x00")
	b[8] = kind
	if kind == 3 {
		b[20], b[22], b[24] = byte(len(response)), byte(len(response)), 72
		b[44], b[46], b[48] = 4, 4, 72+byte(len(response))
		b[60], b[63], b[64] = 1, 2, 10
		response += "E\x001\x00"
	}
	return string(make([]byte, 24)) + string(b) + response
}

func smb1(command byte, response bool, body string) string {
	h := make([]byte, 32)
	copy(h, "\xffSMB")
	h[4] = command
	if response {
		h[9] = 0x80
	}
	return session(string(h) + body + "\x00\x00\x00")
}

func setup1() string {
	params := make([]byte, 26)
	params[0] = 0xff
	params[14] = byte(len(password))
	data := password + account + "\x00PLANT\x00Windows\x00LAN\x00"
	return "\x0d" + string(params) + string([]byte{byte(len(data)), 0}) + data
}
