package dissect

import "github.com/skanse/skanse/internal/ot"

// PieceKind says what is being transferred.
type PieceKind uint8

// What can be transferred.
const (
	Block    PieceKind = iota // a controller's own program block, or its whole program
	File                      // a file with a name: the engine keeps project files only, by their extension
	Firmware                  // a device's own software
)

func (k PieceKind) String() string {
	switch k {
	case File:
		return "file"
	case Firmware:
		return "firmware"
	}
	return "block"
}

// Behind says that a piece follows what came before it.
const Behind int64 = -1

// Piece is a part of a block or file that one side of the conversation gives
// to the other. The engine puts the pieces of a transfer together, hashes them and
// hands the whole to whoever keeps versions. A dissector keeps none of the bytes.
//
// A transfer begins with a piece that has a Name (with or without Data) and ends with
// one that says End or Failed. Pieces of a transfer whose beginning nobody saw are
// counted and let go.
type Piece struct {
	Key    uint32    // which transfer of this conversation: an upload id, a file handle; 0 where there is one at a time
	Kind   PieceKind // of the first piece
	Name   []byte    // of the first piece: block, task or path
	Up     bool      // of the first piece: out of the server (an upload, a read), not into it
	At     int64     // where Data stands in the whole, or Behind
	Size   int64     // bytes of the whole where that is stated, else 0
	Data   []byte    // dies when the call returns
	End    bool      // the transfer is whole with this
	Failed bool      // it was broken off
}

// Taker is a Collector that also takes what is transferred.
type Taker interface {
	// Piece takes a part of a transfer; p and its bytes die when the call returns.
	Piece(p *Piece)
	// Carries says what the conversation with peer (a data connection, a transfer port) brings:
	// all its bytes are one transfer. p has no Data.
	Carries(peer ot.Endpoint, udp bool, p *Piece)
	// Wants says whether a file of that path is kept at all.
	Wants(path []byte) bool
}

// Piece reports a part of a block or file that passes by. Of a file the dissector also calls Secret, as always:
// it may hold anything.
func (s *Sink) Piece(p Piece) {
	if s.taker != nil {
		s.piece = p
		s.taker.Piece(&s.piece)
		s.piece = Piece{}
	}
}

// Carries announces what a conversation that was given to Expect will bring (FTP's data connection,
// TFTP's transfer port); its dissector then reports pieces without a name.
func (s *Sink) Carries(peer ot.Endpoint, udp bool, p Piece) {
	if s.taker != nil {
		s.piece = p
		s.taker.Carries(peer, udp, &s.piece)
		s.piece = Piece{}
	}
}

// Wants says whether anybody keeps a file of that path; a dissector may then spare itself the pieces.
func (s *Sink) Wants(path []byte) bool { return s.taker != nil && s.taker.Wants(path) }
