// Package sensor turns packets into a Summary: Source → Engine → Summary. It
// listens only. It knows protocols through package dissect, and nothing of
// assets, sites or databases: the Summary is all that leaves it.
package sensor

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/rule"
)

// LinkType is a capture's link layer, by the numbers of the pcap format.
type LinkType uint16

// The link types that are read.
const (
	LinkNull     LinkType = 0
	LinkEthernet LinkType = 1
	LinkRaw      LinkType = 101
	LinkLoop     LinkType = 108
	LinkSLL      LinkType = 113
	LinkIPv4     LinkType = 228
	LinkIPv6     LinkType = 229
	LinkSLL2     LinkType = 276
)

// Packet is one captured frame.
type Packet struct {
	Data   []byte   // valid until the source's next Next
	At     int64    // ns since 1970 UTC
	Number uint64   // in its source, from 1
	Offset int64    // of its record in the file; 0 when it is not a file
	Wire   int      // bytes on the wire; more than len(Data) when the capture cut it
	Link   LinkType // of the interface it was seen on
	Iface  string   // name of that interface; usually empty for a file

	vlan   uint16 // of a frame out of a tunnel that has no tag of its own
	joined bool   // Data is not a part of one captured frame
}

// Source gives packets: a file, a network interface, a synthesiser. One
// goroutine uses it. Import, upload, demo and live differ only here.
type Source interface {
	// Next fills p, whose Data stays valid until the following call. It returns
	// io.EOF at the end, *CutError when the source ends inside a packet (all
	// packets before it are good), another error when nothing can be read. A
	// live source on a silent wire returns ErrIdle within a second, with p.At
	// the time up to which nothing is missing.
	Next(p *Packet) error
	Close() error
	Stats() SourceStats
}

// ErrIdle says that no packet came for a moment. It ends nothing: a sensor that
// hears silence still gives its summaries, so that silence and a dead sensor
// are told apart.
var ErrIdle = errors.New("no packet for a moment")

// SourceStats is what the source itself lost.
type SourceStats struct {
	Packets, Bytes  uint64 // delivered
	Dropped         uint64 // lost before us: kernel or interface drops
	Transmitted     uint64 // frames sent by the capture interface; must stay 0
	SizeBytes, Read int64  // of a file: whole size (0 unknown) and how far we are
}

// CutError says where a capture ends in the middle of a packet.
type CutError struct {
	Name   string
	Packet uint64 // number of the packet that is not whole
	Offset int64  // where its record starts
}

func (e *CutError) Error() string {
	return fmt.Sprintf("%s is cut short in packet %d at byte %d; the packets before it are good", e.Name, e.Packet, e.Offset)
}

// Config is what a run may know and use. The zero value works.
type Config struct {
	Sensor string // id of the sensor; for a file its SHA-256
	Epoch  string // start of this run; for a file its SHA-256 again
	Live   bool
	// Realm names the address realm of a frame; nil or "" is the default realm.
	Realm     func(iface string, vlan uint16) string
	Protocols *dissect.Set // who decodes; nil: nobody, only hosts and conversations are told
	Rules     *rule.Set    // run on every message; nil: none
	Log       *slog.Logger // told of dissectors that failed; nil: nobody
	Shards    int          // goroutines that decode; 0 or 1: the caller's own
	Interval  int64        // packet time between two summaries, ns; 0: one at the end
	Budget    Budget
	// Brief leaves out what only a store needs: proofs, and events other than a
	// rule's first hit on a tuple (further ones are counted in Event.Repeats).
	Brief bool
	// Follow says which elements' values are kept wherever they stand in a request; nil: a message's first only.
	Follow *Followed
	// Keep is given the packets for a look back; nil: nobody. It takes one goroutine, whatever Shards says.
	Keep Keeper
	// Projects says which files that pass by are kept, by their path; nil: none. Blocks of controllers always are.
	Projects func(path string) bool
	// Passing says what is done with files that are no projects; it is asked when a source is opened. nil: nothing.
	Passing func() Passing
	// Contents tells the bytes of programs also where Brief leaves such things out.
	Contents bool
	// Once counts a frame that a mirror port shows twice once (copy.go says what a copy is).
	Once bool
}

// Passing is what is done with files that pass by and are no projects, programs or firmware.
type Passing uint8

// Nothing; they are hashed, so that a known one is found; their bytes are told too, so that
// a scanner sees them, and nobody keeps them.
const (
	PassingIgnored Passing = iota
	PassingHashed
	PassingTold
)

// KindPassing is the kind of a Program that is such a file: whoever hears of it looks and
// forgets.
const KindPassing = "passing"

// Budget bounds every map of the engine. 0 means the default in brackets.
type Budget struct {
	Flows   int // open conversations [65,536], the least recently used go first
	Hosts   int // address pairs [65,536]
	Facts   int // distinct facts [65,536]
	Buffer  int // bytes waiting for reassembly, all flows together [32 MiB]
	Events  int // events whole in one interval [20,000]; the rest is counted
	Program int // bytes of blocks and files in an interval [32 MiB]; of one at most an eighth
	Tuples  int // distinct tuples of one flow [256]; the rest becomes "other"
}
