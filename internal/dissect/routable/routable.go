// Package routable walks the datagrams that carry GOOSE and Sampled Values
// over UDP (IEC 61850-90-5), which have a session header of their own.
//
//	UDP port 102                0  2  0x01 0x40, connectionless transport
//	                            2  2  session id (0xa1 GOOSE, 0xa2 samples), length of its header
//	                            4  …  0x80, length, SPDU length 4, number 4, version 2, key times 4 and 2, key id 4, IV
//	                               4  length of what follows
//	                               …  [ payload type (0x81 GOOSE, 0x82 samples), simulation 1, APPID 2, length 2, PDU ]
package routable

import (
	"encoding/binary"
	"iter"

	"github.com/skanse/skanse/internal/dissect"
)

// maxPayload bounds the PDUs of one datagram.
const maxPayload = 32

// Is says that b begins as a datagram of a session; no Ethernet frame of either is that long.
func Is(b []byte, session byte) bool {
	return len(b) > 4 && b[0] == 1 && b[1] == 0x40 && b[2] == session
}

// PDU is one payload of a datagram.
type PDU struct {
	Type      byte
	Simulated bool
	AppID     uint16
	Body      []byte
}

// PDUs gives the payloads of a datagram that Is. A fault ends it: what stood before it counts.
func PDUs(b []byte) iter.Seq2[PDU, dissect.Fault] {
	return func(yield func(PDU, dissect.Fault) bool) {
		if b[4] != 0x80 {
			yield(PDU{}, dissect.Alien)
			return
		}
		at := 4 + int(b[3])
		if at+4 > len(b) {
			yield(PDU{}, dissect.Short)
			return
		}
		n := int(binary.BigEndian.Uint32(b[at:]))
		rest := b[at+4:]
		if n < 0 || n > len(rest) {
			yield(PDU{}, dissect.Short)
			return
		}
		rest = rest[:n]
		for range maxPayload {
			if len(rest) < 6 {
				return
			}
			size := int(binary.BigEndian.Uint16(rest[4:]))
			if size > len(rest)-6 {
				yield(PDU{}, dissect.Short)
				return
			}
			if !yield(PDU{rest[0], rest[1] != 0, binary.BigEndian.Uint16(rest[2:]), rest[6 : 6+size]}, dissect.OK) {
				return
			}
			rest = rest[6+size:]
		}
		yield(PDU{}, dissect.TooDeep)
	}
}
