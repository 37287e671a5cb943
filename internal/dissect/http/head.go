package http

import "bytes"

// Head is a message's first line and fields, sliced out of the packet. It is
// the part of HTTP that SSDP shares.
type Head struct {
	Method []byte // of a request
	Target []byte // of a request, without query, parameters and user
	Status uint32 // of a response
	Server []byte
	Agent  []byte
	Host   []byte
	Auth   []byte // credentials: look at the scheme, never report it
	Realm  []byte // of the challenge

	Challenge []byte // how the server wants to be signed in to, and what it says of itself
	Length    int64  // of the body; -1 where it is not said
	Chunked   bool
	Upgrade   bool
	Private   bool // a query or a field that is not known to be harmless: cookies, tokens, sign-ins
}

// ReadHead reads a message's head. Fields that nobody asks for are passed over.
func ReadHead(b []byte) (h Head, ok bool) {
	h.Length = -1
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if after, found := bytes.CutPrefix(line, []byte("HTTP/1.")); found {
		if len(after) < 5 {
			return h, false
		}
		for _, c := range after[2:5] {
			if c < '0' || c > '9' {
				return h, false
			}
			h.Status = h.Status*10 + uint32(c-'0')
		}
	} else {
		method, after, found := bytes.Cut(line, []byte(" "))
		target, version, found2 := bytes.Cut(after, []byte(" "))
		if !found || !found2 || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
			return h, false
		}
		if !word(method) {
			return h, false // the end of a body that was taken for a head
		}
		h.Method, h.Target = method, target
		if i := bytes.IndexAny(target, "?;#"); i >= 0 { // a query may hold secrets
			h.Target, h.Private = target[:i], true
		}
		if i := bytes.IndexByte(h.Target, '@'); i >= 0 { // http://user:password@host/ to a proxy
			h.Target, h.Private = h.Target[i+1:], true
		}
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if line = bytes.TrimRight(line, "\r"); len(line) == 0 {
			break
		}
		h.field(line)
	}
	return h, true
}

func (h *Head) field(line []byte) {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		h.Private = true
		return
	}
	name, value := line[:i], bytes.TrimSpace(line[i+1:])
	if !harmless(name) {
		h.Private = true
	}
	switch len(name) { // a length and a comparison are cheaper than a map
	case 4:
		if equalFold(name, "host") {
			h.Host = value
		}
	case 6:
		if equalFold(name, "server") {
			h.Server = value
		}
	case 7:
		if equalFold(name, "upgrade") {
			h.Upgrade = true
		}
	case 10:
		if equalFold(name, "user-agent") {
			h.Agent = value
		}
	case 13:
		if equalFold(name, "authorization") {
			h.Auth = value
		}
	case 14:
		if equalFold(name, "content-length") {
			h.Length = length(value)
		}
	case 16:
		if equalFold(name, "www-authenticate") {
			h.Realm = realm(value)
			if len(h.Challenge) < len(value) { // several lines offer several ways; the longest holds a challenge
				h.Challenge = value
			}
		}
	case 17:
		if equalFold(name, "transfer-encoding") {
			h.Chunked = bytes.Contains(value, []byte("chunked"))
		}
	}
}

// harmless says whether a field never holds a secret.
func harmless(name []byte) bool {
	for i := range open {
		if equalFold(name, open[i]) {
			return true
		}
	}
	return false
}

// open are the fields that never hold a secret, the usual ones first.
var open = [...]string{
	"host", "server", "date", "content-type", "content-length", "connection", "user-agent", "accept",
	"accept-encoding", "accept-language", "cache-control", "etag", "last-modified", "expires",
	"transfer-encoding", "content-encoding", "accept-ranges", "if-modified-since", "if-none-match",
	"upgrade-insecure-requests", "pragma", "keep-alive", "vary", "www-authenticate", "upgrade",
	"accept-charset", "age", "allow", "content-language", "content-range", "dnt", "expect", "if-range", "mime-version",
	"range", "retry-after", "te", "via", "x-content-type-options", "x-frame-options", "x-powered-by", "x-xss-protection",
}

// word says whether a request line begins with something like a method.
func word(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 20
}

func length(b []byte) int64 {
	if len(b) == 0 || len(b) > 15 {
		return -1
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func realm(b []byte) []byte {
	_, after, ok := bytes.Cut(b, []byte(`realm="`))
	if !ok {
		return nil
	}
	value, _, ok := bytes.Cut(after, []byte(`"`))
	if !ok {
		return nil
	}
	return value
}

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(lower) {
		if c := b[i]; c != lower[i] && (c < 'A' || c > 'Z' || c+0x20 != lower[i]) {
			return false
		}
	}
	return true
}
