// Package http reads the heads of HTTP/1 messages (RFC 9112): what a web
// server says it is, and whether a sign-in crosses the wire in clear. Bodies
// are stepped over, queries and credentials never reported.
//
//	method SP target SP HTTP/1.x CRLF | HTTP/1.x SP status SP reason CRLF
//	fields: name ":" value CRLF … CRLF body
package http

import (
	"bytes"
	"encoding/base64"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/smb/ntlmssp"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	method ot.Kind = iota // by name
	status
)

const (
	maxHead  = 16 << 10
	bodyRead = 32 << 10
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{
			{Name: "http", Kinds: []string{"method", "status"}},
			{Name: "winrm", Kinds: []string{"session"}},
		},
		Transport: dissect.TCP,
		TCP:       []uint16{80, 8080, 8000, 8081, 8088, 3128, 5985, 47001},
		MaxPDU:    bodyRead,
		MaxState:  1280 + maxPath,

		Alternatives: true, // WinRM is what somebody does by HTTP
	}
}

// The methods, with the space that ends them.
var methods = [...]string{"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "DELETE ", "PATCH ", "CONNECT ", "TRACE ", "PROPFIND ", "SUBSCRIBE ", "UNSUBSCRIBE ", "NOTIFY "}

// Probe wants a request line or a status line. RTSP and SIP share the methods, so the version counts.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) == 0 {
		return dissect.More
	}
	switch b[0] { // what "HTTP" and the methods begin with: a cheap No
	case 'C', 'D', 'G', 'H', 'N', 'O', 'P', 'S', 'T', 'U':
	default:
		return dissect.No
	}
	if prefix(b, "HTTP/1.") {
		if len(b) < 9 {
			return dissect.More
		}
		if b[8] == ' ' {
			return dissect.Yes
		}
		return dissect.No
	}
	for _, m := range methods {
		if prefix(b, m) {
			return requestLine(b, len(m))
		}
	}
	return dissect.No
}

func requestLine(b []byte, at int) dissect.Verdict {
	if at >= len(b) {
		return dissect.More
	}
	line, _, whole := bytes.Cut(b[at:min(len(b), 4096)], []byte("\n"))
	if whole {
		if i := bytes.LastIndexByte(line, ' '); i > 0 && bytes.HasPrefix(line[i+1:], []byte("HTTP/1.")) {
			return dissect.Yes
		}
		return dissect.No
	}
	for _, c := range line {
		if c < 0x20 || c == 0x7f {
			if c != '\r' {
				return dissect.No
			}
		}
	}
	if len(line) > 64 && line[0] == '/' {
		return dissect.Yes // a long path; the version is in the next segment
	}
	return dissect.More
}

// prefix says whether b begins with word, or word with b.
func prefix(b []byte, word string) bool {
	n := min(len(b), len(word))
	return string(b[:n]) == word[:n]
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

// stage is what one side sends next.
type stage uint8

const (
	head stage = iota
	body
	chunkSize
	chunkEnd
	trailer
	opaque // until the connection closes: upgraded, tunnelled, or a body without a length
)

type side struct {
	stage stage
	left  int64 // bytes of the body or chunk still to come
}

type flow struct {
	side   [3]side
	heads  uint8 // requests by HEAD whose answers have no body
	basic  bool  // a clear-text sign-in was reported
	text   [16]byte
	tunnel bool // the last request was CONNECT
	winrm  bool // was reported
	ntlm   ntlmssp.Reader
	plain  [768]byte // of a sign-in by NTLM

	waiting int     // requests that were not answered
	path    []byte  // of the last, where its answer may be a file that somebody keeps
	moving  [3]bool // the body in hand is such a file
}

func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	s := &f.side[dir]
	if !synced {
		*s, f.moving[dir] = side{}, false
		return resync(b)
	}
	switch s.stage {
	case body, chunkEnd:
		return 0, int(min(s.left, int64(len(b)), bodyRead))
	case opaque:
		return 0, min(len(b), bodyRead)
	case chunkSize, trailer:
		if i := bytes.IndexByte(b[:min(len(b), maxHead)], '\n'); i >= 0 {
			return 0, i + 1
		}
		if len(b) >= maxHead {
			s.stage = opaque
			return 0, len(b)
		}
		return 0, 0
	}
	if i := headEnd(b); i > 0 {
		return 0, i
	}
	if len(b) >= maxHead {
		s.stage = opaque
		return 0, min(len(b), bodyRead)
	}
	return 0, 0
}

// headEnd returns the size of a head with its empty line; many small devices end lines with LF alone.
func headEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		if at < len(b) && b[at] == '\n' {
			return at + 1
		}
		if at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n' {
			return at + 2
		}
	}
}

// resync looks for the next status line or request line after a gap.
func resync(b []byte) (skip, n int) {
	for at := 0; at < len(b); {
		rest := b[at:]
		if (Protocol{}).Probe(ot.DirNone, rest) == dissect.Yes {
			if at > 0 {
				return at, 0
			}
			return 0, headEnd(b)
		}
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	return len(b), 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	s := &f.side[dir]
	switch s.stage {
	case body, chunkEnd:
		f.piece(dir, s, b, out)
		if s.left -= int64(len(b)); s.left <= 0 {
			if s.stage == chunkEnd {
				s.stage = chunkSize
			} else {
				*s = side{}
			}
		}
		return dissect.OK
	case chunkSize:
		return f.chunk(s, b)
	case trailer:
		if len(bytes.TrimRight(b, "\r\n")) == 0 {
			f.done(dir, out)
			*s = side{}
		}
		return dissect.OK
	case opaque:
		return dissect.OK
	}
	h, ok := ReadHead(b)
	if !ok {
		return dissect.Alien
	}
	if h.Status != 0 {
		f.response(s, &h, out)
	} else {
		f.request(s, &h, out)
	}
	return dissect.OK
}

func (f *flow) chunk(s *side, b []byte) dissect.Fault {
	var n int64
	digits := 0
	for ; digits < len(b) && digits < 8; digits++ {
		v := hexDigit(b[digits])
		if v < 0 {
			break
		}
		n = n<<4 | int64(v)
	}
	switch {
	case digits == 0:
		s.stage = opaque
		return dissect.BadValue
	case n == 0:
		s.stage = trailer
	default:
		s.stage, s.left = chunkEnd, n+2 // its own CR LF follows
	}
	return dissect.OK
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func (f *flow) request(s *side, h *Head, out *dissect.Sink) {
	m := out.Begin()
	m.Kind, m.Text, m.Name, m.Dir = method, h.Method, h.Target, ot.Request
	if h.Private {
		out.Secret()
	}
	if len(h.Auth) > 6 && equalFold(h.Auth[:6], "basic ") {
		m.Flags |= ot.ClearText
		if !f.basic { // every request repeats it; the sign-in is one
			f.basic = true
			m.Class = ot.Login
			out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "http basic"...))
		}
	} else { // a packet that holds a password proves nothing else
		out.Fact("http.user_agent", h.Agent)
		if out.Dst.IP.IsPrivate() && named(h.Host) {
			out.FactOf(out.Dst, "http.host", h.Host)
		}
	}
	out.End()
	f.signIn(h.Auth, out)
	if !f.winrm && bytes.HasPrefix(h.Target, []byte("/wsman")) {
		f.winrm = true
		m := out.BeginAs(1)
		m.Code, m.Dir = 1, ot.Request
		out.End()
	}
	f.tunnel = string(h.Method) == "CONNECT"
	if string(h.Method) == "HEAD" && f.heads < 255 {
		f.heads++
	}
	f.asks(h, out)
	s.expect(h, false)
}

func (f *flow) response(s *side, h *Head, out *dissect.Sink) {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = status, h.Status, ot.Response
	if h.Private {
		out.Secret()
	}
	if h.Status >= 400 {
		m.Flags |= ot.Refused
	}
	out.End()
	out.Fact("http.server", h.Server)
	out.Fact("http.realm", h.Realm)
	f.signIn(h.Challenge, out)
	switch {
	case h.Status == 101, f.tunnel && h.Status/100 == 2:
		f.side[ot.Request].stage, f.side[ot.Response].stage, s.stage = opaque, opaque, opaque
	case f.heads > 0 && h.Status >= 200:
		f.heads--
	case h.Status >= 200 && h.Status != 204 && h.Status != 304:
		s.expect(h, true)
		f.brings(h, out)
	}
	if h.Status >= 200 {
		f.waiting, f.path = max(0, f.waiting-1), f.path[:0]
	}
}

// signIn reads what a sign-in by NTLM tells of computers. Its responses, which
// could be cracked, are passed over.
func (f *flow) signIn(credentials []byte, out *dissect.Sink) {
	scheme, text, ok := bytes.Cut(credentials, []byte(" "))
	if !ok || !equalFold(scheme, "ntlm") && !equalFold(scheme, "negotiate") {
		return
	}
	out.Secret()
	text = bytes.TrimSpace(text)
	text = text[:min(len(text), base64.StdEncoding.EncodedLen(len(f.plain)))&^3]
	n, err := base64.StdEncoding.Decode(f.plain[:], text)
	if err != nil && n == 0 {
		return
	}
	f.ntlm.Facts(f.plain[:n], out)
}

// expect sets what follows a head.
func (s *side) expect(h *Head, untilClose bool) {
	switch {
	case h.Chunked:
		s.stage = chunkSize
	case h.Length > 0:
		s.stage, s.left = body, h.Length
	case h.Length < 0 && untilClose:
		s.stage = opaque
	}
}

// named says whether a Host field holds a name rather than an address.
func named(host []byte) bool {
	for _, c := range host {
		if c|0x20 >= 'a' && c|0x20 <= 'z' && !bytes.ContainsAny(host, "[]") {
			return true
		}
	}
	return false
}

func (f *flow) Reset() { *f = flow{path: f.path[:0]} }
