package sensor_test

// Sign-ins of directories, meters and stations. Their passwords stand inside
// binary messages, so each is written out.
func namedSecretCases() []secretCase {
	ldap := func(body string) string { return "\x30" + string(rune(len(body))) + body }
	bind := "\x60" + string(rune(7+len("cn=reader")+len(password))) + "\x02\x01\x03\x04\x09cn=reader\x80" + string(rune(len(password))) + password
	meter := "\xa1\x09\x06\x07\x60\x85\x74\x05\x08\x01\x01\x8a\x02\x07\x80\x8b\x07\x60\x85\x74\x05\x08\x02\x01" +
		"\xac" + string(rune(2+len(password))) + "\x80" + string(rune(len(password))) + password + "\xbe\x10\x04\x0e\x01\x00\x00\x00\x06\x5f\x1f\x04\x00\x00\x7e\x1f\x04\xb0"
	meter = "\x60" + string(rune(len(meter))) + meter
	return []secretCase{
		{name: "ldap simple", protocol: "ldap", port: 389, talk: []said{
			{false, ldap("\x02\x01\x01" + bind)},
			{true, ldap("\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")},
		}},
		{name: "dlms password", protocol: "dlms", port: 4059, talk: []said{
			{false, "\x00\x01\x00\x10\x00\x01\x00" + string(rune(len(meter))) + meter},
		}},
		{name: "fox sign-in", protocol: "fox", port: 1911, talk: []said{
			{false, "fox a 1 -1 fox hello\n{\nfox.version=s:1.0\n};;\n"},
			{true, "fox a 0 -1 fox hello\n{\nfox.version=s:1.0\n};;\n"},
			{false, "fox a 2 -1 fox authenticate\n{\nuser=s:" + account + "\nresponse=s:" + password + "\n};;\n"},
		}},
	}
}
