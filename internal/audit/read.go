package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// Filter narrows a list. Entries of no site are for who sees everything.
type Filter struct {
	All   bool     // the whole installation
	Sites []string // site ids; only where All is false

	Actor, Action string
	Before        int64     // seq; 0: from the newest
	Until         time.Time // written by then; zero: now
	Limit         int
}

// Item is an entry as people see it.
type Item struct {
	Seq    int64             `json:"-"`
	Index  *int64            `json:"index" doc:"Place in the tree; null for a second after writing"`
	At     store.Time        `json:"at"`
	Actor  string            `json:"actor" doc:"User id, or system"`
	Action string            `json:"action"`
	SiteID string            `json:"site_id"`
	Target ot.Ref            `json:"target"`
	Detail map[string]string `json:"detail" doc:"Empty if there is none, or it was erased"`
	Erased bool              `json:"erased"`
	Hash   string            `json:"hash" doc:"Of the leaf"`
}

// List returns the newest entries first.
func (l *Log) List(ctx context.Context, f Filter) ([]Item, error) {
	type row struct {
		record
		Idx    *int64  `db:"idx"`
		Salt   *string `db:"salt"`
		Detail *string `db:"detail"`
	}
	var items []Item
	err := l.db.View(ctx, func(r store.Reader) error {
		visible := ot.SQL{Text: "1 = 1"}
		if !f.All {
			visible = ot.SQL{Text: "e.site IN (?)", Args: []any{f.Sites}}
		}
		if !f.Until.IsZero() {
			visible = ot.SQL{Text: "? AND e.at <= ?", Args: []any{visible, store.At(f.Until)}}
		}
		rows, err := store.All[row](ctx, r, `SELECT e.seq, e.at, e.actor, e.action, e.site, e.target_kind, e.target_id, e.root, e.detail_hash, e.idx, d.salt, d.detail
			FROM audit_entry e LEFT JOIN audit_detail d ON d.seq = e.seq
			WHERE ? AND (CAST(? AS TEXT) = '' OR e.actor = ?) AND substr(e.action, 1, length(CAST(? AS TEXT))) = ?
			AND (CAST(? AS BIGINT) = 0 OR e.seq < ?) ORDER BY e.seq DESC LIMIT ?`,
			visible, f.Actor, f.Actor, f.Action, f.Action, f.Before, f.Before, f.Limit)
		if err != nil {
			return err
		}
		items = make([]Item, 0, len(rows))
		for _, e := range rows {
			it := Item{
				Seq: e.Seq, Index: e.Idx, At: e.At, Actor: e.Actor, Action: e.Action, SiteID: e.Site,
				Target: ot.Ref{Kind: e.TargetKind, ID: e.TargetID}, Detail: map[string]string{}, Hash: tlog.RecordHash(e.leaf()).String(),
			}
			if e.Detail != nil && *e.Detail != "" {
				if err := json.Unmarshal([]byte(*e.Detail), &it.Detail); err != nil {
					return ot.Errorf(ot.Damaged, "the detail of audit entry %d cannot be read: run skanse verify audit", e.Seq)
				}
			}
			it.Erased = e.DetailHash != "" && (e.Salt == nil || *e.Salt == "")
			if e.Root != "" {
				it.Detail["root"] = e.Root
			}
			items = append(items, it)
		}
		return nil
	})
	return items, err
}

// Checkpoint is the last signed state of the log.
type Checkpoint struct {
	Size int64      `db:"size" json:"size"`
	Root string     `db:"root" json:"root"`
	At   store.Time `db:"at" json:"at"`
	Note string     `db:"note" json:"note" doc:"Signed text: keep it on another machine, skanse verify audit takes it as a witness"`
}

// Last returns the last checkpoint, the zero one of an empty log.
func (l *Log) Last(ctx context.Context) (Checkpoint, error) {
	var c Checkpoint
	err := l.db.View(ctx, func(r store.Reader) (err error) {
		c, err = store.One[Checkpoint](ctx, r, "SELECT size, root, at, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1")
		return err
	})
	if ot.CodeOf(err) == ot.NotFound {
		return Checkpoint{}, nil
	}
	return c, err
}

// EraseActor blanks the details of what a person did, where names and free text
// stand. Proofs stay whole. The erasure itself is for the caller to audit.
func EraseActor(ctx context.Context, tx *store.Tx, actor string) (int64, error) {
	n, err := tx.Exec(ctx, "UPDATE audit_detail SET salt = '', detail = '' WHERE detail <> '' AND seq IN (SELECT seq FROM audit_entry WHERE actor = ?)", actor)
	if err != nil {
		return 0, fmt.Errorf("erase audit details: %w", err)
	}
	return n, nil
}

// EraseBefore blanks the details of entries older than before, a few at a time, and
// says how many. The entries and their proofs stay for ever.
func (l *Log) EraseBefore(ctx context.Context, before time.Time) (total int64, err error) {
	const step = 500
	for {
		var n int64
		err := l.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(ctx, `UPDATE audit_detail SET salt = '', detail = '' WHERE seq IN (SELECT d.seq FROM audit_detail d
				JOIN audit_entry e ON e.seq = d.seq WHERE e.at < ? AND d.detail <> '' ORDER BY d.seq LIMIT ?)`, store.At(before), step)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("erase old audit details: %w", err)
		}
		total += n
		if n < step {
			return total, nil
		}
	}
}
