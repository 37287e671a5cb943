package sensor

import (
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"testing"
)

// flood is a source that makes its packets when they are asked for; every thousandth is
// of a real conversation: a client reads from a controller by Modbus, and is answered.
type flood struct {
	n, of int
	make  func(i int) []byte
	real  *modbusTalk
	peak  uint64 // of the live heap
}

const realEvery = 1000

func (s *flood) Next(p *Packet) error {
	if s.n == s.of {
		return io.EOF
	}
	s.n++
	var b []byte
	if s.n%realEvery == 0 {
		b = s.real.next()
	} else {
		b = s.make(s.n)
	}
	if s.n == s.of/2 || s.n == s.of { // what is held, not what waits for the collector
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		s.peak = max(s.peak, m.HeapAlloc)
	}
	*p = Packet{Data: b, At: 1e18 + int64(s.n)*1e4, Number: uint64(s.n), Wire: len(b), Link: LinkEthernet}
	return nil
}

func (s *flood) Close() error { return nil }

func (s *flood) Stats() SourceStats { return SourceStats{Packets: uint64(s.n)} }

// modbusTalk is a client that polls a controller: read holding registers, and the answer.
type modbusTalk struct {
	t *talk
	n int
}

func newModbusTalk() *modbusTalk {
	return &modbusTalk{t: newTalk().open()}
}

func (m *modbusTalk) next() []byte {
	i := m.n
	m.n++
	if i < 3 {
		return rePort(m.t.frames[i], 9000, 502)
	}
	id := []byte{byte(i >> 9), byte(i >> 1), 0, 0}
	if i%2 == 1 {
		m.t.say(0, append(id, 0, 6, 1, 3, 0, 10, 0, 2))
	} else {
		id[0], id[1] = byte((i-1)>>9), byte((i-1)>>1)
		m.t.say(1, append(id, 0, 7, 1, 3, 4, 0, 1, 0, 2))
	}
	b := rePort(m.t.frames[len(m.t.frames)-1], 9000, 502)
	m.t.frames = m.t.frames[:0]
	return b
}

// asked is how many requests came.
func (m *modbusTalk) asked() uint64 { return uint64(max(0, m.n-3)+1) / 2 }

// rePort puts another port in the place of one that the makers know.
func rePort(b []byte, from, to uint16) []byte {
	b = slices.Clone(b)
	for _, at := range []int{34, 36} {
		if order.Uint16(b[at:]) == from {
			order.PutUint16(b[at:], to)
		}
	}
	return b
}

// nested is BER in BER, as deep as it fits: a tag and a long length each.
func nested(tag byte, size int) []byte {
	b := make([]byte, 0, size)
	for len(b)+4 <= size {
		b = append(b, tag, 0x82)
		b = order.AppendUint16(b, uint16(max(0, size-len(b)-2)))
	}
	return b
}

// opcuaRead is a ReadRequest that announces two thousand million nodes and brings a chunk of them.
func opcuaRead(size int) []byte {
	le := binary.LittleEndian
	b := append([]byte("MSGF"), 0, 0, 0, 0)
	b = le.AppendUint32(b, 7)                              // channel
	b = le.AppendUint32(b, 47)                             // token
	b = le.AppendUint32(le.AppendUint32(b, 3), 2)          // sequence, request
	b = append(b, 1, 0, 0x77, 2)                           // node id 631, ReadRequest
	b = append(b, 0, 0)                                    // no authentication token
	b = append(b, make([]byte, 8+4+4)...)                  // time, handle, diagnostics
	b = append(le.AppendUint32(b, 0xffffffff), 0, 0, 0, 0) // audit entry, timeout
	b = append(b, 0, 0, 0)                                 // no further header
	b = append(b, make([]byte, 8+4)...)                    // age, timestamps
	b = le.AppendUint32(b, 0x7fffffff)                     // nodes to read
	node := append([]byte{1, 2, 0x10, 0x11, 13, 0, 0, 0}, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff)
	for len(b)+len(node) < size {
		b = append(b, node...)
	}
	le.PutUint32(b[4:], uint32(len(b)))
	return b
}

// Captures made to exhaust a sensor stay inside its budgets, say what was dropped, and the
// plant's own conversation in the midst of them is decoded to its last message.
func TestHostileCaptures(t *testing.T) {
	const mib = 1 << 20
	deepSNMP, deepGOOSE, deepLDAP := nested(0x30, 60_000), nested(0xa2, 1400), nested(0x30, 1400)
	many := opcuaRead(60_000)
	million := 1_000_000
	if testing.Short() {
		million = 200_000
	}
	segment := func(sport, dport uint16, i int, seq uint32, body []byte) []byte {
		b := ethernet(mac(3), mac(4), 0x0800, ip4("172.16.0.1", "172.16.0.2", 6, tcp(sport, dport, seq, 1, tcpACK, body)))
		order.PutUint32(b[26:], 0xac100000+uint32(i%50_000)) // another client
		return b
	}
	for name, c := range map[string]struct {
		packets int
		make    func(i int) []byte
		told    []string // budgets that must say that they were hit
		limit   uint64
	}{
		// One SYN each, from a million ports and addresses; nothing follows.
		"half-open flows": {million, func() func(int) []byte {
			b := ethernet(mac(3), mac(4), 0x0800, ip4("11.0.0.1", "10.0.0.9", 6, tcp(1, 502, 1, 0, tcpSYN, nil)))
			return func(i int) []byte {
				order.PutUint32(b[26:], 0x0b000000+uint32(i))
				order.PutUint16(b[34:], uint16(i))
				return b
			}
		}(), []string{"flows", "hosts", "conversations"}, 200 * mib},
		// The first and a late part of datagrams of 64 KiB, whose middle never comes.
		"64 KiB fragments": {100_000, func(i int) []byte {
			body := make([]byte, 1480)
			at := 0
			if i%2 == 1 {
				at = 63 << 10
			}
			b := ethernet(mac(3), mac(4), 0x0800, ip4part("172.16.0.1", "172.16.0.2", 17, uint16(i/2), at, true, body))
			order.PutUint32(b[26:], 0xac100000+uint32(i/2))
			return b
		}, []string{"fragments"}, 128 * mib},
		// Streams that announce a PDU of 8 KiB, the largest that S7comm has, and bring a part of it.
		"PDUs that never end": {60_000, func(i int) []byte {
			body := make([]byte, 1400)
			copy(body, []byte{3, 0, 0x1f, 0x40, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 1, 0, 14, 0x1f, 0x28, 4, 1})
			return segment(uint16(20_000+i%40_000), 102, i, 1, body)
		}, []string{"buffer"}, 200 * mib},
		// Segments behind a gap that nothing fills: each flow waits for what never comes.
		"gaps": {120_000, func(i int) []byte {
			if i%2 == 1 {
				return segment(uint16(20_000+i/2%20_000), 502, i/2, 1, []byte{0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1})
			}
			return segment(uint16(20_000+(i/2-1)%20_000), 502, i/2-1, 60_000, make([]byte, 1400))
		}, []string{"buffer"}, 200 * mib},
		"deep ASN.1 in SNMP": {3000, func(i int) []byte {
			return ethernet(mac(3), mac(4), 0x0800, ip4("172.16.0.1", "172.16.0.2", 17, udp(uint16(20_000+i%500), 161, deepSNMP)))
		}, nil, 128 * mib},
		"deep ASN.1 in GOOSE": {100_000, func(i int) []byte {
			head := order.AppendUint16([]byte{0, byte(i)}, uint16(8+len(deepGOOSE)))
			return ethernet(mac(byte(i)), mac(4), 0x88b8, slices.Concat(head, []byte{0, 0, 0, 0, 0x61, 0x82, 5, 0x74}, deepGOOSE[8:]))
		}, nil, 128 * mib},
		"deep ASN.1 in LDAP": {50_000, func(i int) []byte {
			return segment(uint16(20_000+i%5000), 389, i%5000, 1, deepLDAP)
		}, nil, 128 * mib},
		"OPC UA arrays": {6000, func(i int) []byte {
			return segment(uint16(20_000+i%1000), 4840, i%1000, uint32(1+len(many)*(i/1000)), many)
		}, nil, 200 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			src := &flood{of: c.packets, make: c.make, real: newModbusTalk()}
			cfg := shipped(t)
			var sum *Summary
			if err := Run(t.Context(), src, cfg, func(s *Summary) error { sum = s; return nil }); err != nil {
				t.Fatal(err)
			}
			used := src.peak - min(before.HeapAlloc, src.peak)
			t.Logf("%d MiB held; %d malformed, %d lost, dropped %v", used/mib, sum.Health.Malformed, sum.Health.Lost, sum.Health.BudgetHit)
			if used > c.limit {
				t.Errorf("%d MiB held; the budgets allow %d", used/mib, c.limit/mib)
			}
			for _, budget := range c.told {
				if sum.Health.BudgetHit[budget] == 0 {
					t.Errorf("nothing told of the budget of %s: %v", budget, sum.Health.BudgetHit)
				}
			}
			if sum.Health.Quarantined > 0 {
				t.Errorf("%d conversations were set aside after a fault of ours", sum.Health.Quarantined)
			}
			var asked, answered uint64
			for i := range sum.Tuples {
				if x := &sum.Tuples[i]; x.Protocol == "modbus" && x.Code == 3 && !x.Also && x.Flow.Client.IP.String() == "10.0.0.1" {
					switch x.Dir {
					case "request":
						asked += x.Count
					case "response":
						answered += x.Count
					}
				}
			}
			if want := src.real.asked(); c.packets >= 10*realEvery && asked != want || answered+1 < asked {
				t.Errorf("%d requests and %d answers of the real conversation; it had %d", asked, answered, want)
			}
		})
	}
}
