// Package listen is how the interfaces at the mirror ports do: whether they hear
// everything, once, and say nothing themselves; how they shall listen; and the
// packets that somebody cuts out of their rings. It does not listen itself: whoever
// does, in this process or at a distant site, is an Ear.
package listen

import (
	"context"
	"embed"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/filter"
	"github.com/skanse/skanse/internal/sensor/ring"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "listen", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
	Reach(siteCol string) ot.SQL
}

// Settings say how an interface listens.
type Settings struct {
	Filter    string `json:"filter" maxLength:"4096" doc:"Which packets are looked at, in tcpdump's words; empty: all"`
	Ring      string `json:"ring" enum:"memory,disk,off" doc:"Where the packets of the last while are kept"`
	MemoryMiB int64  `json:"memory_mib" minimum:"2" maximum:"65536" doc:"Memory that they may take"`
	DiskMiB   int64  `json:"disk_mib" minimum:"16" maximum:"16777216" doc:"Disk that they may take, with ring disk"`
	Beyond    int    `json:"beyond" minimum:"0" maximum:"65535" doc:"Payload bytes that are kept of traffic that is not the plant's own; its headers always are"`
}

// DefaultSettings are those of an interface of which nobody said anything.
func DefaultSettings() Settings {
	return Settings{Ring: "memory", MemoryMiB: ring.DefaultMemory >> 20, DiskMiB: ring.DefaultDisk >> 20}
}

func (s Settings) check() error {
	_, err := filter.Parse(s.Filter)
	return err
}

// Ear is whoever listens to an interface. Its methods may be called by many at once.
type Ear interface {
	Apply(ctx context.Context, s Settings) error
	Cut(ctx context.Context, sel Selection, w *ring.Writer) (ring.Result, error)
	Packet(ctx context.Context, number uint64, seen time.Time) (ring.Piece, error)
}

// Selection says which packets of a ring are cut out: of a time, and where ends are
// given, of those between them.
type Selection struct {
	From  time.Time
	To    time.Time
	Pairs []Pair // none: all
	Most  int    // packets
}

// Pair is two ends, or one and anybody; the empty string is anybody.
type Pair struct {
	A         string // IP address, or MAC where there is no IP
	B         string
	Transport string // tcp, udp, …; empty: any
	Port      uint16 // that one of them has; 0: any
}

// Target is what somebody wants the packets of, found by whoever knows it.
type Target struct {
	SiteNo  int64
	SiteID  string
	RealmNo int64
	What    string // for people: "PLC 4", "HMI 2 → PLC 4 (modbus)"
	Pairs   []Pair
}

// Finder knows conversations and assets; foreign ones are ot.NotFound.
type Finder interface {
	Conversation(ctx context.Context, scope Scope, id string) (Target, error)
	Asset(ctx context.Context, scope Scope, id string) (Target, error)
}

// Config is what the slice needs of the rest of the program.
type Config struct {
	DB      *store.DB
	Dir     string // of the sealed cuts
	Key     []byte // they are sealed with
	Find    Finder
	Far     Far    // interfaces of other machines; nil: none
	Test    Tester // plays the fixtures of a self-test; nil: nobody
	Program string // named in the files that are cut
	Clock   func() time.Time
	Log     *slog.Logger
}

// Service is the slice: it owns the tables listen_*.
type Service struct {
	cfg  Config
	db   *store.DB
	busy chan struct{} // one cut at a time: each may take 64 MiB

	mu   sync.Mutex
	ears map[string]Ear
}

// New makes the slice on a migrated database.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg, db: cfg.DB, busy: make(chan struct{}, 1), ears: map[string]Ear{}}
}

// Attach says who listens for a source; nil: nobody any more.
func (s *Service) Attach(source string, e Ear) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e == nil {
		delete(s.ears, source)
		return
	}
	s.ears[source] = e
}

func (s *Service) ear(source string) Ear {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ears[source]
}

// Match says whether a packet is one of the pairs'.
func (sel *Selection) match() func(*sensor.Packet) bool {
	if len(sel.Pairs) == 0 {
		return nil
	}
	return func(p *sensor.Packet) bool {
		e, ok := sensor.EndsOf(p)
		if !ok {
			return false
		}
		ips := [2]string{"", ""}
		if e.Src.IsValid() {
			ips = [2]string{e.Src.String(), e.Dst.String()}
		}
		macs := [2]string{e.SrcMAC.String(), e.DstMAC.String()}
		return slices.ContainsFunc(sel.Pairs, func(x Pair) bool {
			is := func(i int, end string) bool { return end == "" || ips[i] == end || macs[i] == end }
			switch {
			case !(is(0, x.A) && is(1, x.B) || is(1, x.A) && is(0, x.B)):
				return false
			case x.Transport != "" && x.Transport != e.Transport:
				return false
			}
			return x.Port == 0 || e.Transport != "tcp" && e.Transport != "udp" || e.SrcPort == x.Port || e.DstPort == x.Port
		})
	}
}

// CutRing cuts a selection out of a ring into a file: what every Ear does in the end.
func CutRing(r *ring.Ring, iface string, sel Selection, w *ring.Writer) (ring.Result, error) {
	return r.Cut(ring.Selection{From: sel.From.UnixNano(), To: sel.To.UnixNano(), Match: sel.match(), Most: sel.Most}, func(p ring.Piece) error {
		return w.Packet(p, iface)
	})
}

// Limited is a writer that refuses what goes beyond a file's bounds.
func Limited(w io.Writer, most int64) io.Writer { return &limited{w, most, most} }

type limited struct {
	w          io.Writer
	left, most int64
}

func (l *limited) Write(b []byte) (int, error) {
	if int64(len(b)) > l.left {
		return 0, ot.Errorf(ot.TooMany, "the packets fill more than %d MiB: choose a shorter time or one conversation", l.most>>20)
	}
	l.left -= int64(len(b))
	return l.w.Write(b)
}
