package comply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Verified is what VerifyEvidence went through.
type Verified struct {
	Runs    int      `json:"runs"`
	Answers int      `json:"answers"`
	Sets    int      `json:"sets"`
	Expired int      `json:"expired"` // runs whose answers were removed for their age, as the audit log says
	Damage  []string `json:"damage"`  // one sentence each; empty: all verifies
}

// maxDamage bounds the list: a destroyed table needs no thousand sentences.
const maxDamage = 50

func (v *Verified) bad(format string, args ...any) {
	if len(v.Damage) < maxDamage {
		v.Damage = append(v.Damage, fmt.Sprintf(format, args...))
	}
}

// VerifyEvidence recomputes the hash of every answer, the root of every run and the hash of
// every set of items, and compares the roots with the audit log. A changed, removed or added
// answer is found; that the audit log itself is whole is for audit's own verification.
func VerifyEvidence(ctx context.Context, r store.Reader) (Verified, error) {
	v := Verified{Damage: []string{}}
	type entry struct {
		ID   string `db:"target_id"`
		Root string `db:"root"`
	}
	logged := map[string]string{}
	for e, err := range store.Select[entry](ctx, r, "SELECT target_id, root FROM audit_entry WHERE action = 'evidence.run'") {
		if err != nil {
			return v, fmt.Errorf("read the audit log: %w", err)
		}
		logged[e.ID] = e.Root
	}
	runs, err := store.All[runRow](ctx, r, "SELECT run_id, at, root, count, engine, catalogue FROM comply_run ORDER BY at, run_id")
	if err != nil {
		return v, fmt.Errorf("read runs: %w", err)
	}
	expired, err := expiredBefore(ctx, r)
	if err != nil {
		return v, fmt.Errorf("read the audit log: %w", err)
	}
	known := map[string]bool{}
	for _, run := range runs {
		known[run.RunID] = true
		v.Runs++
		rows, err := store.All[EvidenceRow](ctx, r, "SELECT "+evidenceColumns+" FROM comply_evidence WHERE run_id = ? ORDER BY position", run.RunID)
		if err != nil {
			return v, fmt.Errorf("read evidence: %w", err)
		}
		if len(rows) == 0 && run.At.Before(expired) && logged[run.RunID] == run.Root {
			v.Expired++
			continue
		}
		v.run(run, rows, logged)
	}
	for id := range logged {
		if !known[id] {
			v.bad("run %s stands in the audit log, but its evidence is gone", id)
		}
	}
	orphans, err := store.One[int](ctx, r, "SELECT COUNT(*) FROM comply_evidence e WHERE NOT EXISTS (SELECT 1 FROM comply_run r WHERE r.run_id = e.run_id)")
	if err != nil {
		return v, err
	}
	if orphans > 0 {
		v.bad("%d answers belong to no run: they were added by hand", orphans)
	}
	return v, v.sets(ctx, r)
}

func (v *Verified) run(run runRow, rows []EvidenceRow, logged map[string]string) {
	at := run.At.Format("2006-01-02 15:04")
	if len(rows) != run.Count {
		v.bad("the run of %s (%s) had %d answers, %d are left", at, run.RunID, run.Count, len(rows))
	}
	leaves := make([][]byte, 0, len(rows))
	for i, e := range rows {
		v.Answers++
		leaf, err := e.leaf()
		sum := sha256.Sum256(leaf)
		if err != nil || hex.EncodeToString(sum[:]) != e.Hash || e.Position != i {
			v.bad("the answer of %s at site %s of %s was changed", e.CheckID, e.SiteID, e.At.Format("2006-01-02 15:04"))
		}
		leaves = append(leaves, leaf)
	}
	root := audit.Root(leaves)
	switch {
	case hex.EncodeToString(root[:]) != run.Root:
		v.bad("the root of the run of %s (%s) does not follow from its answers", at, run.RunID)
	case logged[run.RunID] == "":
		v.bad("the run of %s (%s) is not in the audit log", at, run.RunID)
	case logged[run.RunID] != run.Root:
		v.bad("the audit log has another root for the run of %s (%s)", at, run.RunID)
	}
}

func (v *Verified) sets(ctx context.Context, r store.Reader) error {
	zip, err := newPacking()
	if err != nil {
		return err
	}
	for set, err := range store.Select[itemsRow](ctx, r, "SELECT hash, count, body FROM comply_items ORDER BY hash") {
		if err != nil {
			return fmt.Errorf("read sets of items: %w", err)
		}
		v.Sets++
		b, err := zip.unpack(set.Body)
		if sum := sha256.Sum256(b); err != nil || hex.EncodeToString(sum[:]) != set.Hash {
			v.bad("the set of items %.12s was changed", set.Hash)
		}
	}
	missing, err := store.One[int](ctx, r, "SELECT COUNT(*) FROM comply_evidence e WHERE e.items_hash <> '' AND NOT EXISTS (SELECT 1 FROM comply_items i WHERE i.hash = e.items_hash)")
	if err != nil {
		return err
	}
	if missing > 0 {
		v.bad("%d answers name a set of items that is gone", missing)
	}
	return nil
}

// Err is nil when all verifies, and says what is wrong otherwise.
func (v Verified) Err() error {
	if len(v.Damage) == 0 {
		return nil
	}
	return ot.Errorf(ot.Damaged, "%d places of the evidence do not verify; the first: %s. Compare with a snapshot or a checkpoint kept elsewhere", len(v.Damage), v.Damage[0])
}
