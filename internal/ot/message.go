package ot

// Protocol numbers a protocol inside one running process. The number is given
// by dissect.Set in the order of the registered list, so it must never be
// stored or sent: what leaves the process carries the protocol's name.
type Protocol uint16

// Kind says what a code counts inside one protocol (function, exception,
// service, type …). Each dissector numbers its own kinds from 0, in the order
// in which its Spec names them.
type Kind uint8

// Dir is the side a PDU came from, as the protocol understands it.
type Dir uint8

// The directions of a PDU.
const (
	DirNone  Dir = iota // the protocol has no requests and responses, or it cannot be told
	Request             // from the client side
	Response            // from the server side
)

func (d Dir) String() string {
	switch d {
	case Request:
		return "request"
	case Response:
		return "response"
	}
	return ""
}

// Reverse returns the other side; DirNone stays.
func (d Dir) Reverse() Dir {
	switch d {
	case Request:
		return Response
	case Response:
		return Request
	}
	return DirNone
}

// Flags qualify a message.
type Flags uint16

// The flags of a message.
const (
	Refused   Flags = 1 << iota // the peer answered with an error or exception
	Midstream                   // decoded from a stream whose beginning nobody saw
	Inner                       // an outer layer that carried another reported message; rules skip it
	HasValue                    // Value is set
	Forced                      // an override of a process value (force, substitute)
	ClearText                   // carried a credential that anyone on the wire can read
)

// Message is one PDU at one layer. Slices alias the packet and die when
// dissect.Sink.End returns.
type Message struct {
	At       int64    // packet time, ns since 1970 UTC
	Packet   uint64   // its number in the source, from 1: the proof
	Protocol Protocol // filled by Sink.Begin
	Kind     Kind     // what Code counts
	Dir      Dir
	Class    Class // one bit; filled from catalog/protocols when the dissector leaves it 0
	Flags    Flags
	Code     uint32  // the number on the wire
	Status   uint32  // exception or return code
	Text     []byte  // the code, where the protocol uses names
	Unit     uint32  // unit id, slot, ASDU address
	Space    uint16  // coil, holding, DB …: the protocol's own table
	Area     uint32  // DB number, object type
	First, N uint32  // element range: "register 40112" and "writes > 10" are numbers
	Name     []byte  // tag, path, node id, block name
	Value    float64 // first value written or read, if Flags has HasValue
}
