package filter

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

type parser struct {
	words []word
	n     int
	last  *asked // what a value alone repeats
}

// asked is a primitive without its value.
type asked struct {
	family string // "", ip, ip6, arp, rarp, ether, tcp, udp, sctp
	dir    dir
	kind   string // host, net, port, portrange, proto
}

// dir says which end of a packet a primitive asks about.
type dir uint8

const (
	either dir = iota
	source
	target
	both
)

const maxDepth = 64

func (p *parser) peek() word { return p.words[p.n] }

func (p *parser) take() word {
	w := p.words[p.n]
	if !w.end() {
		p.n++
	}
	return w
}

func (p *parser) is(text string) bool {
	if p.peek().text != text {
		return false
	}
	p.take()
	return true
}

func (p *parser) expression(depth int) (node, error) {
	if depth > maxDepth {
		return nil, p.peek().wrong("stands too deep in parentheses")
	}
	left, err := p.part(depth)
	for err == nil {
		var right node
		switch {
		case p.is("and"):
			if right, err = p.part(depth); err == nil {
				left = &and{left, right}
			}
		case p.is("or"):
			if right, err = p.part(depth); err == nil {
				left = &or{left, right}
			}
		default:
			return left, nil
		}
	}
	return nil, err
}

func (p *parser) part(depth int) (node, error) {
	if depth > maxDepth {
		return nil, p.peek().wrong("stands too deep in parentheses")
	}
	switch {
	case p.is("not"):
		n, err := p.part(depth + 1)
		return &not{n}, err
	case p.is("("):
		n, err := p.expression(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.is(")") {
			return nil, p.peek().wrong("is not the closing parenthesis that is missing here")
		}
		return n, nil
	}
	return p.primitive()
}

const wanted = "is not known; use host, net, port, portrange, ether host, ip, ip6, arp, tcp, udp, icmp or vlan"

// protocols that stand for themselves: EtherType, or IP protocol.
func (p *parser) alone(family string) node {
	switch family {
	case "ip":
		return ether(etherIP4)
	case "ip6":
		return ether(etherIP6)
	case "arp":
		return ether(etherARP)
	case "rarp":
		return ether(etherRARP)
	case "tcp":
		return proto(6)
	case "udp":
		return proto(17)
	case "sctp":
		return proto(132)
	case "icmp":
		return &and{ether(etherIP4), proto(1)}
	case "igmp":
		return &and{ether(etherIP4), proto(2)}
	case "icmp6":
		return &and{ether(etherIP6), proto(58)}
	}
	return nil
}

func (p *parser) primitive() (node, error) {
	w := p.take()
	a := asked{}
	switch w.text {
	case "vlan":
		return p.vlan()
	case "broadcast", "multicast":
		p.last = nil
		return group(w.text), nil
	case "less", "greater":
		p.last = nil
		n, err := p.number(1 << 16)
		return &length{n, w.text == "greater"}, err
	case "ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp":
		a.family = w.text
		switch next := p.peek().text; next {
		case "src", "dst", "host", "net", "port", "portrange", "proto":
		case "broadcast", "multicast":
			if a.family != "ether" {
				return nil, p.peek().wrong("is only asked of ether here")
			}
			p.last = nil
			return group(p.take().text), nil
		default:
			p.last = nil
			if n := p.alone(a.family); n != nil {
				return n, nil
			}
			if _, err := net.ParseMAC(next); err != nil {
				return nil, p.peek().wrong("is not what may follow ether: host, src, dst, proto, broadcast or multicast")
			}
		}
	case "src", "dst", "host", "net", "port", "portrange", "proto":
		p.n--
	default:
		return p.repeated(w)
	}
	if err := p.direction(&a); err != nil {
		return nil, err
	}
	return p.asked(a)
}

// repeated is a value alone.
func (p *parser) repeated(w word) (node, error) {
	if w.end() || w.text == ")" || w.text == "and" || w.text == "or" {
		return nil, w.wrong("is not a condition")
	}
	p.n--
	if p.last != nil {
		return p.value(*p.last)
	}
	if _, err := netip.ParseAddr(w.text); err == nil {
		return p.asked(asked{kind: "host"})
	}
	return nil, w.wrong(wanted)
}

func (p *parser) direction(a *asked) error {
	first := p.peek().text
	if first != "src" && first != "dst" {
		return nil
	}
	p.take()
	a.dir = map[string]dir{"src": source, "dst": target}[first]
	join := p.peek().text
	if join != "or" && join != "and" || p.n+1 >= len(p.words) {
		return nil
	}
	second := p.words[p.n+1].text
	if second != "src" && second != "dst" || second == first {
		return nil
	}
	// "src or dst port 80" names both ends of one primitive; "src 10.0.0.1 or dst 10.0.0.2" never comes here.
	p.n += 2
	if a.dir = either; join == "and" {
		a.dir = both
	}
	return nil
}

func (p *parser) asked(a asked) (node, error) {
	switch p.peek().text {
	case "host", "net", "port", "portrange", "proto":
		a.kind = p.take().text
	default:
		if a.kind == "" {
			a.kind = "host"
		}
	}
	return p.value(a)
}

// value reads what a primitive is compared with.
func (p *parser) value(a asked) (node, error) {
	p.last = &a
	w := p.peek()
	fits := func(families ...string) error {
		for _, f := range families {
			if a.family == f {
				return nil
			}
		}
		return w.wrong(fmt.Sprintf("cannot be asked of %s %s", a.family, a.kind))
	}
	switch a.kind {
	case "host", "net":
		if a.family == "ether" {
			if a.kind == "net" {
				return nil, w.wrong("is not something ether can be asked: use ether host")
			}
			return p.mac(a.dir)
		}
		if err := fits("", "ip", "ip6", "arp", "rarp"); err != nil {
			return nil, err
		}
		return p.address(a)
	case "port", "portrange":
		if err := fits("", "tcp", "udp", "sctp"); err != nil {
			return nil, err
		}
		lo, hi, err := p.ports(a.kind)
		return ports(a.family, a.dir, lo, hi), err
	}
	if err := fits("", "ip", "ip6", "ether"); err != nil || a.dir != either {
		return nil, w.wrong("cannot be asked so; write ip proto 6 or ether proto 0x8892")
	}
	if a.family == "ether" {
		n, err := p.etherType()
		return ether(n), err
	}
	n, err := p.protocol()
	switch a.family {
	case "ip":
		return &and{ether(etherIP4), proto(n)}, err
	case "ip6":
		return &and{ether(etherIP6), proto(n)}, err
	}
	return proto(n), err
}

func (p *parser) vlan() (node, error) {
	p.last = nil
	if _, err := strconv.ParseUint(p.peek().text, 0, 32); err != nil {
		return &tagged{any: true}, nil
	}
	n, err := p.number(4095)
	return &tagged{id: n}, err
}

func (p *parser) number(most uint64) (uint32, error) {
	w := p.take()
	n, err := strconv.ParseUint(w.text, 0, 32)
	if err != nil {
		return 0, w.wrong("is not a number")
	}
	if n > most {
		return 0, w.wrong(fmt.Sprintf("is too large: at most %d", most))
	}
	return uint32(n), nil
}

func (p *parser) ports(kind string) (lo, hi uint32, err error) {
	w := p.peek()
	if w.text != "" && w.text[0] >= 'a' && w.text[0] <= 'z' {
		return 0, 0, w.wrong("is not a port number; write the number, such as 502")
	}
	if kind == "port" {
		lo, err = p.number(65535)
		return lo, lo, err
	}
	p.take()
	a, b, ok := strings.Cut(w.text, "-")
	l, err1 := strconv.ParseUint(a, 10, 16)
	h, err2 := strconv.ParseUint(b, 10, 16)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, w.wrong("is not a range of ports, such as 8000-8010")
	}
	return uint32(min(l, h)), uint32(max(l, h)), nil
}

func (p *parser) protocol() (uint32, error) {
	if n, ok := map[string]uint32{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "icmp6": 58, "sctp": 132}[p.peek().text]; ok {
		p.take()
		return n, nil
	}
	return p.number(255)
}

func (p *parser) etherType() (uint32, error) {
	if n, ok := map[string]uint32{"ip": etherIP4, "ip6": etherIP6, "arp": etherARP, "rarp": etherRARP}[p.peek().text]; ok {
		p.take()
		return n, nil
	}
	w := p.peek()
	n, err := p.number(0xffff)
	if err == nil && n < 0x600 {
		return 0, w.wrong("is not an EtherType: they begin at 0x600")
	}
	return n, err
}

func (p *parser) mac(d dir) (node, error) {
	w := p.take()
	m, err := net.ParseMAC(w.text)
	if err != nil || len(m) != 6 {
		return nil, w.wrong("is not an Ethernet address, such as 00:1b:1b:12:34:56")
	}
	return ends(d, func(src bool) node {
		at := uint32(0)
		if src {
			at = 6
		}
		return &and{
			&field{base: fromStart, at: at + 2, size: 4, want: binary.BigEndian.Uint32(m[2:])},
			&field{base: fromStart, at: at, size: 2, want: uint32(binary.BigEndian.Uint16(m))},
		}
	}), nil
}

// address reads a host or a net, of IPv4 or IPv6.
func (p *parser) address(a asked) (node, error) {
	w := p.take()
	var prefix netip.Prefix
	if ip, err := netip.ParseAddr(w.text); err == nil && ip.Zone() == "" {
		prefix = netip.PrefixFrom(ip, ip.BitLen())
	}
	if a.kind == "net" {
		switch x, err := netip.ParsePrefix(w.text); {
		case err == nil:
			prefix = x
		case p.is("mask"):
			m := p.take()
			mask, err := netip.ParseAddr(m.text)
			if err != nil || !mask.Is4() || !prefix.IsValid() || !prefix.Addr().Is4() {
				return nil, m.wrong("is not a mask, such as 255.255.255.0")
			}
			b := mask.As4()
			ones, bits := net.IPMask(b[:]).Size()
			if bits == 0 {
				return nil, m.wrong("is not a mask whose ones stand first")
			}
			prefix = netip.PrefixFrom(prefix.Addr(), ones)
		case !prefix.IsValid():
			prefix = shortNet(w.text)
		}
		if prefix.IsValid() && prefix.Masked() != prefix {
			return nil, w.wrong(fmt.Sprintf("has bits beyond its mask; did you mean %s?", prefix.Masked()))
		}
	}
	if !prefix.IsValid() {
		if a.kind == "net" {
			return nil, w.wrong("is not a network, such as 192.168.10.0/24")
		}
		return nil, w.wrong("is not an address; names are not looked up")
	}
	four := prefix.Addr().Is4() && a.family != "ip6"
	six := prefix.Addr().Is6() && !prefix.Addr().Is4In6() && (a.family == "" || a.family == "ip6")
	if !four && !six {
		return nil, w.wrong(fmt.Sprintf("is not an address of %s", a.family))
	}
	return addresses(a.family, a.dir, prefix), nil
}

// shortNet reads 192.168 as 192.168.0.0/16, as tcpdump does.
func shortNet(text string) netip.Prefix {
	parts := strings.Split(text, ".")
	if len(parts) > 3 {
		return netip.Prefix{}
	}
	var b [4]byte
	for i, s := range parts {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return netip.Prefix{}
		}
		b[i] = byte(n)
	}
	return netip.PrefixFrom(netip.AddrFrom4(b), 8*len(parts))
}
