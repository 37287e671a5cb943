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
	}
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
