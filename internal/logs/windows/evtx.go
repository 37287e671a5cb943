package windows

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// An EVTX file:
//
//	4096  header: "ElfFile\0", …, chunks u16 at 42
//	65536 each chunk: "ElfChnk\0", …, end of its records u32 at 48, then from 512
//	      each record: 2a 2a 00 00, size u32, number u64, FILETIME u64, binary XML, size u32
//
// Offsets within binary XML count from the start of the chunk.
const (
	headerSize = 4096
	chunkSize  = 64 << 10
	recordsAt  = 512
)

// Bounds of one event: what a template may make of a few bytes.
const (
	maxDepth = 32
	maxNodes = 4096
	maxText  = 1 << 20
)

// Report says how much of a file could be read.
type Report struct {
	Events  int
	Damaged int // records that are no valid binary XML
	Chunks  int // that are no chunks: overwritten, or torn
}

// ReadEVTX calls fn with each event of a file, in the order of the file. A damaged record is
// counted and left out; a file of another kind is an error.
func ReadEVTX(r io.Reader, fn func(Event) error) (rep Report, err error) {
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(r, head); err != nil || !bytes.HasPrefix(head, []byte("ElfFile\x00")) {
		return rep, ot.Errorf(ot.Invalid, "this is no EVTX file: it does not begin with ElfFile")
	}
	chunk := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(r, chunk)
		switch {
		case errors.Is(err, io.EOF):
			return rep, nil
		case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
			return rep, err
		}
		clear(chunk[n:])
		if !bytes.HasPrefix(chunk, []byte("ElfChnk\x00")) {
			if len(bytes.Trim(chunk, "\x00")) > 0 { // room that was never used is no damage
				rep.Chunks++
			}
			continue
		}
		if err := readChunk(chunk, &rep, fn); err != nil {
			return rep, err
		}
	}
}

func readChunk(chunk []byte, rep *Report, fn func(Event) error) error {
	end := int(min(binary.LittleEndian.Uint32(chunk[48:]), chunkSize))
	for at := recordsAt; at+28 <= end; {
		if binary.LittleEndian.Uint32(chunk[at:]) != 0x00002a2a {
			rep.Damaged++
			return nil
		}
		size := int(binary.LittleEndian.Uint32(chunk[at+4:]))
		if size < 28 || size > end-at {
			rep.Damaged++
			return nil
		}
		e, ok := readRecord(chunk, at, size)
		if !ok {
			rep.Damaged++
		} else {
			rep.Events++
			if err := fn(e); err != nil {
				return err
			}
		}
		at += size
	}
	return nil
}

func readRecord(chunk []byte, at, size int) (e Event, ok bool) {
	p := &binXML{b: chunk, nodes: maxNodes, room: maxText}
	root := &node{}
	if _, err := p.fragment(at+24, at+size-4, root, nil, true, 0); err != nil {
		return e, false
	}
	for _, k := range root.kids {
		if e, ok = k.event(); ok {
			break
		}
	}
	if !ok {
		return e, false
	}
	if e.Record == 0 {
		e.Record = binary.LittleEndian.Uint64(chunk[at+8:])
	}
	if e.Told.IsZero() {
		e.Told = filetime(binary.LittleEndian.Uint64(chunk[at+16:]))
	}
	return e, true
}

// filetime counts 100 ns from 1601.
func filetime(v uint64) time.Time {
	const epoch = 116444736000000000
	if v < epoch || v > epoch+2534023007990000000 {
		return time.Time{}
	}
	d := v - epoch
	return time.Unix(int64(d/1e7), int64(d%1e7)*100).UTC()
}
