package dissecttest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// A golden file is one conversation as text:
//
//	# where the bytes come from: clause of the specification, or the real peers
//	transport udp              (tcp is the default where the dissector speaks it; ether, ip)
//	client 192.0.2.1:49152     (optional; a MAC goes behind a space)
//	server 192.0.2.2:502
//	> 0001 0000 0006 01        bytes from the client, hex and "text" freely mixed;
//	  03 0000 000a             an indented line goes on with the segment
//	= modbus function 3 request read unit=1 n=10     what the dissector reported
//	< …                        bytes from the server
//	- …                        bytes without a side (ot.DirNone)
//	gap >                      bytes of that side were lost here, or never seen
//
// Everything but the = lines is written by people; -update rewrites those.
type golden struct {
	name      string
	path      string
	lines     []string // as read, without the = lines
	transport dissect.Transport
	client    side
	server    side
	steps     []step
}

type side struct {
	host ot.Host
	port uint16
}

// step is one segment or datagram.
type step struct {
	dir  ot.Dir
	data []byte
	gap  bool // bytes were lost before this one; no data of its own
	line int  // index into lines after which its = lines stand
	want []string
}

func readGolden(path string, spec dissect.Spec) (*golden, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	g := &golden{
		name:   strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".txt"),
		path:   path,
		client: side{host: ot.Host{MAC: ot.MAC{2, 0, 0, 0, 0, 1}, IP: netip.AddrFrom4([4]byte{192, 0, 2, 1})}, port: 49152},
		server: side{host: ot.Host{MAC: ot.MAC{2, 0, 0, 0, 0, 2}, IP: netip.AddrFrom4([4]byte{192, 0, 2, 2})}},
	}
	switch {
	case spec.Transport&dissect.TCP != 0:
		g.transport = dissect.TCP
	case spec.Transport&dissect.UDP != 0:
		g.transport = dissect.UDP
	default:
		g.transport = dissect.Ether
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n") {
		if want, ok := strings.CutPrefix(line, "= "); ok {
			if len(g.steps) == 0 {
				return nil, fmt.Errorf("%s:%d: an expected line before any bytes", path, i+1)
			}
			last := &g.steps[len(g.steps)-1]
			last.want = append(last.want, want)
			continue
		}
		g.lines = append(g.lines, line)
		if err := g.read(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
	}
	g.defaultPorts(spec)
	return g, nil
}

func (g *golden) read(line string) error {
	code, _, _ := strings.Cut(line, "#")
	if strings.Contains(line, `"`) { // a text may hold the sign of a comment
		code = line
	}
	if strings.TrimSpace(code) == "" {
		return nil
	}
	if code[0] == ' ' || code[0] == '\t' {
		if len(g.steps) == 0 || g.steps[len(g.steps)-1].gap {
			return fmt.Errorf("a line goes on, but no bytes stand before it")
		}
		last := &g.steps[len(g.steps)-1]
		more, err := readBytes(code)
		last.data, last.line = append(last.data, more...), len(g.lines)
		return err
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(code), " ")
	var err error
	switch word {
	case ">", "<", "-":
		s := step{dir: dirOf(word), line: len(g.lines)}
		s.data, err = readBytes(rest)
		g.steps = append(g.steps, s)
	case "gap":
		g.steps = append(g.steps, step{dir: dirOf(rest), gap: true, line: len(g.lines)})
	case "transport":
		g.transport, err = transportOf(rest)
	case "client":
		g.client, err = readSide(rest, g.client)
	case "server":
		g.server, err = readSide(rest, g.server)
	default:
		err = fmt.Errorf("%q is none of > < - = gap transport client server", word)
	}
	return err
}

func (g *golden) defaultPorts(spec dissect.Spec) {
	switch {
	case g.transport == dissect.Ether:
		g.client.port, g.server.port = 0, 0
	case g.server.port != 0:
	case g.transport == dissect.UDP && len(spec.UDP) > 0:
		g.server.port = spec.UDP[0]
	case len(spec.TCP) > 0:
		g.server.port = spec.TCP[0]
	}
}

// write puts the reported lines behind their segments.
func (g *golden) write(got [][]string) error {
	var out bytes.Buffer
	next := 0
	for i, line := range g.lines {
		out.WriteString(line + "\n")
		for next < len(g.steps) && g.steps[next].line == i+1 {
			for _, l := range got[next] {
				out.WriteString("= " + l + "\n")
			}
			next++
		}
	}
	return os.WriteFile(g.path, out.Bytes(), 0o644)
}

func dirOf(mark string) ot.Dir {
	switch strings.TrimSpace(mark) {
	case ">":
		return ot.Request
	case "<":
		return ot.Response
	}
	return ot.DirNone
}

func transportOf(name string) (dissect.Transport, error) {
	switch strings.TrimSpace(name) {
	case "tcp":
		return dissect.TCP, nil
	case "udp":
		return dissect.UDP, nil
	case "ether":
		return dissect.Ether, nil
	case "ip":
		return dissect.IP, nil
	}
	return 0, fmt.Errorf("transport %q is none of tcp, udp, ether, ip", name)
}

// readBytes reads hex digits and quoted texts with Go's escapes.
func readBytes(s string) ([]byte, error) {
	var out []byte
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '#' {
			return out, nil
		}
		if s[0] == '"' {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, fmt.Errorf("text %s: %w", s, err)
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, fmt.Errorf("text %s: %w", quoted, err)
			}
			out, s = append(out, text...), s[len(quoted):]
			continue
		}
		end := strings.IndexAny(s, " \t\"#")
		if end < 0 {
			end = len(s)
		}
		b, err := hex.DecodeString(s[:end])
		if err != nil {
			return nil, fmt.Errorf("bytes %q: %w", s[:end], err)
		}
		out, s = append(out, b...), s[end:]
	}
	return out, nil
}

func readSide(s string, old side) (side, error) {
	for field := range strings.FieldsSeq(s) {
		if ap, err := netip.ParseAddrPort(field); err == nil {
			old.host.IP, old.port = ap.Addr(), ap.Port()
		} else if ip, err := netip.ParseAddr(field); err == nil {
			old.host.IP = ip
		} else if err := old.host.MAC.UnmarshalText([]byte(field)); err != nil {
			return old, fmt.Errorf("%q is no address, address:port or MAC", field)
		}
	}
	return old, nil
}
