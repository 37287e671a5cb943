package audit

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Log is the one sequencer of a centre, and what reads the log.
type Log struct {
	db     *store.DB
	signer note.Signer
	log    *slog.Logger
}

// New makes a Log; a nil signer reads only.
func New(db *store.DB, signer note.Signer, log *slog.Logger) *Log {
	return &Log{db: db, signer: signer, log: log}
}

// sequenceBatch entries are an update, about two hashes each: below 2,000 rows.
const sequenceBatch = 400

// pollEntries is how long an entry of another process waits at most.
const pollEntries = 500 * time.Millisecond

// Run gives entries their place in the tree until ctx ends, then returns nil.
func (l *Log) Run(ctx context.Context) error {
	for {
		changed := l.db.Changed()
		n, err := l.Sequence(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			l.log.Error("the audit log could not be sequenced; it tries again", "error", err)
			changed = nil
		}
		if n == sequenceBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(pollEntries):
		}
	}
}

// Sequence places the entries that wait, at most a batch of them, and signs one checkpoint.
func (l *Log) Sequence(ctx context.Context) (n int, err error) {
	if l.signer == nil {
		return 0, ot.Errorf(ot.Internal, "the audit log has no key to sign with")
	}
	var fresh []record
	// The look has a snapshot of its own: inside the transaction it would collide
	// with every change that writes an entry.
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		fresh, err = store.All[record](ctx, r, "SELECT "+recordColumns+" FROM audit_entry WHERE idx IS NULL ORDER BY seq LIMIT ?", sequenceBatch)
		return err
	})
	if err != nil || len(fresh) == 0 {
		return 0, err
	}
	return len(fresh), l.db.Update(ctx, func(tx *store.Tx) error { return l.place(ctx, tx, fresh) })
}

func (l *Log) place(ctx context.Context, tx *store.Tx, fresh []record) error {
	size, err := treeSize(ctx, tx)
	if err != nil {
		return err
	}
	reader := newHashes(ctx, tx)
	var rows []hashRow
	for _, e := range fresh {
		n, err := tx.Exec(ctx, "UPDATE audit_entry SET idx = ? WHERE seq = ? AND idx IS NULL", size, e.Seq)
		if err != nil {
			return err
		}
		if n == 0 {
			continue // another sequencer was faster
		}
		hs, err := tlog.StoredHashes(size, e.leaf(), reader)
		if err != nil {
			return fmt.Errorf("audit tree at %d: %w", size, err)
		}
		first := tlog.StoredHashIndex(0, size)
		for i, h := range hs {
			reader.known[first+int64(i)] = h
			rows = append(rows, hashRow{first + int64(i), h[:]})
		}
		size++
	}
	if len(rows) == 0 {
		return nil
	}
	if err := store.Upsert(ctx, tx, "audit_hash", rows, nil, nil); err != nil {
		return err
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return fmt.Errorf("audit tree of %d: %w", size, err)
	}
	signed, err := note.Sign(&note.Note{Text: checkpointText(size, root)}, l.signer)
	if err != nil {
		return fmt.Errorf("sign the audit checkpoint: %w", err)
	}
	_, err = tx.Exec(ctx, "INSERT INTO audit_checkpoint (size, root, at, note) VALUES (?, ?, ?, ?)", size, root.String(), store.At(time.Now()), string(signed))
	return err
}

type hashRow struct {
	Pos  int64  `db:"pos"`
	Hash []byte `db:"hash"`
}

func treeSize(ctx context.Context, r store.Reader) (int64, error) {
	return store.One[int64](ctx, r, "SELECT COALESCE(MAX(size), 0) FROM audit_checkpoint")
}

// hashes reads stored hashes and remembers them for the rest of the transaction.
type hashes struct {
	ctx   context.Context //nolint:containedctx // tlog's interface has no context; it lives for one call
	r     store.Reader
	known map[int64]tlog.Hash
}

func newHashes(ctx context.Context, r store.Reader) *hashes {
	return &hashes{ctx: ctx, r: r, known: map[int64]tlog.Hash{}}
}

// ReadHashes implements tlog.HashReader.
func (h *hashes) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	var missing []int64
	for _, i := range ix {
		if _, ok := h.known[i]; !ok {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		rows, err := store.All[hashRow](h.ctx, h.r, "SELECT pos, hash FROM audit_hash WHERE pos IN (?)", missing)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			var x tlog.Hash
			if copy(x[:], row.Hash) != len(x) {
				return nil, ot.Errorf(ot.Damaged, "the stored hash %d of the audit log is cut", row.Pos)
			}
			h.known[row.Pos] = x
		}
	}
	out := make([]tlog.Hash, len(ix))
	for n, i := range ix {
		x, ok := h.known[i]
		if !ok {
			return nil, ot.Errorf(ot.Damaged, "the stored hash %d of the audit log is missing", i)
		}
		out[n] = x
	}
	return out, nil
}

// checkpointText is what is signed: origin, size, root.
func checkpointText(size int64, root tlog.Hash) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
}

func parseCheckpoint(text string) (size int64, root tlog.Hash, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[0] != origin {
		return 0, root, ot.Errorf(ot.Invalid, "this is not a checkpoint of an audit log")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return 0, root, ot.Errorf(ot.Invalid, "the checkpoint's size %q is not a number", ot.Printable(lines[1]))
	}
	root, err = tlog.ParseHash(lines[2])
	if err != nil {
		return 0, root, ot.Errorf(ot.Invalid, "the checkpoint's root is not a hash")
	}
	return size, root, nil
}
