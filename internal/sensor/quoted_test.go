package sensor

import (
	"slices"
	"testing"
)

// refusal is the ICMP error by which 10.0.0.2 sends a datagram back.
func refusal(from, to string, kind byte, quoted []byte) []byte {
	return ethernet(mac(2), mac(1), 0x0800, ip4(from, to, ipICMP, slices.Concat([]byte{kind, 3, 0, 0, 0, 0, 0, 0}, quoted)))
}

func TestRefusedDatagrams(t *testing.T) {
	load := ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(40000, 9000, pdu(toyProgram, "x")))
	name := ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(40000, 9000, pdu(toyName, "late")))
	part := ip4part("10.0.0.1", "10.0.0.2", ipUDP, 7, 0, true, udp(40000, 9000, pdu(toyProgram, "x")))
	sent := ethernet(mac(1), mac(2), 0x0800, load)
	for what, c := range map[string]struct {
		frames         [][]byte
		loads, refused uint64
	}{
		"unreachable":       {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 3, load)}, 2, 1},
		"time exceeded":     {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 11, load)}, 2, 1},
		"padding behind":    {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 3, append(slices.Clone(load), 0, 0, 0))}, 2, 1},
		"error comes first": {[][]byte{refusal("10.0.0.2", "10.0.0.1", 3, load), sent}, 2, 1},
		"cut":               {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 3, load[:len(load)-1])}, 1, 0},
		"a fragment":        {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 3, part)}, 1, 0},
		"an echo":           {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 8, load)}, 1, 0},
		"somebody else's":   {[][]byte{sent, refusal("10.0.0.2", "10.0.0.3", 3, load)}, 1, 0},
		"never heard":       {[][]byte{refusal("10.0.0.2", "10.0.0.1", 3, load)}, 0, 0},
		"a name":            {[][]byte{sent, refusal("10.0.0.2", "10.0.0.1", 3, name)}, 1, 0},
	} {
		s := summaryOf(t, c.frames, toyConfig(t))
		var refused uint64
		for i := range s.Tuples {
			if s.Tuples[i].Code == toyProgram {
				refused += s.Tuples[i].Refused
			}
		}
		if n := counts(s)[toyProgram]; n != c.loads || refused != c.refused {
			t.Errorf("%s: %d messages, %d of them refused; want %d and %d", what, n, refused, c.loads, c.refused)
		}
		hits := 0
		for _, e := range s.Events {
			hits += len(e.Rules)
		}
		if hits > 1 || len(s.Facts) > 0 {
			t.Errorf("%s: a quoted message is told again: %d alerts, facts %v", what, hits, s.Facts)
		}
	}

	six := ip6("fd00::1", "fd00::2", ipUDP, udp(40000, 9000, pdu(toyProgram, "x")))
	back := slices.Concat([]byte{1, 4, 0, 0, 0, 0, 0, 0}, six)
	s := summaryOf(t, [][]byte{
		ethernet(mac(1), mac(2), 0x86dd, six),
		ethernet(mac(2), mac(1), 0x86dd, ip6("fd00::2", "fd00::1", ipICMP6, back)),
	}, toyConfig(t))
	if n := counts(s)[toyProgram]; n != 2 {
		t.Errorf("IPv6: %d messages, want 2", n)
	}
}

func TestRefusedDatagramsAllocateNothing(t *testing.T) {
	load := ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(40000, 9000, pdu(toyProgram, "x")))
	cfg := toyConfig(t)
	e := newEngine(&cfg)
	src := &memory{frames: [][]byte{ethernet(mac(1), mac(2), 0x0800, load), refusal("10.0.0.2", "10.0.0.1", 3, load)}}
	var p Packet
	for src.Next(&p) == nil {
		e.take(&p)
	}
	if n := testing.AllocsPerRun(100, func() { e.take(&p) }); n != 0 {
		t.Errorf("%v allocations a packet, want none", n)
	}
}

// A dissector that fails on quoted bytes is set aside, and the next packets are told as ever.
func TestRefusedDatagramThatPanics(t *testing.T) {
	bad := ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(40000, 9000, pdu(toyPanic, "x")))
	other := ethernet(mac(1), mac(2), 0x0800, ip4("10.0.0.1", "10.0.0.2", ipUDP, udp(40001, 9000, pdu(toyProgram, "x"))))
	s := summaryOf(t, [][]byte{refusal("10.0.0.2", "10.0.0.1", 3, bad), other}, toyConfig(t))
	if s.Health.Quarantined != 1 || counts(s)[toyProgram] != 1 || s.Tuples[0].Refused != 0 {
		t.Errorf("quarantined %d, %v", s.Health.Quarantined, counts(s))
	}
}
