package comply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// answerRow is the present answer of a check at a site.
type answerRow struct {
	SiteNo     int64      `db:"site_no" json:"site_no"`
	CheckID    string     `db:"check_id" json:"check"`
	Status     Verdict    `db:"status" json:"status"`
	Value      *float64   `db:"value" json:"value"`
	Population int        `db:"population" json:"population"`
	Judged     int        `db:"judged" json:"judged"`
	Passed     int        `db:"passed" json:"passed"`
	Failed     int        `db:"failed" json:"failed"`
	Unknown    int        `db:"unknown" json:"unknown"`
	Excepted   int        `db:"excepted" json:"excepted"`
	Observed   *float64   `db:"observed" json:"observed"`
	Collected  store.Time `db:"collected_at" json:"collected_at" nullable:"true"`
	Reason     string     `db:"reason" json:"reason"`
	ItemsHash  string     `db:"items_hash" json:"items_hash"`
	At         store.Time `db:"at" json:"-"`
	EvidenceAt store.Time `db:"evidence_at" json:"-"`
}

const answerColumns = "site_no, check_id, status, value, population, judged, passed, failed, unknown, excepted, observed, collected_at, reason, items_hash, at, evidence_at"

func (a answerRow) answer() Answer {
	return Answer{
		Status: a.Status, Value: a.Value, Population: a.Population, Judged: a.Judged, Passed: a.Passed, Failed: a.Failed, Unknown: a.Unknown,
		Excepted: a.Excepted, Observed: a.Observed, Collected: a.Collected.Time, Reason: a.Reason,
	}
}

// same says whether two answers are one for evidence: times that only go on do not make a change.
func (a answerRow) same(b answerRow) bool {
	return a.Status == b.Status && near(a.Value, b.Value) && a.Population == b.Population && a.Judged == b.Judged && a.Passed == b.Passed &&
		a.Failed == b.Failed && a.Unknown == b.Unknown && a.Excepted == b.Excepted && a.ItemsHash == b.ItemsHash
}

func near(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return math.Abs(*a-*b) < .005
}

// EvidenceRow is an answer as it was, bound to its run.
type EvidenceRow struct {
	SiteNo     int64      `db:"site_no" json:"-"`
	Month      int64      `db:"month" json:"-"`
	CheckID    string     `db:"check_id" json:"check"`
	At         store.Time `db:"at" json:"at"`
	SiteID     string     `db:"site_id" json:"site"`
	Cause      string     `db:"cause" json:"cause"`
	Status     Verdict    `db:"status" json:"status"`
	Value      *float64   `db:"value" json:"value"`
	Population int        `db:"population" json:"population"`
	Judged     int        `db:"judged" json:"judged"`
	Passed     int        `db:"passed" json:"passed"`
	Failed     int        `db:"failed" json:"failed"`
	Unknown    int        `db:"unknown" json:"unknown"`
	Excepted   int        `db:"excepted" json:"excepted"`
	Observed   *float64   `db:"observed" json:"observed"`
	Collected  store.Time `db:"collected_at" json:"collected_at" nullable:"true"`
	From       store.Time `db:"window_from" json:"from" nullable:"true"`
	Reason     string     `db:"reason" json:"reason" say:"true"`
	ItemsHash  string     `db:"items_hash" json:"items"`
	RunID      string     `db:"run_id" json:"run"`
	Position   int        `db:"position" json:"position"`
	Hash       string     `db:"hash" json:"-"`
}

// leaf is what the run's Merkle tree hashes.
func (e EvidenceRow) leaf() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", e.CheckID, err)
	}
	return b, nil
}

type itemsRow struct {
	Hash  string `db:"hash"`
	Count int    `db:"count"`
	Body  []byte `db:"body"`
}

type runRow struct {
	RunID     string     `db:"run_id"`
	At        store.Time `db:"at"`
	Root      string     `db:"root"`
	Count     int        `db:"count"`
	Engine    string     `db:"engine"`
	Catalogue string     `db:"catalogue"`
}

// monthOf numbers months as the partitions of growing tables do.
func monthOf(t time.Time) int64 { return int64(t.UTC().Year()*12 + int(t.UTC().Month()) - 1) }

func dayOf(t time.Time) int64 { return t.Unix() / 86400 }

// itemSet sorts failing items, so that equal sets have one hash whatever order the rows came in.
func itemSet(refs []ot.Ref) (hash, body string, count int) {
	if len(refs) == 0 {
		return "", "", 0
	}
	lines := make([]string, len(refs))
	for i, r := range refs {
		lines[i] = r.Kind + "\t" + r.ID + "\n"
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	body = strings.Join(lines, "")
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:]), body, len(lines)
}

// batch bounds the rows of one transaction: the store asks for less than 2,000, and an
// answer writes two with perhaps a set of items.
const batch = 600

// keep writes new answers, and evidence for those that changed or have had none today.
// Each batch is a run of its own, with one root in the audit log.
func (s *Service) keep(ctx context.Context, now time.Time, got asked, old map[answerKey]answerRow) (int, error) {
	names := map[int64]string{}
	for _, x := range got.sites {
		names[x.No] = x.ID
	}
	var rows []answerRow
	var evidence []EvidenceRow
	items := map[string]itemsRow{}
	for key, t := range got.answers {
		hash, body, count := itemSet(t.failing)
		a := answerRow{
			SiteNo: key.SiteNo, CheckID: key.Check, Status: t.Status, Value: t.Value, Population: t.Population, Judged: t.Judged, Passed: t.Passed, Failed: t.Failed,
			Unknown: t.Unknown, Excepted: t.Excepted, Observed: t.Observed, Collected: store.At(t.Collected), Reason: t.Reason, ItemsHash: hash, At: store.At(now), EvidenceAt: store.At(now),
		}
		prev, known := old[key]
		cause := "change"
		if known && a.same(prev) {
			cause = "heartbeat"
			a.EvidenceAt = prev.EvidenceAt
			if dayOf(now) == dayOf(prev.EvidenceAt.Time) {
				if a.Collected.Equal(prev.Collected.Time) && a.Reason == prev.Reason {
					continue // nothing to write at all
				}
				rows = append(rows, a)
				continue
			}
			a.EvidenceAt = store.At(now)
		}
		rows = append(rows, a)
		k, _, _ := s.cat.Check(key.Check)
		evidence = append(evidence, EvidenceRow{
			SiteNo: key.SiteNo, Month: monthOf(now), CheckID: key.Check, At: store.At(now), SiteID: names[key.SiteNo], Cause: cause,
			Status: a.Status, Value: a.Value, Population: a.Population, Judged: a.Judged, Passed: a.Passed, Failed: a.Failed, Unknown: a.Unknown, Excepted: a.Excepted,
			Observed: a.Observed, Collected: a.Collected, From: store.At(now.Add(-k.Window.Length())), Reason: a.Reason, ItemsHash: hash,
		})
		if hash != "" {
			items[hash] = itemsRow{hash, count, s.zip.pack([]byte(body))}
		}
	}
	slices.SortFunc(evidence, func(a, b EvidenceRow) int {
		if a.SiteNo != b.SiteNo {
			return int(a.SiteNo - b.SiteNo)
		}
		return strings.Compare(a.CheckID, b.CheckID)
	})
	changed := map[answerKey]answerRow{}
	for _, a := range rows {
		changed[answerKey{a.SiteNo, a.CheckID}] = a
	}
	for part := range slices.Chunk(evidence, batch) {
		if err := s.writeRun(ctx, now, part, changed, items); err != nil {
			return 0, err
		}
	}
	var rest []answerRow
	for _, a := range changed {
		rest = append(rest, a)
	}
	for part := range slices.Chunk(rest, 2*batch) {
		if err := s.db.Update(ctx, func(tx *store.Tx) error { return putAnswers(ctx, tx, part) }); err != nil {
			return 0, fmt.Errorf("write answers: %w", err)
		}
	}
	return len(evidence), nil
}

func putAnswers(ctx context.Context, tx *store.Tx, rows []answerRow) error {
	return store.Upsert(ctx, tx, "comply_answer", rows, []string{"site_no", "check_id"},
		[]string{"status", "value", "population", "judged", "passed", "failed", "unknown", "excepted", "observed", "collected_at", "reason", "items_hash", "at", "evidence_at"})
}

// writeRun writes evidence with its answers, items and root, all or nothing.
// The answers it wrote leave changed.
func (s *Service) writeRun(ctx context.Context, now time.Time, part []EvidenceRow, changed map[answerKey]answerRow, items map[string]itemsRow) error {
	id := store.NewID()
	leaves := make([][]byte, len(part))
	var answers []answerRow
	var sets []itemsRow
	for i := range part {
		e := &part[i]
		e.RunID, e.Position = id, i
		leaf, err := e.leaf()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(leaf)
		e.Hash, leaves[i] = hex.EncodeToString(sum[:]), leaf
		answers = append(answers, changed[answerKey{e.SiteNo, e.CheckID}])
		if set, ok := items[e.ItemsHash]; ok {
			sets = append(sets, set)
			delete(items, e.ItemsHash)
		}
	}
	root := audit.Root(leaves)
	run := runRow{id, store.At(now), hex.EncodeToString(root[:]), len(part), engineVersion, s.cat.Version}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		if err := store.Upsert(ctx, tx, "comply_items", sets, []string{"hash"}, nil); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "comply_evidence", part, []string{"site_no", "month", "check_id", "at"}, nil); err != nil {
			return err
		}
		if err := putAnswers(ctx, tx, answers); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "comply_run", []runRow{run}, nil, nil); err != nil {
			return err
		}
		return audit.AppendRoot(ctx, tx, audit.Entry{Actor: "system", Action: "evidence.run", Target: ot.Ref{Kind: "run", ID: id}}, root, len(part))
	})
	if err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	for _, e := range part {
		delete(changed, answerKey{e.SiteNo, e.CheckID})
	}
	return nil
}
