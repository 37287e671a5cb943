package dissecttest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// recorder writes down what a dissector reports, one line each.
type recorder struct {
	set   *dissect.Set
	sink  *dissect.Sink
	lines []string
}

func (r *recorder) Message(m *ot.Message) {
	var b strings.Builder
	b.WriteString(r.set.Name(m.Protocol))
	r.code(&b, m, m.Kind, m.Code, m.Text)
	b.WriteString(" " + m.Class.String())
	number := func(name string, v uint64) {
		if v != 0 {
			fmt.Fprintf(&b, " %s=%d", name, v)
		}
	}
	number("unit", uint64(m.Unit))
	number("space", uint64(m.Space))
	number("area", uint64(m.Area))
	number("first", uint64(m.First))
	number("n", uint64(m.N))
	number("status", uint64(m.Status))
	if len(m.Name) > 0 {
		fmt.Fprintf(&b, " name=%q", m.Name)
	}
	if m.Flags&ot.HasValue != 0 {
		b.WriteString(" value=" + strconv.FormatFloat(m.Value, 'g', -1, 64))
	}
	for i, name := range [...]string{"refused", "midstream", "inner", "", "forced", "cleartext"} {
		if name != "" && m.Flags&(1<<i) != 0 {
			b.WriteString(" " + name)
		}
	}
	r.lines = append(r.lines, b.String())
}

func (r *recorder) Code(m *ot.Message, kind ot.Kind, code uint32, text []byte) {
	var b strings.Builder
	b.WriteString("also " + r.set.Name(m.Protocol))
	r.code(&b, m, kind, code, text)
	r.lines = append(r.lines, b.String())
}

func (r *recorder) code(b *strings.Builder, m *ot.Message, kind ot.Kind, code uint32, text []byte) {
	b.WriteString(" " + r.set.KindName(m.Protocol, kind))
	if text != nil {
		fmt.Fprintf(b, " %q", text)
	} else {
		fmt.Fprintf(b, " %d", code)
	}
	if d := m.Dir.String(); d != "" {
		b.WriteString(" " + d)
	}
}

func (r *recorder) Fact(about ot.Host, attr ot.Attr, value []byte) {
	line := fmt.Sprintf("fact %s %q", attr, value)
	if about != r.sink.Src {
		line += " about"
		if about.MAC != r.sink.Src.MAC && about.MAC != (ot.MAC{}) {
			line += " " + about.MAC.String()
		}
		if about.IP != r.sink.Src.IP && about.IP.IsValid() {
			line += " " + about.IP.String()
		}
		if about.Module != "" {
			line += fmt.Sprintf(" %q", about.Module)
		}
	}
	r.lines = append(r.lines, line)
}

func (r *recorder) Expect(peer ot.Endpoint, udp bool, p ot.Protocol) {
	transport := "tcp"
	if udp {
		transport = "udp"
	}
	r.lines = append(r.lines, fmt.Sprintf("expect %s %s %d %s", transport, peer.IP, peer.Port, r.set.Name(p)))
}

func (r *recorder) Client(dir ot.Dir) {
	r.lines = append(r.lines, strings.TrimSpace("client is the sender of "+dir.String()))
}

// Piece and Carries make the recorder a dissect.Taker.
func (r *recorder) Piece(p *dissect.Piece) {
	if len(p.Name) == 0 && p.At == dissect.Behind && len(r.lines) > 0 { // however the stream was cut
		var key uint32
		var n int
		last := &r.lines[len(r.lines)-1]
		if c, _ := fmt.Sscanf(*last, "piece %d, %d bytes", &key, &n); c == 2 && key == p.Key && strings.HasSuffix(*last, "bytes") {
			*last = fmt.Sprintf("piece %d, %d bytes", key, n+len(p.Data)) + ending(p)
			return
		}
	}
	line := fmt.Sprintf("piece %d", p.Key)
	if len(p.Name) > 0 {
		line += naming(p)
	} else if p.At != dissect.Behind {
		line += fmt.Sprintf(" at %d", p.At)
	}
	if p.Size > 0 {
		line += fmt.Sprintf(" of %d", p.Size)
	}
	r.lines = append(r.lines, line+fmt.Sprintf(", %d bytes", len(p.Data))+ending(p))
}

func ending(p *dissect.Piece) string {
	switch {
	case p.Failed:
		return ", broken off"
	case p.End:
		return ", the last"
	}
	return ""
}

func (r *recorder) Carries(peer ot.Endpoint, _ bool, p *dissect.Piece) {
	r.lines = append(r.lines, fmt.Sprintf("carries %s %d%s", peer.IP, peer.Port, naming(p)))
}

// Wants is told of every file.
func (r *recorder) Wants([]byte) bool { return true }

func naming(p *dissect.Piece) string {
	way := "into"
	if p.Up {
		way = "out of"
	}
	return fmt.Sprintf(" %s %q %s the server", p.Kind, p.Name, way)
}

// silent receives and forgets: what the zero-allocation check and benchmarks use.
type silent struct{ messages int }

func (s *silent) Message(*ot.Message)                       { s.messages++ }
func (s *silent) Code(*ot.Message, ot.Kind, uint32, []byte) {}
func (s *silent) Fact(ot.Host, ot.Attr, []byte)             {}
func (s *silent) Expect(ot.Endpoint, bool, ot.Protocol)     {}
func (s *silent) Client(ot.Dir)                             {}
func faultName(f dissect.Fault) string {
	switch f {
	case dissect.Short:
		return "short"
	case dissect.BadValue:
		return "bad value"
	case dissect.TooDeep:
		return "too deep"
	case dissect.Alien:
		return "alien"
	}
	return strconv.Itoa(int(f))
}
