// Package sbus reads SAIA S-Bus over UDP (Ether-S-Bus, SBC manual 26/739):
// registers, flags and programs of Saia PCD controllers, which any host on the
// network may read and change.
//
//	0 length 4 | 4 version | 5 kind | 6 sequence 2 | 8 attribute: 0 request, 1 answer, 2 acknowledgement
//	request: 9 station | 10 command | data | check 2
//	answer: 9 data | check 2; acknowledgement: 9 code 2 | check 2
package sbus

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	command ot.Kind = iota
	acknowledgement
)

const (
	request, answer, acknowledge = 0, 1, 2
	shortest                     = 11
	writes                       = 0x0a // first of the write commands of elements
	lastWrite                    = 0x0f
	readFirmware                 = 0x20
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "sbus", Kinds: []string{"command", "acknowledgement"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{5050},
		MaxPDU:    1500,
		MaxState:  48,
	}
}

// Probe wants the datagram's own length, a known attribute and the right check sum.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < shortest || binary.BigEndian.Uint32(b) != uint32(len(b)) || b[4] > 1 || b[5] != 0 || b[8] > acknowledge {
		return dissect.No
	}
	if check(b[:len(b)-2]) != binary.BigEndian.Uint16(b[len(b)-2:]) {
		return dissect.No
	}
	return dissect.Yes
}

// check is CRC-16/XMODEM, as S-Bus has it.
func check(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	asked    uint8 // the last request's command
	sequence uint16
	waits    bool
	text     [16]byte
}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < shortest {
		return dissect.Short
	}
	if binary.BigEndian.Uint32(b) != uint32(len(b)) || b[8] > acknowledge {
		return dissect.Alien
	}
	sequence := binary.BigEndian.Uint16(b[6:])
	data := b[9 : len(b)-2]
	m := out.Begin()
	if b[8] == request {
		if len(data) < 2 {
			return dissect.Short
		}
		m.Kind, m.Code, m.Dir, m.Unit = command, uint32(data[1]), ot.Request, uint32(data[0])
		element(m, data[2:])
		f.asked, f.sequence, f.waits = data[1], sequence, true
		out.Client(m.Dir)
		out.End()
		return dissect.OK
	}
	m.Dir = ot.Response
	paired := f.waits && f.sequence == sequence
	f.waits = false
	if b[8] == acknowledge {
		code := uint32(0)
		if len(data) >= 2 {
			code = uint32(binary.BigEndian.Uint16(data))
		}
		m.Kind, m.Code, m.Status = acknowledgement, code, code
		if code != 0 {
			m.Flags |= ot.Refused
		}
		out.End()
		return dissect.OK
	}
	if !paired {
		return dissect.OK // an answer says nothing without its question
	}
	m.Kind, m.Code = command, uint32(f.asked)
	out.End()
	if f.asked == readFirmware && len(data) >= 8 {
		// type of controller 5, "D2M48" for a PCD2.M48x, version 3
		model := append(append(f.text[:0], "PC"...), data[:2]...)
		model = append(append(model, '.'), data[2:5]...)
		out.Fact("sbus.model", bytes.TrimRight(model, " \x00"))
		out.Fact("sbus.firmware", bytes.TrimRight(data[5:8], " \x00"))
	}
	return dissect.OK
}

// element reads which elements a command is about: count 1 (less one), first 2;
// the writes of registers say how many bytes instead.
func element(m *ot.Message, b []byte) {
	switch {
	case m.Code <= 7 && len(b) >= 3:
		m.N, m.First = uint32(b[0])+1, uint32(binary.BigEndian.Uint16(b[1:]))
	case m.Code >= writes && m.Code <= lastWrite && len(b) >= 3:
		m.First = uint32(binary.BigEndian.Uint16(b[1:]))
		m.N = max((uint32(b[0])-1)/4, 1)
	}
}

func (f *flow) Reset() { f.waits = false }
