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
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

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
	proved := map[string]bool{}
	err := sensor.Run(context.Background(), &reel{frames: c.wire(cut)}, cfg, func(s *sensor.Summary) error {
		all := told(t, s)
		for _, piece := range looked {
			if leak == "" && bytes.Contains(all, []byte(piece)) {
				leak = piece
			}
		}
		for _, f := range s.Flows {
			recognised = recognised || f.Protocol == c.protocol
			name := fmt.Sprint(f.Client, f.Server, f.Transport, f.Port, f.Protocol)
			if proved[name] = proved[name] || len(f.Proof) > 0; !cfg.Brief && !proved[name] {
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
	for _, c := range slices.Concat(secretCases(), plantSecretCases(), namedSecretCases()) {
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
	for _, c := range slices.Concat(secretCases(), plantSecretCases(), namedSecretCases()) {
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
