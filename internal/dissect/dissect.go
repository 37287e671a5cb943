// Package dissect says what a protocol dissector is and gives it its sink. One
// folder a protocol stands beside it; all/ lists them; dissecttest/ is the
// contract as a test. It knows nothing of packets, buffers or addresses beyond
// the PDU in hand: the sensor's engine (and the gateway's filter) own those.
package dissect

import "github.com/skanse/skanse/internal/ot"

// Verdict is a probe's answer.
type Verdict uint8

// The answers of a probe.
const (
	No   Verdict = iota // this is not mine
	More                // cannot tell yet: show me more bytes from the same start
	Yes                 // mine, by content
)

// Fault is a number instead of an error, so that a million malformed frames box nothing.
type Fault uint8

// The faults of a decode. Whatever was reported before a fault stays reported.
const (
	OK       Fault = iota
	Short          // the PDU ends inside a field
	BadValue       // a field holds what the protocol does not allow
	TooDeep        // nested beyond the dissector's limit
	Alien          // this is another protocol: after a few in a row the flow is let go
)

// Transport is where a protocol lives, as bits.
type Transport uint8

// The transports a dissector can ask for.
const (
	TCP   Transport = 1 << iota // a byte stream, cut by Flow.Frame
	UDP                         // datagrams: Decode gets each whole, Frame is not called
	Ether                       // frames by EtherType, LLC DSAP or SNAP id: Decode gets the payload
	IP                          // packets by IP protocol, without ports: Decode gets the payload
)

// Naming is one protocol's name with its kinds, in the order of the
// dissector's own ot.Kind constants. catalog/protocols/<Name>.yaml names and
// classes the codes of each kind, unless Title is given: then the name comes
// from a list of patterns and has no file of its own.
type Naming struct {
	Name  string
	Kinds []string
	Title string
	Class ot.Class // with Title: of every code
}

// Spec is what the engine needs to know before the first byte. Ports and
// EtherTypes are hints: they say who is asked first, content decides.
type Spec struct {
	Protocols []Naming // the first is the dissector's own; Sink.BeginAs(i) reports as the i-th (CIP in EtherNet/IP)
	Transport Transport
	TCP, UDP  []uint16 // usual server ports; the lower one of a flow's ports in here is the server
	Ether     []uint16 // EtherTypes
	LLC       []uint8  // 802.2 DSAP values
	SNAP      []uint64 // OUI<<16 | protocol id
	IP        []uint8  // IP protocols other than TCP, UDP and ICMP
	MaxPDU    int      // bytes, at most 64 KiB
	MaxState  int      // bytes that one Flow may hold
	HintOnly  bool     // Probe is too weak to claim a flow away from the usual ports

	// Alternatives says that a flow speaks one of Protocols rather than all of
	// them: its conversation is called after what the dissector reported
	// beside the first.
	Alternatives bool
}

// Protocol is one dissector. It is immutable and shared by all shards.
type Protocol interface {
	Spec() Spec
	// Probe looks at the first bytes of one side of a flow (dir as guessed by
	// the engine). It is pure, must not trust the port, must not allocate, and
	// must say No as early as it can. Mid-stream the bytes may begin anywhere;
	// the engine asks again at the next segments.
	Probe(dir ot.Dir, b []byte) Verdict
	// Open makes the state of one conversation. The engine pools it.
	Open() Flow
}

// PortProber is a Protocol whose weaker signatures count on certain ports
// only. Where it is implemented, it is asked instead of Probe.
type PortProber interface {
	// ProbePort is Probe of a flow over t between these two ports.
	ProbePort(t Transport, dir ot.Dir, b []byte, a, z uint16) Verdict
	// Bound tells a flow of Open over what and between which ports it is.
	Bound(f Flow, t Transport, a, z uint16)
	// Usual names the protocol, as an index into Spec.Protocols, that has the
	// port where content does not tell.
	Usual(t Transport, port uint16) (int, bool)
}

// Flow is one conversation's state. One goroutine uses it; it never keeps b.
type Flow interface {
	// Frame finds the next PDU in a stream: n is its whole length in bytes (it
	// may be more than len(b): the engine waits), n=0 asks for more bytes,
	// skip>0 drops bytes first to come back into step. synced is false after a
	// gap or a start mid-stream. A PDU longer than Spec.MaxPDU is skipped by the engine.
	Frame(dir ot.Dir, b []byte, synced bool) (skip, n int)
	// Decode gets exactly one PDU (for UDP and Ether one datagram or payload)
	// and reports to out. It must not panic, read outside pdu, allocate in the
	// steady state, or trust any length in pdu.
	Decode(dir ot.Dir, pdu []byte, out *Sink) Fault
	// Reset empties the state for the pool.
	Reset()
}

// Collector receives what dissectors report: the sensor's engine, the
// gateway's filter, a test. The message and all slices die when the call returns.
type Collector interface {
	Message(m *ot.Message)
	Code(m *ot.Message, kind ot.Kind, code uint32, text []byte) // a further code in m's PDU
	Fact(about ot.Host, attr ot.Attr, value []byte)
	Expect(peer ot.Endpoint, udp bool, p ot.Protocol)
	Client(dir ot.Dir) // the protocol says that the sender of dir-side PDUs is the client
}
