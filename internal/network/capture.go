package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told/logfile"
	"github.com/skanse/skanse/internal/store"
)

// Captures keeps the capture files that people give us and reads them in, one
// at a time. A file is acknowledged when it lies in the folder under its
// SHA-256 and its row is committed; what was acknowledged is read, whatever
// happens to the process in between.
type Captures struct {
	db  *store.DB
	cfg CaptureConfig

	wake  chan struct{}
	rules atomic.Pointer[rule.Set] // of captures that are read from now on

	mu      sync.Mutex
	running map[string]*reading // by capture id; at most one
}

// CaptureConfig is what Captures needs of the rest of the program.
type CaptureConfig struct {
	Dir   string // of the kept files
	Quota int64  // bytes of all kept files together; 0: only the disk's end
	// Sensor is how a file is read: protocols and rules. Its ids and its
	// interval are set by Captures.
	Sensor sensor.Config
	// Apply takes one summary into every slice. It is idempotent.
	Apply func(ctx context.Context, d sensor.Delivery, sum *sensor.Summary) (Gain, error)
	Log   *slog.Logger
	// Ring looks for a packet that a live sensor may still keep; nil: none does.
	Ring func(ctx context.Context, source string, number uint64, seen time.Time) (sensor.Packet, error)
}

// Gain is what a summary brought that was not known before.
type Gain struct{ Assets, Facts, Conversations int }

// reading is the file in hand.
type reading struct {
	cancel context.CancelCauseFunc
	src    interface{ Stats() sensor.SourceStats }
}

var errCancelled = errors.New("cancelled by a person")

// captureInterval is how much packet time one summary of a file covers: a day,
// so that a month of traffic is read in bounded memory, step by step, and an
// interrupted file shows how far it came.
const captureInterval = int64(24 * time.Hour)

// NewCaptures makes Captures and clears what an interrupted upload left behind.
func NewCaptures(db *store.DB, cfg CaptureConfig) (*Captures, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the folder for captures cannot be used: %w", err)
	}
	parts, err := filepath.Glob(filepath.Join(cfg.Dir, "*.part"))
	if err != nil {
		return nil, fmt.Errorf("list interrupted uploads: %w", err)
	}
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			return nil, fmt.Errorf("remove an interrupted upload: %w", err)
		}
	}
	c := &Captures{db: db, cfg: cfg, wake: make(chan struct{}, 1), running: map[string]*reading{}}
	c.rules.Store(cfg.Sensor.Rules)
	return c, nil
}

// UseRules makes other rules those of captures that are read from now on.
func (c *Captures) UseRules(set *rule.Set) { c.rules.Store(set) }

// NewCapture says what an upload is.
type NewCapture struct {
	Site  string // id
	Realm string // id; empty: the site's default realm
	Name  string // of the file, for people
	By    string // who gave it
	Size  int64  // bytes announced, -1 unknown
}

type place struct {
	SiteNo  int64 `db:"site_no"`
	RealmNo int64 `db:"realm_no"`
}

// Add stores a capture and queues it. It streams: memory does not depend on
// the size. The same file given twice to one site is the same capture.
func (c *Captures) Add(ctx context.Context, scope auth.Scope, in NewCapture, body io.Reader) (Capture, error) {
	at, err := c.place(ctx, scope, in)
	if err != nil {
		return Capture{}, err
	}
	if err := c.room(ctx, max(in.Size, 0)); err != nil {
		return Capture{}, err
	}
	id := store.NewID()
	sum, kind, size, err := c.receive(ctx, id, in.Name, body)
	if err != nil {
		return Capture{}, err
	}
	name := ot.Printable(filepath.Base(strings.ReplaceAll(in.Name, `\`, "/")))
	if name == "" || name == "." || name == "/" {
		name = "capture " + sum[:12]
	}
	now := store.At(time.Now())
	var kept string
	err = c.db.Update(ctx, func(tx *store.Tx) error {
		kept = id
		same, err := store.All[string](ctx, tx, `SELECT capture_id FROM network_capture WHERE site_no = ? AND realm_no = ? AND sha256 = ? AND state IN ('queued', 'reading', 'done') ORDER BY capture_id LIMIT 1`, at.SiteNo, at.RealmNo, sum)
		if err != nil {
			return err
		}
		if len(same) > 0 {
			kept = same[0]
			_, err = tx.Exec(ctx, `UPDATE network_capture SET kept = ? WHERE capture_id = ?`, true, kept)
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO network_capture (capture_id, site_no, realm_no, name, sha256, state, bytes, uploaded_by, uploaded_at, kept, kind) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?)`,
			id, at.SiteNo, at.RealmNo, name, sum, size, in.By, now, true, kind)
		return err
	})
	if err != nil {
		return Capture{}, fmt.Errorf("queue the capture: %w", err)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return c.Get(ctx, scope, kept)
}

// place resolves the ids that a person gave; what is out of scope is not there.
func (c *Captures) place(ctx context.Context, scope auth.Scope, in NewCapture) (p place, err error) {
	err = c.db.View(ctx, func(r store.Reader) error {
		q, args := `SELECT s.site_no, m.realm_no FROM org_site s JOIN org_realm m ON m.site_no = s.site_no WHERE s.site_id = ? AND ? AND m.is_default = ?`, []any{in.Site, scope.Where("s.site_no", ""), true}
		if in.Realm != "" {
			q, args = `SELECT s.site_no, m.realm_no FROM org_site s JOIN org_realm m ON m.site_no = s.site_no WHERE s.site_id = ? AND ? AND m.realm_id = ?`, []any{in.Site, scope.Where("s.site_no", ""), in.Realm}
		}
		p, err = store.One[place](ctx, r, q, args...)
		return err
	})
	if ot.CodeOf(err) == ot.NotFound {
		return p, ot.Errorf(ot.NotFound, "there is no such site or realm; choose a site from the list")
	}
	return p, err
}

// room refuses an upload that cannot fit before its first byte is taken.
func (c *Captures) room(ctx context.Context, size int64) error {
	if c.cfg.Quota > 0 {
		var used int64
		err := c.db.View(ctx, func(r store.Reader) (err error) {
			used, err = store.One[int64](ctx, r, `SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM network_capture WHERE kept = ?`, true)
			return err
		})
		if err != nil {
			return err
		}
		if used+size > c.cfg.Quota {
			return ot.Errorf(ot.Full, "the kept captures fill their %s; delete one, or give more room with --capture-quota", bytesText(c.cfg.Quota))
		}
	}
	if free, ok := freeSpace(c.cfg.Dir); ok && size > free {
		return ot.Errorf(ot.Full, "the capture has %s and the disk under %s has %s left; make room and upload it again", bytesText(size), c.cfg.Dir, bytesText(free))
	}
	return nil
}

// receive writes the body to disk under its own hash and returns both.
func (c *Captures) receive(ctx context.Context, id, name string, body io.Reader) (sum, kind string, size int64, err error) {
	part := filepath.Join(c.cfg.Dir, id+".part")
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", "", 0, diskError(err)
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(part)
		}
	}()
	hash := sha256.New()
	left := io.Reader(body)
	if c.cfg.Quota > 0 {
		left = io.LimitReader(body, c.cfg.Quota+1)
	}
	size, err = io.Copy(f, io.TeeReader(readerWith(ctx, left), hash))
	switch {
	case err != nil && ctx.Err() != nil:
		return "", "", 0, ctx.Err()
	case err != nil:
		return "", "", 0, diskError(err)
	case size == 0:
		return "", "", 0, ot.Errorf(ot.Invalid, "%s is empty; give a pcap or pcapng capture, or a log of Zeek or Suricata", ot.Printable(name))
	case c.cfg.Quota > 0 && size > c.cfg.Quota:
		return "", "", 0, ot.Errorf(ot.Full, "the capture is larger than the %s kept for captures; give more room with --capture-quota", bytesText(c.cfg.Quota))
	}
	// A file that is no capture is refused now, while the person looks.
	if kind, err = readable(part, name); err != nil {
		return "", "", 0, err
	}
	if err := f.Sync(); err != nil {
		return "", "", 0, diskError(err)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	if err := os.Rename(part, c.file(sum)); err != nil {
		return "", "", 0, diskError(err)
	}
	return sum, kind, size, syncDir(c.cfg.Dir)
}

func (c *Captures) file(sha string) string { return filepath.Join(c.cfg.Dir, sha+".pcap") }

// readable says what a file is: a capture, or whose log.
func readable(path, name string) (kind string, err error) {
	if kind, err = logfile.KindOf(path); err != nil {
		return "", diskError(err)
	} else if kind != "" {
		return kind, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", diskError(err)
	}
	defer f.Close()
	src, err := sensor.Read(f, ot.Printable(name), 0)
	if err != nil {
		return "", err
	}
	return KindCapture, src.Close()
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return diskError(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot, and need not
		return diskError(err)
	}
	return nil
}

func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return ot.Errorf(ot.Full, "the disk is full; make room and upload the capture again: %w", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return ot.Errorf(ot.Internal, "the folder for captures cannot be written: %w", err)
	}
	return fmt.Errorf("store the capture: %w", err)
}

// readerWith ends a copy when ctx does: an upload whose connection is gone
// must not hold a file open.
func readerWith(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func bytesText(n int64) string {
	const unit = 1 << 10
	for _, u := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if n < 10*unit {
			return fmt.Sprintf("%d %s", n, u)
		}
		n /= unit
	}
	return fmt.Sprintf("%d TiB", n)
}
