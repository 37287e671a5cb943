package ring

import (
	"encoding/binary"
	"io"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Writer writes packets as pcapng (draft-ietf-opsawg-pcapng): a section with a
// comment that says who cut it and why, an interface for each that packets were
// heard on, and packets with a comment where something was left out.
type Writer struct {
	w      io.Writer
	buf    []byte
	ifaces map[iface]uint32
	Bytes  int64 // written
}

type iface struct {
	name string
	link sensor.LinkType
}

const (
	optionEnd     = 0
	optionComment = 1
	optionApp     = 4 // of a section: shb_userappl
	optionName    = 2 // of an interface: if_name
	optionUnit    = 9 // if_tsresol
)

// NewWriter begins a section.
func NewWriter(w io.Writer, program, comment string) (*Writer, error) {
	p := &Writer{w: w, ifaces: map[iface]uint32{}}
	b := p.begin(0x0a0d0d0a)
	b = binary.LittleEndian.AppendUint32(b, 0x1a2b3c4d)
	b = append(b, 1, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // length unknown
	b = option(b, optionComment, comment)
	b = option(b, optionApp, program)
	return p, p.end(option(b, optionEnd, ""))
}

// Packet adds one.
func (p *Writer) Packet(x Piece, name string) error {
	key := iface{name, x.Link}
	id, have := p.ifaces[key]
	if !have {
		id = uint32(len(p.ifaces))
		p.ifaces[key] = id
		b := p.begin(1)
		b = binary.LittleEndian.AppendUint16(b, uint16(x.Link))
		b = append(b, 0, 0, 0, 0, 0, 0)
		b = option(b, optionName, name)
		b = option(b, optionUnit, "\x09") // ns
		if err := p.end(option(b, optionEnd, "")); err != nil {
			return err
		}
	}
	b := p.begin(6)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(uint64(x.At)>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(x.At))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(max(x.Wire, len(x.Data))))
	b = padded(append(b, x.Data...))
	if why := leftOut(x.How); why != "" && len(x.Data) < x.Wire {
		b = option(option(b, optionComment, why), optionEnd, "")
	}
	return p.end(b)
}

func leftOut(how sensor.KeptHow) string {
	switch how {
	case sensor.KeptSecret:
		return "Payload left out: it holds a sign-in."
	case sensor.KeptPending:
		return "Payload left out: no decoder vouched for it, so it may hold a sign-in."
	case sensor.KeptHeaders, sensor.KeptBare:
		return "Payload not kept: outside the plant's own networks and protocols."
	case sensor.KeptUnparsed:
		return "Payload not kept: a fragment, or a frame that was not decoded."
	case sensor.KeptWhole:
	}
	return ""
}

func (p *Writer) begin(kind uint32) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(p.buf[:0], kind), 0)
}

func (p *Writer) end(b []byte) error {
	n := uint32(len(b) + 4)
	binary.LittleEndian.PutUint32(b[4:], n)
	p.buf = binary.LittleEndian.AppendUint32(b, n)
	m, err := p.w.Write(p.buf)
	p.Bytes += int64(m)
	if err != nil {
		return ot.Errorf(ot.Internal, "write the packets: %w", err)
	}
	return nil
}

func padded(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func option(b []byte, code uint16, value string) []byte {
	if code != optionEnd && value == "" {
		return b
	}
	value = value[:min(len(value), 65535)]
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return padded(append(b, value...))
}
