package ethercat

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Protocols of a mailbox, ETG.1000.4, 5.6: length (2), address (2), channel and priority (1), type and counter (1).
const (
	mailAoE = 1
	mailEoE = 2
	mailCoE = 3
	mailFoE = 4
	mailSoE = 5
	mailVoE = 15

	mailHeader = 6
)

// mailboxes looks for mailboxes and a station's memory in the datagrams of a frame. What is written
// counts on the way out, what is read on the way back.
func (f *flow) mailboxes(b []byte, dir ot.Dir, out *dissect.Sink) {
	for range maxInFrame {
		d, rest, last, ok := cut(b)
		if !ok {
			return
		}
		b = rest
		if d.interesting() && (d.command == cmdFPWR && dir == ot.Request || d.command == cmdFPRD && dir == ot.Response && d.counter > 0) {
			switch {
			case d.ado >= mailboxFrom:
				f.mailbox(&d, dir, out)
			case d.command == cmdFPWR && d.ado == regMemory:
				f.askMemory(&d)
			case d.command == cmdFPRD && d.ado == regMemoryData:
				f.tellMemory(&d, out)
			}
		}
		if last {
			return
		}
	}
}

// mailbox reports what a mailbox holds, where it is one: process data may stand in the same memory.
func (f *flow) mailbox(d *datagram, dir ot.Dir, out *dissect.Sink) {
	n, kind := int(binary.LittleEndian.Uint16(d.data)), d.data[5]&15
	if n < 2 || n > len(d.data)-mailHeader || d.data[4]&0x3f != 0 || d.data[5]&0x80 != 0 {
		return
	}
	body := d.data[mailHeader : mailHeader+n]
	switch {
	case kind == mailCoE && body[0] == 0 && body[1]&0x0e == 0 && body[1]>>4 >= 1 && body[1]>>4 <= 8:
		f.coe(d.adp, body, dir, out)
	case kind == mailFoE && body[0] >= 1 && body[0] <= 6 && body[1] == 0:
		f.foe(d.adp, body, dir, out)
	case kind == mailEoE && n >= 4 && body[0]&15 <= 9, kind == mailSoE && body[0]&7 != 0 && n >= 4, kind == mailAoE && n >= 32, kind == mailVoE && n >= 8:
		m := out.Begin()
		m.Kind, m.Code, m.Dir, m.Unit, m.N = kindMailbox, uint32(kind), dir, uint32(d.adp), uint32(n)
		if kind == mailSoE && dir == ot.Request && body[0]&7 == 3 {
			m.Class = ot.Configure
		}
		out.End()
	}
}

// CoE services and the commands of service data objects, ETG.1000.6, 5.6.2.
const (
	coeRequest  = 2
	coeResponse = 3

	sdoDownload = 1 // of a request; 3 in the answer
	sdoUpload   = 2
	sdoAbort    = 4
)

// coe reports a CANopen message: number and service (2); for a service data object
// command (1), index (2), subindex (1), data or its size (4).
func (f *flow) coe(station uint16, b []byte, dir ot.Dir, out *dissect.Sink) {
	service := b[1] >> 4
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kindMailbox, uint32(mailCoE), dir, uint32(station)
	if service != coeRequest && service != coeResponse || len(b) < 10 {
		if service == 1 {
			m.Class = ot.Alarm // an emergency
		}
		out.End()
		return
	}
	out.Also(kindMailbox, mailCoE, nil)
	specifier := b[2] >> 5
	if service == coeResponse && specifier == 3 { // download is 3 in an answer
		specifier = sdoDownload
	}
	m.Kind, m.Code = kindSDO, uint32(specifier)
	m.Area, m.First, m.N = uint32(binary.LittleEndian.Uint16(b[3:])), uint32(b[5]), 1
	if specifier == sdoAbort {
		m.Status, m.Flags = binary.LittleEndian.Uint32(b[6:]), m.Flags|ot.Refused
	}
	index, sub := m.Area, b[5]
	out.End()
	if service != coeResponse || b[2]>>5 != sdoUpload {
		return
	}
	v := b[6:]
	if b[2]&2 != 0 { // expedited: up to four bytes in place of the size
		v = v[:min(len(v), 4-int(b[2]>>2&3))]
	} else {
		v = v[min(len(v), 4):]
	}
	f.object(station, index, sub, v, out)
}

// object reads what a station's objects say of it, ETG.1000.6, 5.6.7.4.
func (f *flow) object(station uint16, index uint32, sub byte, v []byte, out *dissect.Sink) {
	switch {
	case index == 0x1018 && sub >= 1 && sub <= 4 && len(v) == 4:
		f.identity(station, 6+2*uint32(sub), binary.LittleEndian.Uint32(v), out)
	case index == 0x1008:
		f.fact(station, "ethercat.device_name", text(v), out)
	case index == 0x1009:
		f.fact(station, "ethercat.hardware_version", text(v), out)
	case index == 0x100a:
		f.fact(station, "ethercat.firmware", text(v), out)
	}
}

// FoE operations, ETG.1000.6, 5.8.
const (
	foeRead  = 1
	foeWrite = 2
	foeData  = 3
	foeError = 5
)

// file is a transfer; size is that of its full parts.
type file struct {
	station, size uint16
	open          bool
}

// foe reports a file access: operation (1), reserved (1), then password (4) and name, or packet (4) and data.
func (f *flow) foe(station uint16, b []byte, dir ot.Dir, out *dissect.Sink) {
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kindFoE, uint32(b[0]), dir, uint32(station)
	if len(b) >= 6 && (b[0] == foeRead || b[0] == foeWrite) {
		m.Name = b[6:]
	}
	if b[0] == foeError && len(b) >= 6 {
		m.Status, m.Flags = binary.LittleEndian.Uint32(b[2:]), m.Flags|ot.Refused
	}
	out.Also(kindMailbox, mailFoE, nil)
	out.End()
	if len(b) < 6 {
		return
	}
	slot := &f.files[int(station)%len(f.files)]
	switch b[0] {
	case foeRead, foeWrite:
		*slot = file{station: station, open: true}
		out.Secret() // a password may stand in front of the name
		out.Piece(dissect.Piece{Key: uint32(station), Kind: dissect.Firmware, Name: b[6:], Up: b[0] == foeRead})
	case foeData:
		if !slot.open || slot.station != station {
			return
		}
		if slot.size == 0 {
			slot.size = uint16(len(b))
		}
		end := len(b) < int(slot.size)
		out.Piece(dissect.Piece{Key: uint32(station), At: dissect.Behind, Data: b[6:], End: end})
		slot.open = !end
	case foeError:
		if slot.open && slot.station == station {
			slot.open = false
			out.Piece(dissect.Piece{Key: uint32(station), At: dissect.Behind, Failed: true})
		}
	}
}

const maxStations = 64

// stations are the names of stations behind a master.
type stations struct {
	known [maxStations]struct {
		number uint16
		name   string
	}
	n int
}

func (l *stations) name(number uint16) string {
	for i := range l.known[:l.n] {
		if l.known[i].number == number {
			return l.known[i].name
		}
	}
	if l.n == maxStations {
		return ""
	}
	l.known[l.n].number, l.known[l.n].name = number, "station "+strconv.Itoa(int(number))
	l.n++
	return l.known[l.n-1].name
}

// fact reports what a station says: a module behind its master, which alone has an address.
func (f *flow) fact(station uint16, attr ot.Attr, v []byte, out *dissect.Sink) {
	about := out.Src
	about.MAC[0] &^= returned
	if about.Module = f.stations.name(station); about.Module != "" {
		out.FactOf(about, attr, v)
	}
}

// hex writes a number as the tools of the field do: 0x00000002.
func hex(to []byte, v uint32) []byte {
	const digits = "0123456789abcdef"
	to = append(to, '0', 'x')
	for shift := 28; shift >= 0; shift -= 4 {
		to = append(to, digits[v>>shift&15])
	}
	return to
}

// text cuts everything behind the first zero.
func text(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
