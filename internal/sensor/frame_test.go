package sensor

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func decodeOf(link LinkType, b []byte) (*frame, decoded) {
	var f frame
	d := f.decode(&Packet{Data: b, Wire: len(b), Link: link, At: 1, Number: 1})
	return &f, d
}

func TestLinkLayers(t *testing.T) {
	packet := ip4("10.0.0.1", "10.0.0.2", 17, udp(1111, 2222, []byte("hello")))
	six := ip6("fe80::1", "fe80::2", 17, udp(1111, 2222, []byte("hello")))
	plain := ethernet(mac(1), mac(2), 0x0800, packet)
	sll := append([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00}, packet...)
	sll2 := append([]byte{0x08, 0x00, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}, packet...)
	llc := ethernet(mac(1), mac(2), uint16(8+len(packet)), append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, packet...))
	for name, c := range map[string]struct {
		link LinkType
		raw  []byte
		vlan uint16
		mac  ot.MAC
	}{
		"Ethernet":        {LinkEthernet, plain, 0, mac(1)},
		"padding":         {LinkEthernet, append(plain[:len(plain):len(plain)], 0, 0, 0, 0, 0, 0), 0, mac(1)},
		"VLAN":            {LinkEthernet, tagged(plain, 0x8100, 0xe064), 100, mac(1)},
		"QinQ":            {LinkEthernet, tagged(plain, 0x88a8, 7, 0x8100, 200), 200, mac(1)},
		"priority tag":    {LinkEthernet, tagged(plain, 0x8100, 300, 0x8100, 0xe000), 300, mac(1)},
		"SNAP":            {LinkEthernet, llc, 0, mac(1)},
		"NULL, little":    {LinkNull, append([]byte{2, 0, 0, 0}, packet...), 0, ot.MAC{}},
		"NULL, big":       {LinkNull, append([]byte{0, 0, 0, 2}, packet...), 0, ot.MAC{}},
		"LOOP":            {LinkLoop, append([]byte{0, 0, 0, 2}, packet...), 0, ot.MAC{}},
		"raw":             {LinkRaw, packet, 0, ot.MAC{}},
		"raw, other name": {linkRawBSD, packet, 0, ot.MAC{}},
		"IPv4":            {LinkIPv4, packet, 0, ot.MAC{}},
		"Linux SLL":       {LinkSLL, sll, 0, mac(1)},
		"Linux SLL2":      {LinkSLL2, sll2, 0, mac(1)},
		"raw IPv6":        {LinkRaw, six, 0, ot.MAC{}},
		"NULL IPv6, BSD":  {LinkNull, append([]byte{30, 0, 0, 0}, six...), 0, ot.MAC{}},
	} {
		f, d := decodeOf(c.link, c.raw)
		if d != good || f.carries != carriesIP || f.sport != 1111 || f.dport != 2222 || string(f.payload) != "hello" || f.vlan != c.vlan || f.srcMAC != c.mac {
			t.Errorf("%s: %d %+v", name, d, f)
		}
		src := f.src.ip().String()
		if src != "10.0.0.1" && src != "fe80::1" {
			t.Errorf("%s: source %s", name, src)
		}
	}
}

func TestFramesWithoutIP(t *testing.T) {
	f, d := decodeOf(LinkEthernet, ethernet(mac(1), mac(2), 0x88cc, []byte("lldp")))
	if d != good || f.carries != carriesEther || f.etype != 0x88cc || string(f.payload) != "lldp" {
		t.Errorf("EtherType: %d %+v", d, f)
	}
	f, d = decodeOf(LinkEthernet, ethernet(mac(1), mac(2), 7, []byte{0x82, 0x82, 3, 'b', 'a', 'c', 'n', 0, 0, 0}))
	if d != good || f.carries != carriesLLC || f.etype != 0x82 || string(f.payload) != "bacn" {
		t.Errorf("LLC: %d %+v", d, f)
	}
	f, d = decodeOf(LinkEthernet, ethernet(mac(1), mac(2), 11, []byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 'c', 'd', 'p', 0}))
	if d != good || f.carries != carriesSNAP || f.snap != 0x00000c<<16|0x2000 || string(f.payload) != "cdp" {
		t.Errorf("SNAP: %d %+v", d, f)
	}
	if _, d = decodeOf(147, []byte("anything")); d != foreign {
		t.Errorf("a link type that nobody reads: %d", d)
	}
}

func TestIPv6Extensions(t *testing.T) {
	inner := udp(1, 2, []byte("x"))
	hop := append([]byte{60, 0, 1, 4, 0, 0, 0, 0}, append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, inner...)...)
	f, d := decodeOf(LinkIPv6, ip6("2001:db8::1", "2001:db8::2", 0, hop))
	if d != good || f.proto != ipUDP || f.sport != 1 || string(f.payload) != "x" {
		t.Errorf("hop by hop and destination options: %d %+v", d, f)
	}
	loop := []byte{}
	for range 20 {
		loop = append(loop, 60, 0, 1, 4, 0, 0, 0, 0)
	}
	if _, d := decodeOf(LinkIPv6, ip6("2001:db8::1", "2001:db8::2", 60, loop)); d != bad {
		t.Errorf("a chain without end: %d, want malformed", d)
	}
}

func TestMalformedFrames(t *testing.T) {
	whole := ethernet(mac(1), mac(2), 0x0800, ip4("10.0.0.1", "10.0.0.2", 6, tcp(1, 2, 3, 4, tcpACK, nil)))
	for name, change := range map[string]func([]byte){
		"version":           func(b []byte) { b[14] = 0x55 },
		"short IP header":   func(b []byte) { b[14] = 0x41 },
		"length below head": func(b []byte) { binary.BigEndian.PutUint16(b[16:], 10) },
		"short TCP header":  func(b []byte) { b[46] = 0x10 },
		"long TCP header":   func(b []byte) { b[46] = 0xf0 },
	} {
		b := append([]byte{}, whole...)
		change(b)
		if _, d := decodeOf(LinkEthernet, b); d != bad {
			t.Errorf("%s: %d, want malformed", name, d)
		}
	}
}

// A capture with a snap length keeps the sequence numbers right.
func TestSnapLength(t *testing.T) {
	b := ethernet(mac(1), mac(2), 0x0800, ip4("10.0.0.1", "10.0.0.2", 6, tcp(1, 2, 3, 4, tcpACK, make([]byte, 100))))
	var f frame
	if d := f.decode(&Packet{Data: b[:60], Wire: len(b), Link: LinkEthernet}); d != good || len(f.payload) != 6 || f.missing != 94 {
		t.Errorf("%d: %d bytes and %d missing, want 6 and 94", d, len(f.payload), f.missing)
	}
	if d := f.decode(&Packet{Data: b[:40], Wire: len(b), Link: LinkEthernet}); d != unneeded {
		t.Errorf("cut inside the TCP header: %d, want nothing to see", d)
	}
}

// A header may claim more than the frame ever held. Believed, it would put the
// stream's next bytes beyond all that follow.
func TestForgedLength(t *testing.T) {
	four := ethernet(mac(1), mac(2), 0x0800, ip4("10.0.0.1", "10.0.0.2", 6, tcp(1, 2, 3, 4, tcpACK, make([]byte, 12))))
	binary.BigEndian.PutUint16(four[16:], 35124)
	six := ethernet(mac(1), mac(2), 0x86dd, ip6("fd00::1", "fd00::2", 6, tcp(1, 2, 3, 4, tcpACK, make([]byte, 12))))
	binary.BigEndian.PutUint16(six[18:], 35124)
	for name, b := range map[string][]byte{"IPv4": four, "IPv6": six} {
		if f, d := decodeOf(LinkEthernet, b); d != good || len(f.payload) != 12 || f.missing != 0 {
			t.Errorf("%s: %d, %d bytes and %d missing, want 12 and none", name, d, len(f.payload), f.missing)
		}
	}
	// Of a datagram nothing follows that could be told from it: it is not whole.
	one := ethernet(mac(1), mac(2), 0x0800, ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(1, 2, make([]byte, 12))))
	binary.BigEndian.PutUint16(one[16:], 35124)
	if f, d := decodeOf(LinkEthernet, one); d != good || f.missing == 0 {
		t.Errorf("UDP: %d, %d missing, want some", d, f.missing)
	}
}

func FuzzFrame(f *testing.F) {
	packet := ip4("10.0.0.1", "10.0.0.2", 6, tcp(1, 9000, 3, 4, tcpACK, pdu(toyRead, "x")))
	plain := ethernet(mac(1), mac(2), 0x0800, packet)
	f.Add(uint16(LinkEthernet), plain)
	f.Add(uint16(LinkEthernet), tagged(plain, 0x88a8, 7, 0x8100, 200))
	f.Add(uint16(LinkNull), append([]byte{2, 0, 0, 0}, packet...))
	f.Add(uint16(LinkSLL), append(make([]byte, 14), append([]byte{8, 0}, packet...)...))
	f.Add(uint16(LinkRaw), ip6("::1", "::2", 44, append([]byte{17, 0, 0, 1, 0, 0, 0, 9}, udp(1, 9000, pdu(1, ""))...)))
	f.Add(uint16(LinkEthernet), ethernet(mac(1), mac(2), 8, []byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0}))
	f.Add(uint16(LinkEthernet), refusal("10.0.0.2", "10.0.0.1", 3, ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(1, 9000, pdu(toyRead, "x")))))
	for _, frame := range tunnels(toyInside()) {
		f.Add(uint16(LinkEthernet), frame)
	}
	cfg := toyConfig(f)
	f.Fuzz(func(t *testing.T, link uint16, raw []byte) {
		// Twice, then cut: the second finds the state that the first left.
		src := &memory{frames: [][]byte{raw, raw, raw[:len(raw)/2]}, link: LinkType(link)}
		s := summaries(t, src, cfg)[0]
		if s.Health.Packets != 3 || s.Health.Quarantined > 0 && !bytes.Contains(raw, []byte{0xa5, toyPanic}) {
			t.Fatalf("%+v", s.Health)
		}
	})
}
