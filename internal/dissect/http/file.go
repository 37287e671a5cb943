package http

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Files that pass by: what a request by PUT or POST brings, and what answers one by GET. Pipelined requests are let
// go (nobody in a plant pipelines), and answers without a length that end with the connection.
const (
	keyRequest  = 1
	keyResponse = 2
	maxPath     = 240
)

// asks notes a request.
func (f *flow) asks(h *Head, out *dissect.Sink) {
	f.waiting = min(f.waiting+1, 100)
	f.path = f.path[:0]
	if len(h.Target) > maxPath || !out.Wants(h.Target) {
		return
	}
	switch string(h.Method) {
	case "GET":
		f.path = append(f.path, h.Target...)
	case "PUT", "POST":
		if h.Length > 0 || h.Chunked {
			f.moving[ot.Request] = true
			out.Piece(dissect.Piece{Key: keyRequest, Kind: dissect.File, Name: h.Target, Size: max(h.Length, 0)})
		}
	}
}

// brings notes an answer with a body.
func (f *flow) brings(h *Head, out *dissect.Sink) {
	if h.Status == 200 && f.waiting == 1 && len(f.path) > 0 && (h.Length > 0 || h.Chunked) {
		f.moving[ot.Response] = true
		out.Piece(dissect.Piece{Key: keyResponse, Kind: dissect.File, Name: f.path, Up: true, Size: max(h.Length, 0)})
	}
}

// piece takes bytes of a body, before they are counted off.
func (f *flow) piece(dir ot.Dir, s *side, b []byte, out *dissect.Sink) {
	if !f.moving[dir] {
		return
	}
	out.Secret() // a file's content
	p := dissect.Piece{Key: keyRequest, At: dissect.Behind, Data: b}
	if dir == ot.Response {
		p.Key = keyResponse
	}
	if s.stage == chunkEnd {
		p.Data = b[:min(int64(len(b)), max(0, s.left-2))] // a chunk's own CR LF is not the file's
	} else if int64(len(b)) >= s.left {
		p.End, f.moving[dir] = true, false
	}
	out.Piece(p)
}

// done ends a body that came in chunks.
func (f *flow) done(dir ot.Dir, out *dissect.Sink) {
	if !f.moving[dir] {
		return
	}
	f.moving[dir] = false
	p := dissect.Piece{Key: keyRequest, At: dissect.Behind, End: true}
	if dir == ot.Response {
		p.Key = keyResponse
	}
	out.Piece(p)
}
