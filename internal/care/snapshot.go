package care

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Snapshot is one that was made, or should have been.
type Snapshot struct {
	ID     string     `db:"snapshot_id" json:"id"`
	At     store.Time `db:"at" json:"at"`
	Place  string     `db:"place" json:"place"`
	Name   string     `db:"name" json:"name"`
	Bytes  int64      `db:"bytes" json:"bytes"`
	SHA256 string     `db:"sha256" json:"sha256" doc:"Of the file as it lies there"`
	Rows   int64      `db:"rows" json:"rows"`
	Took   int64      `db:"took" json:"took_us"`
	Tried  store.Time `db:"tried_at" json:"tried_at" doc:"Its database was restored and compared"`
	Read   store.Time `db:"read_at" json:"read_at" doc:"Read back whole from where it lies"`
	Gone   store.Time `db:"gone_at" json:"gone_at" doc:"Removed by the rule of what is kept"`
	Error  string     `db:"error" json:"error" say:"true"`
}

const snapshotColumns = "snapshot_id, at, place, name, bytes, sha256, rows, took, tried_at, read_at, gone_at, error"

// List returns the newest snapshots first.
func (s *Service) List(ctx context.Context, limit int) (out []Snapshot, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Snapshot](ctx, r, "SELECT "+snapshotColumns+" FROM care_snapshot ORDER BY at DESC, snapshot_id DESC LIMIT ?", limit)
		return err
	})
	if out == nil {
		out = []Snapshot{}
	}
	return out, err
}

// retryAfter is how long a snapshot that failed waits for its next attempt.
const retryAfter = time.Hour

// Snapshots makes a snapshot if one is due or wanted. It is called often.
func (s *Service) Snapshots(ctx context.Context) error {
	plan, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	due, wanted, err := s.due(ctx, plan, now)
	if err != nil || !due && !wanted {
		return err
	}
	if wanted { // taken off first: a snapshot that brings the program down must not do so every minute
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM care_setting WHERE name = ?", settingWanted)
			return err
		})
		if err != nil {
			return err
		}
	}
	row := Snapshot{ID: store.NewID(), At: store.At(now)}
	failure := s.make(ctx, plan, &row)
	if failure != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx) // the program ends: begun again after the next start
		}
		row.Error = ot.Printable(failure.Error())
	}
	row.Took = s.now().Sub(now).Microseconds()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		return store.Upsert(ctx, tx, "care_snapshot", []Snapshot{row}, []string{"snapshot_id"}, nil)
	})
	if err != nil {
		return err
	}
	if cerr := s.Check(ctx); cerr != nil {
		return cerr
	}
	if failure != nil {
		return fmt.Errorf("make a snapshot: %w", failure)
	}
	return nil
}

// Want asks for a snapshot now.
func (s *Service) Want(ctx context.Context, by string) error {
	plan, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	if err := s.ready(plan); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error { return set(ctx, tx, s.now(), settingWanted, by, true) })
}

// ready refuses a plan that lacks something.
func (s *Service) ready(p Plan) error {
	if err := p.check(); err != nil {
		return err
	}
	to, err := s.cfg.Kit.Recipient()
	if err != nil {
		return err
	}
	if to == "" {
		return ot.Errorf(ot.Conflict, "there is no recovery kit yet: snapshots are encrypted to it, so make it first (skanse snapshot kit)")
	}
	return nil
}

func (p Plan) check() error {
	if _, err := time.LoadLocation(p.Zone); err != nil {
		return ot.Errorf(ot.Invalid, "%s is not a time zone: give one such as Europe/Copenhagen", ot.Printable(p.Zone))
	}
	if p.Folder != "" {
		if !filepath.IsAbs(p.Folder) {
			return ot.Errorf(ot.Invalid, "the folder must begin at the root: /mnt/backup/skanse")
		}
		return nil
	}
	if p.SFTP.Host == "" || p.SFTP.User == "" {
		return ot.Errorf(ot.Invalid, "say where snapshots go: a folder of this machine, or host and user of an SFTP server")
	}
	_, err := parseHostKey(p.SFTP.HostKey)
	return err
}

func (s *Service) due(ctx context.Context, plan Plan, now time.Time) (due, wanted bool, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		if wanted, _, err = setting[bool](ctx, r, settingWanted); err != nil {
			return err
		}
		if !plan.On {
			return nil
		}
		type row struct {
			At    store.Time `db:"at"`
			Error string     `db:"error"`
		}
		last, err := store.One[row](ctx, r, "SELECT at, error FROM care_snapshot ORDER BY at DESC, snapshot_id DESC LIMIT 1")
		if ot.CodeOf(err) == ot.NotFound {
			due = true
			return nil
		}
		due = last.At.Before(plan.dueAt(now)) || last.At.After(now.Add(time.Hour)) // the clock was set back
		if last.Error != "" {
			due = now.Sub(last.At.Time) >= retryAfter || last.At.After(now.Add(time.Hour))
		}
		return err
	})
	return due, wanted, err
}

// SpoolDir is where a snapshot is built, in the data folder: the same disk, the same rights.
const SpoolDir = "spool"

// make builds a snapshot, tries it, encrypts it, takes it to its place, reads it back
// from there, and only then removes what is too old.
func (s *Service) make(ctx context.Context, plan Plan, row *Snapshot) error {
	row.Name = fileName(row.At.Time)
	row.Place = plan.Folder
	if plan.Folder == "" {
		row.Place = (&remote{to: plan.SFTP}).String()
	}
	if err := s.ready(plan); err != nil {
		return err
	}
	defer s.doing("")
	s.doing("reach " + row.Place)
	to, err := s.open(ctx, plan)
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }() // what was written is verified by reading it back
	spool := filepath.Join(s.cfg.Folder, SpoolDir)
	if err := os.RemoveAll(spool); err != nil { // of a run that was cut off
		return err
	}
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return placeError(err, spool)
	}
	defer func() { _ = os.RemoveAll(spool) }()
	plain, sealed := filepath.Join(spool, "plain"), filepath.Join(spool, "sealed")
	s.doing("write")
	made, err := s.cfg.Archive.Create(ctx, plain, plan.Captures)
	if err != nil {
		return err
	}
	row.Rows = made.Rows
	s.doing("try")
	if err := s.cfg.Archive.Try(ctx, plain, filepath.Join(spool, "try"), made); err != nil {
		return fmt.Errorf("the snapshot does not restore: %w", err)
	}
	row.Tried = store.At(s.now())
	if err := os.RemoveAll(filepath.Join(spool, "try")); err != nil {
		return err
	}
	s.doing("encrypt")
	if err := s.cfg.Archive.Seal(ctx, plain, sealed); err != nil {
		return err
	}
	if err := os.Remove(plain); err != nil {
		return err
	}
	if row.SHA256, row.Bytes, err = hashOf(ctx, folder(spool), "sealed"); err != nil {
		return err
	}
	f, err := os.Open(sealed)
	if err != nil {
		return err
	}
	defer f.Close()
	s.doing("take to " + row.Place)
	if err := to.Put(ctx, row.Name, row.Bytes, f); err != nil {
		return err
	}
	s.doing("read back")
	if err := s.readBack(ctx, to, *row); err != nil {
		return err
	}
	row.Read = store.At(s.now())
	return s.tidy(ctx, to, plan, row.Name)
}

func (s *Service) readBack(ctx context.Context, from place, row Snapshot) error {
	sum, size, err := hashOf(ctx, from, row.Name)
	if err != nil {
		return err
	}
	if sum != row.SHA256 || size != row.Bytes {
		return ot.Errorf(ot.Damaged, "%s in %s is not what was written: %d of %d bytes, SHA-256 %.12s… instead of %.12s…", row.Name, from, size, row.Bytes, sum, row.SHA256)
	}
	return nil
}

// tidy removes what the rule does not keep; only files whose names are ours.
func (s *Service) tidy(ctx context.Context, in place, plan Plan, newest string) error {
	if f, err := s.Frozen(ctx); err != nil || f.On {
		return err
	}
	names, err := in.List(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(names, newest) { // a folder that does not show what it took
		return ot.Errorf(ot.Damaged, "%s does not list the snapshot that it took", in)
	}
	var times []time.Time
	for _, n := range names {
		if t, ok := timeOf(n); ok {
			times = append(times, t)
		} else if err := in.Remove(ctx, n); err != nil { // half of one that was cut off
			return err
		}
	}
	for _, t := range plan.Keep.Old(times) {
		name := fileName(t)
		if err := in.Remove(ctx, name); err != nil {
			return err
		}
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE care_snapshot SET gone_at = ? WHERE name = ? AND place = ? AND gone_at IS NULL", store.At(s.now()), name, in.String())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Reread reads a snapshot back whole from its place and compares it with what was written.
func (s *Service) Reread(ctx context.Context, id string) (Snapshot, error) {
	var row Snapshot
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		row, err = store.One[Snapshot](ctx, r, "SELECT "+snapshotColumns+" FROM care_snapshot WHERE snapshot_id = ?", id)
		return err
	})
	if err != nil {
		return row, err
	}
	if row.SHA256 == "" || !row.Gone.IsZero() {
		return row, ot.Errorf(ot.Conflict, "this snapshot is not there any more, or never was")
	}
	plan, err := s.Plan(ctx)
	if err != nil {
		return row, err
	}
	from, err := s.open(ctx, plan)
	if err != nil {
		return row, err
	}
	defer func() { _ = from.Close() }() // only read
	if !strings.EqualFold(from.String(), row.Place) {
		return row, ot.Errorf(ot.Conflict, "it lies in %s, and snapshots go to %s now", row.Place, from)
	}
	failure := s.readBack(ctx, from, row)
	row.Read, row.Error = store.At(s.now()), ""
	if failure != nil {
		row.Error = ot.Printable(failure.Error())
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		return store.Upsert(ctx, tx, "care_snapshot", []Snapshot{row}, []string{"snapshot_id"}, []string{"read_at", "error"})
	})
	if failure != nil {
		err = failure
	}
	return row, err
}

func (s *Service) doing(what string) {
	s.mu.Lock()
	s.busy = what
	s.mu.Unlock()
}

// Doing says what the snapshot job is at; empty: nothing.
func (s *Service) Doing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}
