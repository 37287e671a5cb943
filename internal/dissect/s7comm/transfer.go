package s7comm

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
)

// Blocks that pass by, out of the controller (upload) and into it (download). The file name "_0A00001P" stands in the
// first request; the bytes in data of: length 2, 0x00fb, block; the parameters' second byte says in its lowest bit that more follows.
//
//	upload    1D job: name → 1D answer → 1E job, 1E answer: bytes … → 1F
//	download  1A job: name → then the controller asks: 1B job → 1B answer: bytes … → 1C
const (
	upload    = 0x1e
	endUpload = 0x1f

	keyUpload   = 1
	keyDownload = 2

	blockHeader = 4
)

// begins notes which block a request begins to move.
func (f *flow) begins(p []byte, name []byte, out *dissect.Sink) {
	switch p[0] {
	case startUpload:
		f.wanted = append(f.wanted[:0], name...)
	case requestDownload:
		if len(name) > 0 {
			out.Piece(dissect.Piece{Key: keyDownload, Name: name, Size: loadSize(p)})
		}
	case endUpload: // before the controller said that it was all
		if f.uploading {
			f.uploading = false
			out.Piece(dissect.Piece{Key: keyUpload, Failed: true})
		}
	}
}

// moved takes what an answer brings of a block.
func (f *flow) moved(p, d []byte, refused bool, out *dissect.Sink) {
	switch p[0] {
	case startUpload:
		if !refused && len(f.wanted) > 0 {
			f.uploading = true
			out.Piece(dissect.Piece{Key: keyUpload, Name: f.wanted, Up: true, Size: digits(p, 9, 7)})
		}
		f.wanted = f.wanted[:0]
		return
	case requestDownload:
		if refused {
			out.Piece(dissect.Piece{Key: keyDownload, Failed: true})
		}
		return
	case upload, downloadBlock:
	default:
		return
	}
	piece := dissect.Piece{Key: keyUpload, At: dissect.Behind, Failed: refused}
	if p[0] == downloadBlock {
		piece.Key = keyDownload
	}
	if len(d) > blockHeader {
		n := min(int(binary.BigEndian.Uint16(d)), len(d)-blockHeader)
		piece.Data = d[blockHeader : blockHeader+n]
	}
	piece.End = !refused && len(p) > 1 && p[1]&1 == 0
	if piece.End && piece.Key == keyUpload {
		f.uploading = false
	}
	out.Piece(piece)
}

// loadSize reads a block's bytes out of a download's request: behind the file name a length (13), '1', six digits
// for the load memory, six for the work memory.
func loadSize(p []byte) int64 {
	if len(p) < 9 {
		return 0
	}
	return digits(p, 9+int(p[8])+2, 6)
}

// digits reads n digits at a place, 0 where they are not all there.
func digits(p []byte, at, n int) int64 {
	if len(p) < at+n {
		return 0
	}
	var v int64
	for _, c := range p[at : at+n] {
		if c < '0' || c > '9' {
			return 0
		}
		v = v*10 + int64(c-'0')
	}
	return v
}

// maxWanted is the longest name of a block.
const maxWanted = 40

func clipName(b []byte) []byte { return b[:min(len(b), maxWanted)] }
