package ftp

// What a verb's argument means to us.
const (
	plain = iota
	user
	pass
	auth
	path
	port
	site
)

// verb is one command. own: no other protocol of text lines has it.
type verb struct {
	name string
	text []byte // the name again, as a message's code
	kind int
	own  bool
}

// verbs is immutable; verbOf finds its rows by comparing the first letters.
var verbs = []verb{
	{"USER", []byte("USER"), user, false},
	{"PASS", []byte("PASS"), pass, false},
	{"ACCT", []byte("ACCT"), pass, true},
	{"AUTH", []byte("AUTH"), auth, false},
	{"PBSZ", []byte("PBSZ"), plain, true},
	{"PROT", []byte("PROT"), plain, true},
	{"CWD", []byte("CWD"), path, true},
	{"CDUP", []byte("CDUP"), plain, true},
	{"XCWD", []byte("XCWD"), path, true},
	{"PWD", []byte("PWD"), plain, true},
	{"XPWD", []byte("XPWD"), plain, true},
	{"QUIT", []byte("QUIT"), plain, false},
	{"PORT", []byte("PORT"), port, true},
	{"PASV", []byte("PASV"), plain, true},
	{"EPRT", []byte("EPRT"), plain, true},
	{"EPSV", []byte("EPSV"), plain, true},
	{"TYPE", []byte("TYPE"), plain, true},
	{"MODE", []byte("MODE"), plain, false},
	{"STRU", []byte("STRU"), plain, true},
	{"RETR", []byte("RETR"), path, false},
	{"STOR", []byte("STOR"), path, true},
	{"STOU", []byte("STOU"), path, true},
	{"APPE", []byte("APPE"), path, true},
	{"ALLO", []byte("ALLO"), plain, true},
	{"REST", []byte("REST"), plain, true},
	{"RNFR", []byte("RNFR"), path, true},
	{"RNTO", []byte("RNTO"), path, true},
	{"ABOR", []byte("ABOR"), plain, true},
	{"DELE", []byte("DELE"), path, false},
	{"RMD", []byte("RMD"), path, true},
	{"XRMD", []byte("XRMD"), path, true},
	{"MKD", []byte("MKD"), path, true},
	{"XMKD", []byte("XMKD"), path, true},
	{"LIST", []byte("LIST"), path, false},
	{"NLST", []byte("NLST"), path, true},
	{"MLSD", []byte("MLSD"), path, true},
	{"MLST", []byte("MLST"), path, true},
	{"MDTM", []byte("MDTM"), path, true},
	{"SIZE", []byte("SIZE"), path, true},
	{"SITE", []byte("SITE"), site, true},
	{"SYST", []byte("SYST"), plain, true},
	{"STAT", []byte("STAT"), plain, false},
	{"HELP", []byte("HELP"), plain, false},
	{"NOOP", []byte("NOOP"), plain, false},
	{"FEAT", []byte("FEAT"), plain, true},
	{"OPTS", []byte("OPTS"), plain, true},
	{"CLNT", []byte("CLNT"), plain, true},
	{"REIN", []byte("REIN"), plain, true},
}

// verbOf returns the row of a line's verb, in any case, nil if it has none.
func verbOf(line []byte) *verb {
	if len(line) < 3 || !letter(line[0]) || !letter(line[1]) || !letter(line[2]) {
		return nil // the shortest verb has three letters: nearly every other protocol ends here
	}
	for i := range verbs {
		v := &verbs[i]
		if v.name[0] != line[0]&^0x20 {
			continue
		}
		n := len(v.name)
		if len(line) < n || !equalFold(line[:n], v.name) {
			continue
		}
		if len(line) == n || line[n] == ' ' || line[n] == '\r' || line[n] == '\n' {
			return v
		}
	}
	return nil
}

func isReply(b []byte) bool {
	return len(b) >= 4 && b[0] >= '1' && b[0] <= '6' && digit(b[1]) && digit(b[2]) && (b[3] == ' ' || b[3] == '-')
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range len(word) {
		if b[i]&^0x20 != word[i]&^0x20 {
			return false
		}
	}
	return true
}

func containsFold(b []byte, word string) bool {
	for i := 0; i+len(word) <= len(b); i++ {
		if equalFold(b[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
