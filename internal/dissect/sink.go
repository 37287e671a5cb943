package dissect

import (
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Sink takes what one dissector reports about the PDU in hand. It is concrete,
// and lends its one Message, because a local *Message handed through an
// interface would escape: one allocation a PDU.
//
//	m := out.Begin()
//	m.Kind, m.Code, m.Dir = function, uint32(pdu[7]), dir
//	out.End()
type Sink struct {
	to    Collector
	taker Taker    // to, where it takes pieces
	elems Follower // to, where it follows values
	names []*names // of the running dissector's protocols, by BeginAs index
	first ot.Protocol
	msg   ot.Message
	piece Piece // lent, as msg is

	told, secret bool // of the PDU in hand

	// At and Packet are the time and number of the packet in hand; Mid is set
	// mid-stream. Src and Dst are who sent it and to whom (MAC, IP); SrcPort
	// and DstPort are the EtherType where there is no transport.
	At               int64
	Packet           uint64
	Mid              bool
	Src, Dst         ot.Host
	SrcPort, DstPort uint16
}

// NewSink returns a sink that reports to c.
func NewSink(c Collector) *Sink {
	taker, _ := c.(Taker)
	elems, _ := c.(Follower)
	return &Sink{to: c, taker: taker, elems: elems}
}

// Run points the sink at the dissector whose PDU follows.
func (s *Sink) Run(e *Entry) {
	s.names, s.first = e.names, e.First
	s.told, s.secret = false, false
}

// Secret says that the PDU in hand holds what must not leave the sensor, not
// even as the bytes that prove a message: a password, a cookie, an answer from
// which a password can be computed, a file's content. A message with
// ot.ClearText and a fact of the credential family say it by themselves.
func (s *Sink) Secret() { s.secret = true }

// Provable says whether the bytes of the PDU in hand may be kept as a proof:
// only those that a dissector understood and vouched for, because of
// others nobody knows what they hold.
func (s *Sink) Provable() bool { return s.told && !s.secret }

// Hidden says whether the PDU in hand holds a secret, as far as it was read.
func (s *Sink) Hidden() bool { return s.secret }

// Begin lends a message of the dissector's own protocol, emptied, with At,
// Packet and Midstream filled. Nothing is reported before End.
func (s *Sink) Begin() *ot.Message { return s.BeginAs(0) }

// BeginAs is Begin for the i-th of Spec.Protocols.
func (s *Sink) BeginAs(i int) *ot.Message {
	s.msg = ot.Message{At: s.At, Packet: s.Packet, Protocol: s.first + ot.Protocol(i)}
	if s.Mid {
		s.msg.Flags = ot.Midstream
	}
	return &s.msg
}

// End reports the lent message. A Class of 0 is looked up in the catalogue.
func (s *Sink) End() {
	m := &s.msg
	if m.Class == 0 {
		m.Class = s.names[m.Protocol-s.first].class(m.Kind, m.Code, m.Text)
	}
	s.told = true
	s.secret = s.secret || m.Flags&ot.ClearText != 0
	s.to.Message(m)
}

// Also reports a further code of the lent message's PDU (an object, a cause, a
// nested service): counted and printed, never matched as a message. Call it
// between Begin and End, after Kind, Dir and Protocol are set.
func (s *Sink) Also(kind ot.Kind, code uint32, text []byte) { s.to.Code(&s.msg, kind, code, text) }

// Fact reports what the sender says of itself. The engine keeps each value once.
func (s *Sink) Fact(attr ot.Attr, value []byte) { s.FactOf(s.Src, attr, value) }

// FactOf reports what the sender says of another host, or of a module inside itself.
func (s *Sink) FactOf(about ot.Host, attr ot.Attr, value []byte) {
	if len(value) == 0 {
		return
	}
	if len(value) > ot.MaxFact {
		value = value[:ot.MaxFact]
	}
	s.told = true
	s.secret = s.secret || strings.HasPrefix(string(attr), "credential.")
	s.to.Fact(about, attr, value)
}

// Expect says that a flow to peer will speak the dissector's i-th protocol
// (FTP data, CIP I/O). Only the dissector that owns that protocol is bound.
func (s *Sink) Expect(peer ot.Endpoint, udp bool) { s.to.Expect(peer, udp, s.first) }

// Client says that the side which sent dir PDUs is the client, whatever the ports suggest.
func (s *Sink) Client(dir ot.Dir) { s.to.Client(dir) }
