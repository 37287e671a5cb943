package sensor_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
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

// segmenting cuts what was said into segments.
type segmenting struct {
	name  string
	size  int  // bytes of a segment, 0: as said
	again int  // bytes of the segment before that are sent once more
	swap  bool // every second pair of segments comes in the wrong order
}

// wire makes frames out of a case; Ethernet pads short ones.
func (c *secretCase) wire(cut segmenting) [][]byte {
	var frames [][]byte
	frame := func(server bool, transport []byte, protocol byte) []byte {
		ip := make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, 64, protocol
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(transport)))
		from, to := byte(1), byte(2)
		if server {
			from, to = to, from
		}
		copy(ip[12:], []byte{10, 0, 0, from, 10, 0, 0, to})
		b := append([]byte{2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0}, ip...)
		b = append(b, transport...)
		if len(b) < 60 {
			b = append(b, make([]byte, 60-len(b))...)
		}
		return b
	}
	ports := func(server bool) []byte {
		a, b := uint16(40123), c.port
		if server {
			a, b = b, a
		}
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, a), b)
	}
	seq := [2]uint32{7000, 9000}
	side := func(server bool) int {
		if server {
			return 1
		}
		return 0
	}
	tcp := func(server bool, at uint32, flags byte, text string) []byte {
		h := binary.BigEndian.AppendUint32(ports(server), at)
		h = binary.BigEndian.AppendUint32(h, seq[1-side(server)])
		h = append(h, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
		return frame(server, append(h, text...), 6)
	}
	if c.udp {
		for _, s := range c.talk {
			h := binary.BigEndian.AppendUint16(ports(s.server), uint16(8+len(s.text)))
			whole := append(append(h, 0, 0), s.text...)
			if !c.fragments {
				frames = append(frames, frame(s.server, whole, 17))
				continue
			}
			const first = 24
			a, b := frame(s.server, whole[:first], 17), frame(s.server, whole[first:], 17)
			a[20], b[21] = 0x20, first/8
			frames = append(frames, a, b)
		}
		return frames
	}
	if !c.midstream {
		frames = append(frames, tcp(false, seq[0]-1, 2, ""), tcp(true, seq[1]-1, 0x12, ""), tcp(false, seq[0], 0x10, ""))
	}
	for _, s := range c.talk {
		size := cut.size
		if size == 0 {
			size = len(s.text)
		}
		var part [][]byte
		for at := 0; at < len(s.text); at += size {
			from, to := max(0, at-cut.again), min(at+size, len(s.text))
			part = append(part, tcp(s.server, seq[side(s.server)]+uint32(from), 0x18, s.text[from:to]))
		}
		for i := 0; cut.swap && i+1 < len(part); i += 2 {
			part[i], part[i+1] = part[i+1], part[i]
		}
		frames = append(frames, part...)
		seq[side(s.server)] += uint32(len(s.text))
	}
	return frames
}

// reel is frames as a source.
type reel struct {
	frames [][]byte
	n      int
}

func (r *reel) Next(p *sensor.Packet) error {
	if r.n == len(r.frames) {
		return io.EOF
	}
	b := r.frames[r.n]
	r.n++
	*p = sensor.Packet{Data: b, At: 1e18 + int64(r.n)*1e6, Number: uint64(r.n), Wire: len(b), Link: sensor.LinkEthernet}
	return nil
}
func (r *reel) Close() error              { return nil }
func (r *reel) Stats() sensor.SourceStats { return sensor.SourceStats{Packets: uint64(r.n)} }

// everyMessage makes an event of each message.
func everyMessage(t *testing.T, ps []dissect.Protocol) (*dissect.Set, *rule.Set) {
	t.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(ps, names)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := rule.Compile([]rule.Rule{{ID: "all", On: rule.Message, Mask: rule.Mask{Classes: ot.ClassNames[:]}}}, set, set.Len())
	if err != nil {
		t.Fatal(err)
	}
	return set, rules
}

// forms are the pieces of a secret that must not be found, as text, hexadecimal and base64.
func forms(secret string) (out []string) {
	grams := func(s string, n int) {
		for i := 0; i+n <= len(s); i++ {
			out = append(out, s[i:i+n])
		}
	}
	grams(secret, 5)
	grams(hex.EncodeToString([]byte(secret)), 10)
	grams(strings.ToUpper(hex.EncodeToString([]byte(secret))), 10)
	for shift := range 3 {
		s := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		grams(s[4:len(s)-4], 8)
	}
	return out
}

// told is everything a summary says: its JSON, and the bytes that stand in it as base64.
func told(t *testing.T, s *sensor.Summary) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				if b, ok := x.(string); ok && (k == "proof" || k == "raw") {
					raw, err := base64.StdEncoding.DecodeString(b)
					if err != nil {
						t.Fatalf("%s is not base64: %v", k, err)
					}
					text = append(append(text, '\n'), raw...)
				}
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(tree)
	return text
}

// listen runs a case and returns the first piece of a secret that left the sensor.
func (c *secretCase) listen(t *testing.T, cfg sensor.Config, cut segmenting) (leak string, recognised bool) {
	t.Helper()
	looked := forms(password)
	for _, s := range c.secrets {
		looked = append(looked, forms(s)...)
	}
	err := sensor.Run(context.Background(), &reel{frames: c.wire(cut)}, cfg, func(s *sensor.Summary) error {
		all := told(t, s)
		for _, piece := range looked {
			if leak == "" && bytes.Contains(all, []byte(piece)) {
				leak = piece
			}
		}
		for _, f := range s.Flows {
			recognised = recognised || f.Protocol == c.protocol
			if !cfg.Brief && len(f.Proof) == 0 {
				t.Errorf("a conversation without any proof: %+v", f)
			}
		}
		if c.name == "telnet" {
			typed(t, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return leak, recognised
}

// typed: of what a person types in Telnet not a single character is kept.
func typed(t *testing.T, s *sensor.Summary) {
	t.Helper()
	const headers = 54
	check := func(proof []byte) {
		if len(proof) >= headers { // else it is of a segment that waited, which has none
			proof = proof[headers:]
		}
		if bytes.ContainsAny(proof, account+password) {
			t.Errorf("a proof of Telnet holds text: %q", proof)
		}
	}
	for _, e := range s.Events {
		check(e.Proof)
	}
	for _, f := range s.Facts {
		check(f.Proof)
	}
	for _, f := range s.Flows {
		check(f.Proof)
	}
}

// No credential leaves the sensor: not in a fact, a tuple, an event or a proof, however TCP cuts it.
func TestNoCredentialLeaves(t *testing.T) {
	set, rules := everyMessage(t, all.Protocols())
	cuts := []segmenting{
		{name: "as said"},
		{name: "byte by byte", size: 1},
		{name: "by five", size: 5},
		{name: "by nine, repeating", size: 9, again: 7},
		{name: "by forty", size: 40},
		{name: "by twenty, repeating", size: 20, again: 20},
		{name: "by five, repeating", size: 5, again: 40},
		{name: "by eight, swapped", size: 8, swap: true},
		{name: "by sixty, repeating and swapped", size: 60, again: 31, swap: true},
	}
	for _, c := range secretCases() {
		t.Run(c.name, func(t *testing.T) {
			for _, cut := range cuts {
				for shards := 1; shards <= 2; shards++ {
					for _, interval := range []int64{0, 1, 5e6} {
						cfg := sensor.Config{Sensor: "s", Epoch: "1", Protocols: set, Rules: rules, Shards: shards, Interval: interval}
						leak, recognised := c.listen(t, cfg, cut)
						if leak != "" {
							t.Errorf("%s, %d shards, interval %d: %q left the sensor", cut.name, shards, interval, leak)
						}
						if !recognised && cut.size == 0 {
							t.Errorf("%s: not recognised as %q; the test's own bytes are wrong", cut.name, c.protocol)
						}
						if c.udp && cut.size > 0 {
							return
						}
					}
				}
			}
		})
	}
}

// The test above can fail: dissectors that vouch for everything let each password out.
func TestCarelessDissectorsLeak(t *testing.T) {
	var ps []dissect.Protocol
	var careless []*vouching
	for _, p := range all.Protocols() {
		v := &vouching{Protocol: p}
		careless, ps = append(careless, v), append(ps, v)
	}
	set, rules := everyMessage(t, ps)
	for i, v := range careless {
		v.entry = set.Entries[i]
	}
	for _, c := range secretCases() {
		if c.engine {
			continue
		}
		leak, _ := c.listen(&testing.T{}, sensor.Config{Sensor: "s", Epoch: "1", Protocols: set, Rules: rules}, segmenting{})
		if leak == "" {
			t.Errorf("%s: nothing left the sensor, though every dissector called all bytes provable", c.name)
		}
	}
}

// vouching is a dissector that calls everything provable.
type vouching struct {
	dissect.Protocol
	entry *dissect.Entry
}

func (v *vouching) Open() dissect.Flow { return &vouchingFlow{v.Protocol.Open(), v} }

type vouchingFlow struct {
	dissect.Flow
	of *vouching
}

func (f *vouchingFlow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	in := dissect.NewSink(&forward{out: out})
	in.At, in.Packet, in.Mid, in.Src, in.Dst, in.SrcPort, in.DstPort = out.At, out.Packet, out.Mid, out.Src, out.Dst, out.SrcPort, out.DstPort
	in.Run(f.of.entry)
	f.Flow.Decode(dir, b, in)
	m := out.Begin()
	m.Dir = dir
	out.End()
	return dissect.OK
}

// forward hands everything on but what says that it is secret.
type forward struct{ out *dissect.Sink }

func (f *forward) Message(m *ot.Message) {
	own := f.out.Begin()
	*own = *m
	own.Flags &^= ot.ClearText
	f.out.End()
}

func (f *forward) Fact(about ot.Host, attr ot.Attr, value []byte) {
	if !strings.HasPrefix(string(attr), "credential.") {
		f.out.FactOf(about, attr, value)
	}
}

func (f *forward) Code(*ot.Message, ot.Kind, uint32, []byte) {}
func (f *forward) Expect(ot.Endpoint, bool, ot.Protocol)     {}
func (f *forward) Client(dir ot.Dir)                         { f.out.Client(dir) }
