// Package dissecttest is the contract of a dissector as a test suite: what
// dissect.Protocol and dissect.Flow promise, tried on golden conversations and
// on everything a hostile wire can make of them. Every dissector's test is
//
//	func TestContract(t *testing.T) { dissecttest.Run(t, modbus.Protocol{}) }
//	func FuzzDecode(f *testing.F)   { dissecttest.Fuzz(f, modbus.Protocol{}) }
//
// with conversations in testdata/*.txt (see golden.go for the format; go test
// -update writes the expected lines). It is not for tests of packets, flows or
// captures: those are the sensor's.
package dissecttest

import (
	"bytes"
	"flag"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

var update = flag.Bool("update", false, "write what the dissectors report into their golden files")

// How much is tried. A dissector with a handful of conversations stays under two seconds.
const (
	maxCuts      = 300  // cut positions of one conversation
	maxTruncated = 48   // lengths of one PDU
	maxPDUs      = 120  // PDUs of one conversation that are truncated and mutated
	mutations    = 40   // of one PDU
	randomTries  = 3000 // buffers of random bytes
)

// Run holds p to the contract, with the named golden files, or testdata/*.txt when none is named.
func Run(t *testing.T, p dissect.Protocol, files ...string) {
	t.Helper()
	set := newSet(t, p)
	checkSpec(t, set)
	cases := load(t, set, files)
	if len(cases) == 0 {
		t.Fatal("testdata holds no *.txt: a dissector without a golden conversation proves nothing")
	}
	for _, g := range cases {
		t.Run(g.name, func(t *testing.T) {
			c := &contract{set: set, protocol: p, g: g}
			t.Run("golden", c.golden)
			if t.Failed() {
				return
			}
			t.Run("probe", c.probe)
			t.Run("cut", c.cut)
			t.Run("truncated", c.truncated)
			t.Run("mutated", c.mutated)
			t.Run("swapped", c.swapped)
			t.Run("reset", c.reset)
			t.Run("allocations", c.allocations)
		})
	}
	t.Run("random", func(t *testing.T) { random(t, set, p) })
}

func newSet(tb testing.TB, p dissect.Protocol) *dissect.Set {
	tb.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		tb.Fatal(err)
	}
	set, err := dissect.NewSet([]dissect.Protocol{p}, names)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func load(tb testing.TB, set *dissect.Set, files []string) []*golden {
	tb.Helper()
	if len(files) == 0 {
		var err error
		if files, err = filepath.Glob("testdata/*.txt"); err != nil {
			tb.Fatal(err)
		}
	}
	var cases []*golden
	for _, f := range files {
		g, err := readGolden(filepath.ToSlash(f), set.Entries[0].Spec)
		if err != nil {
			tb.Fatal(err)
		}
		cases = append(cases, g)
	}
	return cases
}

func checkSpec(t *testing.T, set *dissect.Set) {
	t.Helper()
	s := set.Entries[0].Spec
	if s.MaxPDU <= 0 || s.MaxPDU > 64<<10 {
		t.Errorf("Spec.MaxPDU is %d; the engine buffers 1 to 65,536 bytes", s.MaxPDU)
	}
	if s.MaxState <= 0 {
		t.Error("Spec.MaxState is not given: the engine cannot budget a flow of unknown size")
	}
	if s.Transport == 0 {
		t.Error("Spec.Transport is not given")
	}
	if s.Transport&dissect.Ether != 0 && len(s.Ether)+len(s.LLC)+len(s.SNAP) == 0 {
		t.Error("Spec names no EtherType, DSAP or SNAP id, so no frame ever reaches it")
	}
}

// contract is one golden conversation under test.
type contract struct {
	set      *dissect.Set
	protocol dissect.Protocol
	g        *golden
}

func (c *contract) flow() dissect.Flow { return c.protocol.Open() }

func (c *contract) golden(t *testing.T) {
	p := newPlayer(c.set, c.g, c.flow(), true)
	got := p.play(whole)
	if p.wrong != nil {
		t.Fatal(p.wrong)
	}
	if *update {
		if err := c.g.write(got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			c.g.steps[i].want = got[i]
		}
		return
	}
	for i, s := range c.g.steps {
		if !slices.Equal(got[i], s.want) {
			t.Errorf("%s, bytes in line %d:\n got  %s\n want %s", c.g.path, s.line, strings.Join(got[i], "\n      "), strings.Join(s.want, "\n      "))
		}
	}
}

// probe: the beginning of a known conversation is never refused, at any length.
func (c *contract) probe(t *testing.T) {
	if c.gaps() {
		return
	}
	var asked [3]bool
	for _, s := range c.g.steps {
		if asked[s.dir] {
			continue
		}
		asked[s.dir] = true
		verdict := c.protocol.Probe(s.dir, bytes.Clone(s.data))
		if verdict == dissect.No {
			t.Errorf("Probe refuses its own bytes in line %d of %s", s.line, c.g.path)
			continue
		}
		if c.g.transport != dissect.TCP {
			continue
		}
		for n := range len(s.data) {
			if v := c.protocol.Probe(s.dir, s.data[:n:n]); v == dissect.No {
				t.Errorf("Probe says No to the first %d of %d bytes of line %d: a cut segment would lose the flow", n, len(s.data), s.line)
				break
			}
		}
	}
}

func (c *contract) gaps() bool {
	return slices.ContainsFunc(c.g.steps, func(s step) bool { return s.gap })
}

// cut: TCP may cut and join segments anywhere; the reports stay the same.
func (c *contract) cut(t *testing.T) {
	if c.g.transport != dissect.TCP || c.gaps() {
		return
	}
	want := flat(newPlayer(c.set, c.g, c.flow(), true).play(whole))
	try := func(what string, cut func(int, []byte) [][]byte) {
		p := newPlayer(c.set, c.g, c.flow(), true)
		got := flat(p.play(cut))
		if p.wrong != nil {
			t.Errorf("%s: %v", what, p.wrong)
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: reports differ:\n got  %s\n want %s", what, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
		}
	}
	try("byte by byte", func(_ int, b []byte) [][]byte {
		var out [][]byte
		for i := range b {
			out = append(out, b[i:i+1])
		}
		return out
	})
	total := 0
	for _, s := range c.g.steps {
		total += len(s.data)
	}
	for at := 1; at < total && !t.Failed(); at += 1 + total/maxCuts {
		before := 0
		try("cut in two", func(i int, b []byte) [][]byte {
			k := at - before
			before += len(b)
			if k <= 0 || k >= len(b) {
				return [][]byte{b}
			}
			return [][]byte{b[:k], b[k:]}
		})
	}
}

func flat(lines [][]string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l...)
	}
	return out
}

// pdus returns the conversation's whole PDUs, at most maxPDUs of them.
func (c *contract) pdus() []pdu {
	var all []pdu
	p := newPlayer(c.set, c.g, c.flow(), false)
	p.pdus = &all
	p.play(whole)
	return all[:min(len(all), maxPDUs)]
}

// truncated: a PDU may end anywhere, after the one that it answers or without it.
func (c *contract) truncated(t *testing.T) {
	flow := c.flow()
	p := newPlayer(c.set, c.g, flow, false)
	all := c.pdus()
	for i, u := range all {
		for n := 0; n < len(u.data); n += 1 + len(u.data)/maxTruncated {
			flow.Reset()
			if i > 0 {
				p.side(all[i-1].dir)
				p.decode(all[i-1].dir, all[i-1].data)
			}
			p.side(u.dir)
			p.decode(u.dir, u.data[:n])
		}
	}
	if p.wrong != nil {
		t.Error(p.wrong)
	}
}

// mutated: bytes may hold anything; nothing is indexed, kept or believed.
func (c *contract) mutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	flow := c.flow()
	p := newPlayer(c.set, c.g, flow, false)
	for _, u := range c.pdus() {
		if len(u.data) == 0 {
			continue
		}
		p.side(u.dir)
		for range mutations {
			b := bytes.Clone(u.data)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = [...]byte{0, 1, 0x7f, 0x80, 0xff, byte(rng.Uint32())}[rng.IntN(6)]
			}
			c.protocol.Probe(u.dir, b)
			p.decode(u.dir, b)
			if c.g.transport == dissect.TCP {
				p.stream(u.dir, b)
			}
		}
	}
	if p.wrong != nil {
		t.Error(p.wrong)
	}
}

// swapped: the engine's guess of who is the client may be wrong.
func (c *contract) swapped(t *testing.T) {
	turned := *c.g
	turned.steps = slices.Clone(c.g.steps)
	for i := range turned.steps {
		turned.steps[i].dir = turned.steps[i].dir.Reverse()
	}
	p := newPlayer(c.set, &turned, c.flow(), true)
	p.play(whole)
	if p.wrong != nil {
		t.Error(p.wrong)
	}
}

// reset: a flow out of the pool is as good as a new one.
func (c *contract) reset(t *testing.T) {
	if *update {
		return
	}
	flow := c.flow()
	rng := rand.New(rand.NewPCG(3, 5))
	for round := range 3 {
		p := newPlayer(c.set, c.g, flow, true)
		got := p.play(whole)
		if p.wrong != nil {
			t.Fatal(p.wrong)
		}
		for i, s := range c.g.steps {
			if !slices.Equal(got[i], s.want) {
				t.Fatalf("round %d after Reset, bytes in line %d:\n got  %s\n want %s", round, s.line, strings.Join(got[i], "\n      "), strings.Join(s.want, "\n      "))
			}
		}
		dirty := newPlayer(c.set, c.g, flow, false)
		for _, u := range c.pdus() {
			if len(u.data) > 0 {
				b := bytes.Clone(u.data)
				b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
				dirty.side(u.dir)
				dirty.decode(u.dir, b)
			}
		}
		flow.Reset()
	}
}

// allocations: a plant's cycle goes on for years; the second time round costs no memory.
func (c *contract) allocations(t *testing.T) {
	flow := c.flow()
	all := c.pdus()
	p := newPlayer(c.set, c.g, flow, false)
	once := func() {
		for _, u := range all {
			p.side(u.dir)
			if c.g.transport == dissect.TCP {
				flow.Frame(u.dir, u.data, true)
			}
			flow.Decode(u.dir, u.data, p.sink)
			c.protocol.Probe(u.dir, u.data)
		}
	}
	once()
	once()
	if n := testing.AllocsPerRun(20, once); n > 0 {
		t.Errorf("%.0f allocations for %d PDUs in the steady state; want none", n, len(all))
	}
}

// random: bytes of no protocol. They must hurt nobody, and nobody may claim them.
func random(t *testing.T, set *dissect.Set, proto dissect.Protocol) {
	rng := rand.New(rand.NewPCG(1, 2))
	spec := set.Entries[0].Spec
	g := &golden{transport: dissect.UDP, steps: nil}
	if spec.Transport&dissect.TCP != 0 {
		g.transport = dissect.TCP
	}
	flow := proto.Open()
	p := newPlayer(set, g, flow, false)
	claimed := 0
	for i := range randomTries {
		b := make([]byte, rng.IntN(400))
		for j := range b {
			b[j] = byte(rng.Uint32())
			if i%3 == 0 && rng.IntN(2) == 0 { // small numbers reach deeper than white noise
				b[j] &= 7
			}
		}
		dir := ot.Dir(i % 3)
		if proto.Probe(dir, b) == dissect.Yes && i%3 != 0 {
			claimed++
		}
		p.side(dir)
		if g.transport == dissect.TCP {
			p.buf[dir], p.sync[dir] = nil, i%2 == 0
			p.stream(dir, b)
		}
		p.decode(dir, b)
		if i%100 == 0 {
			flow.Reset()
		}
	}
	if p.wrong != nil {
		t.Error(p.wrong)
	}
	if limit := randomTries / 50; claimed > limit && !spec.HintOnly {
		t.Errorf("Probe claims %d of %d random buffers as %s; more than %d needs Spec.HintOnly", claimed, randomTries*2/3, spec.Protocols[0].Name, limit)
	}
}
