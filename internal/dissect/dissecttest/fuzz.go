package dissecttest

import (
	"encoding/binary"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Fuzz feeds whole conversations to p: a list of (side, length, bytes), seeded
// with the golden files. Whatever comes out, p must not panic, read beyond a
// slice, change one, or return a frame that makes no sense.
func Fuzz(f *testing.F, p dissect.Protocol, files ...string) {
	f.Helper()
	set := newSet(f, p)
	spec := set.Entries[0].Spec
	for _, g := range load(f, set, files) {
		f.Add(g.transport == dissect.TCP, pack(g))
	}
	f.Fuzz(func(t *testing.T, stream bool, data []byte) {
		g := &golden{transport: dissect.UDP}
		if stream && spec.Transport&dissect.TCP != 0 {
			g.transport = dissect.TCP
		}
		play := newPlayer(set, g, p.Open(), false)
		play.sink = dissect.NewSink(&follower{})
		play.sink.Run(set.Entries[0])
		for len(data) >= 3 {
			dir := ot.Dir(data[0] % 3)
			n := min(int(binary.BigEndian.Uint16(data[1:])), len(data)-3)
			segment := data[3 : 3+n]
			data = data[3+n:]
			play.side(dir)
			p.Probe(dir, segment)
			if g.transport == dissect.TCP {
				play.stream(dir, segment)
			} else {
				play.decode(dir, segment)
			}
		}
		if play.wrong != nil {
			t.Error(play.wrong)
		}
	})
}

// follower follows every value, so that what reads them is run too.
type follower struct{ silent }

func (*follower) Follows() bool                          { return true }
func (*follower) Element(uint32, uint8, float64)         {}
func (*follower) FollowsName(dissect.NameSum) bool       { return true }
func (*follower) Named(dissect.NameSum, uint32, float64) {}

func pack(g *golden) []byte {
	var out []byte
	for _, s := range g.steps {
		if s.gap || len(s.data) > 1<<16-1 {
			continue
		}
		out = append(out, byte(s.dir))
		out = binary.BigEndian.AppendUint16(out, uint16(len(s.data)))
		out = append(out, s.data...)
	}
	return out
}

// Bench decodes the golden conversations over and over and reports the time of one PDU.
func Bench(b *testing.B, p dissect.Protocol, files ...string) {
	b.Helper()
	set := newSet(b, p)
	for _, g := range load(b, set, files) {
		b.Run(g.name, func(b *testing.B) {
			c := &contract{set: set, protocol: p, g: g}
			all := c.pdus()
			if len(all) == 0 {
				b.Skip("no whole PDU in this conversation")
			}
			flow := c.flow()
			play := newPlayer(set, g, flow, false)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				u := &all[i]
				if g.transport == dissect.TCP {
					flow.Frame(u.dir, u.data, true)
				}
				flow.Decode(u.dir, u.data, play.sink)
				if i++; i == len(all) {
					i = 0
				}
			}
		})
	}
}
