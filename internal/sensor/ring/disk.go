package ring

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Disk says where the files are, how many bytes all may take, and the key they
// are sealed with: packets hold what nobody may read off a stolen disk.
type Disk struct {
	Dir  string
	Size int64 // [1 GiB]
	Key  []byte
	Now  func() time.Time // nil: the machine's clock
}

const (
	// DefaultDisk is what the files of one interface take when nothing is said.
	DefaultDisk = 1 << 30
	// MinDisk is the least that makes sense.
	MinDisk = 16 << 20

	diskWaiting = 8               // full blocks that may wait for the disk
	diskEvery   = 5 * time.Second // a block is written then, even when it is not full
	filesOfRing = 16              // a file is at most this part of the ring
)

// store is the files of one ring, and the goroutine that writes them.
type store struct {
	cfg Disk

	in   chan *block
	done sync.WaitGroup
	stopped,
	tick chan struct{}

	mu      sync.Mutex
	files   []*file // oldest first
	out     *writer
	began   time.Time
	written int64
	problem string
}

func openStore(cfg Disk) (*store, error) {
	if cfg.Size == 0 {
		cfg.Size = DefaultDisk
	}
	if cfg.Size < MinDisk {
		return nil, ot.Errorf(ot.Invalid, "a packet ring on disk takes at least 16 MiB")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the folder of the packet ring cannot be used: %w", err)
	}
	s := &store{cfg: cfg, in: make(chan *block, diskWaiting), stopped: make(chan struct{}), tick: make(chan struct{}), began: cfg.Now()}
	names, err := filepath.Glob(filepath.Join(cfg.Dir, "*"+fileSuffix))
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "list the files of the packet ring: %w", err)
	}
	slices.Sort(names) // by their time
	for _, name := range names {
		f, err := scanFile(name, cfg.Key)
		if err != nil {
			// Another key or no ring's file: it cannot be read by anybody any more.
			_ = os.Remove(name)
			continue
		}
		s.files = append(s.files, f)
	}
	s.trim()
	return s, nil
}

func (s *store) lastNumber() (n uint64) {
	for _, f := range s.files {
		n = max(n, f.last.number)
	}
	return n
}

// start runs the writer until stop.
func (s *store) start(r *Ring) {
	s.done.Go(func() {
		for b := range s.in {
			s.write(b)
			r.mu.Lock()
			r.sealed = slices.DeleteFunc(r.sealed, func(x *block) bool { return x == b })
			if b.readers.Load() == 0 && len(r.spare) < diskWaiting {
				r.spare = append(r.spare, b)
			}
			r.mu.Unlock()
		}
	})
	s.done.Go(func() {
		t := time.NewTicker(diskEvery)
		defer t.Stop()
		for {
			select {
			case <-s.stopped:
				return
			case <-t.C:
				r.mu.Lock()
				if r.cur.packets > 0 {
					r.toDisk()
				}
				r.mu.Unlock()
			}
		}
	})
}

// toDisk hands the current block to the writer. A disk that is too slow loses
// packets of the ring, never of the sensor.
func (r *Ring) toDisk() {
	select {
	case r.disk.in <- r.cur:
		r.sealed = append(r.sealed, r.cur) // readable until it is written
		r.cur = r.fresh()
	default:
		r.dropped += uint64(r.cur.packets)
		r.cur.reset()
	}
}

func (s *store) stop() error {
	close(s.stopped)
	close(s.in)
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return nil
	}
	err := s.out.close()
	s.out = nil
	return err
}

// write adds a block to the file in hand, and makes room.
func (s *store) write(b *block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.add(b)
	s.problem = ""
	if err != nil {
		s.problem = ot.Printable(err.Error())
		s.giveUp()
	}
	s.trim()
}

// giveUp ends a file that could not be written. One that holds nothing goes at once,
// or a full disk would fill with names.
func (s *store) giveUp() {
	if s.out == nil {
		return
	}
	_ = s.out.close() // its problem was told already
	if n := len(s.files); n > 0 && s.out.packets == 0 && s.files[n-1] == &s.out.file {
		_ = os.Remove(s.out.path)
		s.files = s.files[:n-1]
	}
	s.out = nil
}

func (s *store) add(b *block) error {
	if s.out == nil {
		name := filepath.Join(s.cfg.Dir, s.cfg.Now().UTC().Format("20060102T150405.000000000")+"-"+strings.ToLower(rand.Text()[:6])+fileSuffix)
		w, err := newWriter(name, s.cfg.Key)
		if err != nil {
			return err
		}
		s.out = w
		s.files = append(s.files, &w.file)
	}
	n, err := s.out.block(b)
	s.written += int64(n)
	if err != nil {
		return err
	}
	if s.out.size >= max(s.cfg.Size/filesOfRing, 2<<20) {
		err = s.out.close()
		s.out = nil
	}
	return err
}

// trim removes the oldest files until the rest fits.
func (s *store) trim() {
	var all int64
	for _, f := range s.files {
		all += f.size
	}
	for len(s.files) > 1 && all > s.cfg.Size {
		all -= s.files[0].size
		_ = os.Remove(s.files[0].path) // gone already: so be it
		s.files = s.files[1:]
	}
}

// ratedAfter is how long is written before a day's volume is told from it.
const ratedAfter = 30 * time.Second

func (s *store) state(out *sensor.RingState, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Disk, out.Size, out.Problem = true, s.cfg.Size, s.problem
	for _, f := range s.files {
		out.Used += f.size
		out.Packets += f.packets
		if f.packets > 0 && (out.Oldest == 0 || f.first.at < out.Oldest) {
			out.Oldest = f.first.at
		}
		out.Newest = max(out.Newest, f.last.at)
	}
	if d := now.Sub(s.began); d >= ratedAfter {
		out.PerDay = int64(float64(s.written) / d.Seconds() * 86400)
	}
}

// snapshot lists the files as they are now.
func (s *store) snapshot() []file {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []file
	for _, f := range s.files {
		out = append(out, *f)
	}
	return out
}
