package hartip

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/vendorid"
	"github.com/skanse/skanse/internal/ot"
)

var makers = vendorid.New("hart")

// device is whom a PDU is for or from: a polling address, or the unique id of
// 38 bits, which is the expanded type's last 14 bits and the device id.
type device struct {
	poll byte
	id   uint64 // 0: by polling address
}

// module is a field device behind a gateway.
type module struct {
	id   uint64
	name string
}

const maxModules = 64

// about says which host a device is: what answers to a polling address is the
// host itself, as is the first one heard; others stand behind it.
func (f *flow) about(d *device, out *dissect.Sink) ot.Host {
	host := out.Src
	if d.id == 0 || d.id == f.self {
		return host
	}
	if f.self == 0 {
		f.self = d.id
		return host
	}
	for i := range f.modules {
		if f.modules[i].id == d.id {
			host.Module = f.modules[i].name
			return host
		}
	}
	if len(f.modules) < maxModules {
		b := append(f.text[:0], "HART "...)
		b = hexadecimal(b, d.id>>24, 4)
		f.modules = append(f.modules, module{d.id, string(hexadecimal(append(b, ' '), d.id&0xffffff, 6))})
		host.Module = f.modules[len(f.modules)-1].name
		return host
	}
	host.Module = "HART"
	return host
}

func hexadecimal(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[v>>(4*i)&15])
	}
	return dst
}

// identify reads what a device says of itself in the answer to a command (TS20127, TS20151).
func (f *flow) identify(command uint16, d *device, b []byte, out *dissect.Sink) {
	switch command {
	case 0, 11, 21, 73, 75:
		f.identity(d, b, out)
	case 13, 18: // tag 6 | descriptor 12 | date 3, the texts in six bits a letter
		if len(b) >= 18 {
			about := f.about(d, out)
			out.FactOf(about, "hart_ip.tag", packed(f.text[:0], b[:6]))
			out.FactOf(about, "hart_ip.descriptor", packed(f.text[:0], b[6:18]))
		}
	case 12, 17:
		if len(b) >= 24 {
			out.FactOf(f.about(d, out), "hart_ip.message", packed(f.text[:0], b[:24]))
		}
	case 20, 22:
		if len(b) >= 32 {
			out.FactOf(f.about(d, out), "hart_ip.tag", latin(b[:32]))
		}
	case 84:
		f.subDevice(b, out)
	}
}

// identity: 254 | type 2 | preambles 1 | HART revision 1 | device revision 1 | software revision 1 |
// hardware 1 | flags 1 | device id 3 | preambles 1 | variables 1 | changes 2 | status 1 | maker 2 | label 2 | profile 1
func (f *flow) identity(d *device, b []byte, out *dissect.Sink) {
	if len(b) < 12 || b[0] != 254 {
		return
	}
	kind := binary.BigEndian.Uint16(b[1:])
	id := uint64(kind&0x3fff)<<24 | uint64(b[9])<<16 | uint64(b[10])<<8 | uint64(b[11])
	if d.id == 0 {
		f.self = id
	}
	about := f.about(&device{id: id}, out)
	maker := kind >> 8 // before revision 7 of HART
	if b[4] >= 7 && len(b) >= 19 {
		maker = binary.BigEndian.Uint16(b[17:])
	}
	f.kind(about, kind, maker, b[9:12], out)
	f.number(about, "hart_ip.hart_rev", uint64(b[4]), out)
	f.number(about, "hart_ip.device_rev", uint64(b[5]), out)
	f.number(about, "hart_ip.sw_rev", uint64(b[6]), out)
	f.number(about, "hart_ip.hw_rev", uint64(b[7]>>3), out)
}

func (f *flow) kind(about ot.Host, kind, maker uint16, id []byte, out *dissect.Sink) {
	out.FactOf(about, "hart_ip.expanded_device_type", hexadecimal(append(f.text[:0], "0x"...), uint64(kind), 4))
	f.number(about, "hart_ip.manufacturer_id", uint64(maker), out)
	out.FactOf(about, "hart_ip.manufacturer", makers.Name(uint32(maker)))
	out.FactOf(about, "hart_ip.device_id", hexadecimal(f.text[:0], uint64(id[0])<<16|uint64(id[1])<<8|uint64(id[2]), 6))
}

func (f *flow) number(about ot.Host, attr ot.Attr, v uint64, out *dissect.Sink) {
	out.FactOf(about, attr, strconv.AppendUint(f.text[:0], v, 10))
}

// subDevice reads what a gateway says of a device behind it (command 84):
// index 2 | card 1 | channel 1 | maker 2 | type 2 | device id 3 | HART revision 1 | long tag 32 | device revision 1
func (f *flow) subDevice(b []byte, out *dissect.Sink) {
	if len(b) < 44 || f.self == 0 {
		return
	}
	kind := binary.BigEndian.Uint16(b[6:])
	id := uint64(kind&0x3fff)<<24 | uint64(b[8])<<16 | uint64(b[9])<<8 | uint64(b[10])
	about := f.about(&device{id: id}, out)
	f.kind(about, kind, binary.BigEndian.Uint16(b[4:]), b[8:11], out)
	f.number(about, "hart_ip.hart_rev", uint64(b[11]), out)
	out.FactOf(about, "hart_ip.tag", latin(b[12:44]))
	if len(b) > 44 {
		f.number(about, "hart_ip.device_rev", uint64(b[44]), out)
	}
}

// packed appends text of six bits a letter (TS20099): 4 letters in 3 bytes, from @ to ?.
func packed(dst, b []byte) []byte {
	for ; len(b) >= 3; b = b[3:] {
		v := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
		for shift := 18; shift >= 0; shift -= 6 {
			x := byte(v >> shift & 0x3f)
			if x < 0x20 {
				x += 0x40
			}
			dst = append(dst, x)
		}
	}
	return bytes.TrimRight(dst, " ")
}

// latin cuts a text at its padding.
func latin(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimRight(b, " ")
}
