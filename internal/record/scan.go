package record

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record/clamd"
	"github.com/skanse/skanse/internal/store"
)

func (s *Service) scanPath(ctx context.Context, path string) (clamd.Verdict, error) {
	f, err := os.Open(path)
	if err != nil {
		return clamd.Verdict{}, err
	}
	defer f.Close()
	return s.clamd.Scan(ctx, f)
}

// Rescan scans what was taken while no scanner answered. It stops at the first that
// cannot be scanned: clamd is away, and the next turn tries again.
func (s *Service) Rescan(ctx context.Context) error {
	if s.clamd == nil || s.files == nil {
		return nil
	}
	type row struct {
		ID       string `db:"attachment_id"`
		RecordID string `db:"record_id"`
		Name     string `db:"name"`
		SHA256   string `db:"sha256"`
	}
	after := ""
	for {
		var rows []row
		err := s.db.View(ctx, func(r store.Reader) (err error) {
			rows, err = store.All[row](ctx, r, "SELECT attachment_id, record_id, name, sha256 FROM record_attachment WHERE scan = 'unscanned' AND removed_at IS NULL AND attachment_id > ? ORDER BY attachment_id LIMIT 50", after)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, x := range rows {
			after = x.ID
			if _, err := os.Stat(s.files.file(x.SHA256)); errors.Is(err, os.ErrNotExist) {
				continue // its absence is told where it is opened
			}
			v, err := s.scanPath(ctx, s.files.file(x.SHA256))
			if err != nil {
				return err
			}
			if err := s.scanned(ctx, x.ID, x.RecordID, x.SHA256, v); err != nil {
				return err
			}
		}
	}
}

// scanned writes down what the scanner said. An infected file is locked away first.
func (s *Service) scanned(ctx context.Context, id, recordID, sum string, v clamd.Verdict) error {
	state := Clean
	if v.Infected {
		state = Infected
		if err := s.files.lock(sum); err != nil {
			return err
		}
	}
	who := auth.System()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		// The same file may hang on several records.
		if _, err := tx.Exec(ctx, "UPDATE record_attachment SET scan = ?, finding = ?, scanned_at = ? WHERE sha256 = ? AND scan <> 'infected'", state, v.Name, store.At(s.now()), sum); err != nil {
			return err
		}
		rec, _, err := s.load(ctx, tx, who.Scope, recordID)
		if err != nil {
			return err
		}
		if v.Infected {
			if err := s.warn(ctx, tx, rec, id, v.Name); err != nil {
				return err
			}
		}
		return s.tell(ctx, tx, who, rec, "record.scan", map[string]string{"attachment": id, "scan": state, "finding": v.Name})
	})
}

// warn asks somebody to look at who brought an infected file.
func (s *Service) warn(ctx context.Context, tx *store.Tx, rec *Record, attachmentID, finding string) error {
	return inbox.Put(ctx, tx, s.now(), inbox.Item{
		Key: "record.infected:" + attachmentID, Kind: "infected-attachment", SiteNo: rec.SiteNo, ZoneNo: rec.ZoneNo, EntityID: rec.EntityID, Role: auth.DSO, Severity: inbox.Now,
		Title: rec.Ref + " " + rec.Title, Detail: finding, Ref: ot.Ref{Kind: "record", ID: rec.ID}, Action: "look",
	})
}

// Sweep removes files that no row names any more.
func (s *Service) Sweep(ctx context.Context) error {
	if s.files == nil {
		return nil
	}
	return s.files.files(orphanAge, func(sum, path string) error {
		s.files.mu.Lock()
		defer s.files.mu.Unlock()
		if i, err := os.Stat(path); err != nil || time.Since(i.ModTime()) < orphanAge {
			return nil // given again meanwhile
		}
		var n int64
		err := s.db.View(ctx, func(r store.Reader) (err error) {
			n, err = store.One[int64](ctx, r, "SELECT count(*) FROM record_attachment WHERE sha256 = ? AND removed_at IS NULL", sum)
			return err
		})
		if err != nil || n > 0 {
			return err
		}
		return os.Remove(path)
	})
}
