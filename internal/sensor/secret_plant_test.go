package sensor_test

import "encoding/binary"

// plantSecretCases are conversations of plant protocols that hold a password or a session's token.
func plantSecretCases() []secretCase {
	const hello = "HELF\x34\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00opc.tcp://plc-7:4840"
	const ack = "ACKF\x1c\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	return []secretCase{
		{name: "opcua sign-in", protocol: "opcua", port: 4840, talk: []said{
			{false, hello},
			{true, ack},
			{false, opcuaSignIn(password, "\x00\x00")},
			{true, opcua("\x01\x00\xd6\x01" + string(make([]byte, 16)) + "\x00\xff\xff\xff\xff\x00\x00\x00\xff\xff\xff\xff")},
		}},
		{name: "opcua session token", protocol: "opcua", port: 4840, midstream: true, talk: []said{
			{false, opcuaSignIn("", "\x05\x01\x00"+le32(len(password))+password)},
			{false, opcua("\x01\x00\x77\x02\x05\x01\x00" + le32(len(password)) + password + string(make([]byte, 16)) + "\xff\xff\xff\xff" + string(make([]byte, 20)))},
		}},
		{name: "mqtt sign-in", protocol: "mqtt", port: 1883, talk: []said{
			{false, mqttConnect()},
			{true, "\x20\x02\x00\x00"},
			{false, "\x30" + string([]byte{byte(4 + len(password))}) + "\x00\x02ab" + password},
		}},
		{name: "mms sign-in", protocol: "mms", port: 102, talk: []said{
			{false, "\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x01\x00"},
			{true, "\x03\x00\x00\x0b\x06\xd0\x00\x01\x00\x01\x00"},
			{false, mmsConnect()},
		}},
		{name: "ads route", protocol: "ads", port: 48899, udp: true, talk: []said{
			{false, "\x03\x66\x14\x71\x00\x00\x00\x00\x01\x00\x00\x00\x05\x0d\x75\x60\x01\x01\x10\x27\x00\x00\x00\x00"},
			{false, "\x03\x66\x14\x71\x00\x00\x00\x00\x06\x00\x00\x00\x05\x0d\x75\x60\x01\x01\x10\x27\x02\x00\x00\x00" +
				"\x0d\x00\x08\x00" + account + "\x02\x00" + le32(len(password))[:2] + password},
		}},
		{name: "fins program password", protocol: "fins", port: 9600, udp: true, secrets: []string{"\xffqW7x"}, talk: []said{
			{false, "\x80\x00\x02\x00\x0a\x00\x00\x01\x00\x07\x05\x01\x00"},
			{false, "\x80\x00\x02\x00\x0a\x00\x00\x01\x00\x08\x03\x05\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xffqW7x"},
		}},
	}
}

func mqttConnect() string {
	body := "\x00\x04MQTT\x04\xc2\x00\x3c\x00\x04pump"
	for _, s := range []string{account, password} {
		body += string([]byte{0, byte(len(s))}) + s
	}
	return "\x10" + string([]byte{byte(len(body))}) + body
}

// mmsConnect is a session that connects with a readable password (X.227 authentication value).
func mmsConnect() string {
	tlv := func(tag byte, s string) string { return string([]byte{tag, byte(len(s))}) + s }
	mms := "\xa8\x03\x80\x01\x05"
	association := tlv(0x60, tlv(0xa1, tlv(0x06, "\x28\xca\x22\x02\x03"))+tlv(0xac, tlv(0x80, password))+tlv(0xbe, tlv(0x28, "\x02\x01\x03"+tlv(0xa0, mms))))
	user := tlv(0x31, tlv(0xa2, tlv(0x61, tlv(0x30, "\x02\x01\x01"+tlv(0xa0, association)))))
	session := tlv(0x0d, tlv(0xc1, user))
	return "\x03\x00" + string([]byte{0, byte(7 + len(session))}) + "\x02\xf0\x80" + session
}

func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// opcua is a message of a secure channel that is not protected.
func opcua(body string) string {
	return "MSGF" + le32(24+len(body)) + "\x07\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00" + body
}

// opcuaSignIn is an ActivateSession with a readable password, in the session of that token.
func opcuaSignIn(password, token string) string {
	user := "\x01\x00\x00\x00p" + le32(len(account)) + account + le32(len(password)) + password + "\xff\xff\xff\xff"
	return opcua("\x01\x00\xd3\x01" + token + string(make([]byte, 16)) + "\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00" + "\x01\x00\x44\x01\x01" + le32(len(user)) + user + "\xff\xff\xff\xff\xff\xff\xff\xff")
}
