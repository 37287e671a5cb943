package audit

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// Consistency returns the last checkpoint and the proof that the log of its size
// continues the one of from entries, for a witness that keeps the older one. For a
// witness that saw nothing yet, or more than there is, the proof is empty: the
// second will notice.
func (l *Log) Consistency(ctx context.Context, from int64) (c Checkpoint, steps []string, err error) {
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		steps = nil
		c, err = store.One[Checkpoint](ctx, r, "SELECT size, root, at, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1")
		if ot.CodeOf(err) == ot.NotFound {
			c = Checkpoint{}
			return nil
		}
		if err != nil || from <= 0 || from >= c.Size {
			return err
		}
		proof, err := tlog.ProveTree(c.Size, from, newHashes(ctx, r))
		if err != nil {
			return fmt.Errorf("prove that the audit log of %d entries continues that of %d: %w", c.Size, from, err)
		}
		for _, h := range proof {
			steps = append(steps, h.String())
		}
		return nil
	})
	return c, steps, err
}
